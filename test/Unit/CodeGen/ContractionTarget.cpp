//===- ContractionTarget.cpp - What contractions are checked on -----------===//

#include "ContractionTarget.h"

#include <cstdio>
#include <cstring>

namespace dl::test {

Machine machineOf(const Target &target) {
  bool isSmall = std::strcmp(target.march, kSmallCaches) == 0;
  Machine machine = Machine::get(isSmall ? "host" : target.march).value();
  if (isSmall)
    machine.l1Bytes = 2 << 10, machine.l2Bytes = 8 << 10, machine.l3Bytes = 1 << 20;
  // Smaller pieces than a block of tiles there are not.
  if (isSmall && target.arithmetic == Arithmetic::Tiles)
    machine.l2Bytes = 32 << 10;
  return machine;
}

std::vector<const char *> kindsOf(const Target &target) {
  switch (target.arithmetic) {
  case Arithmetic::Winograd:
    return {"winograd 4x4 of 3x3", "winograd 2x2 of 5x5",    "image wanted",
            "weights wanted",      "columns in blocks",      "weights in tasks",
            "points first",        "weights by each worker", "operand by each worker"};
  case Arithmetic::Tiles:
    if (std::strcmp(target.march, kSmallCaches) == 0)
      return {"by tasks",         "in pieces of",  "k split in",    "summed in scratch",
              "operands swapped", "a split ahead", "b split ahead", "results fetched ahead"};
    return {"bf16x3", "operands swapped", "residues", "deinterleaved", "by each worker"};
  case Arithmetic::WinogradTiles:
    return {"bf16x3"};
  case Arithmetic::MultiplyAdds:
    break;
  }
  if (std::strcmp(target.march, kSmallCaches) == 0) {
    std::vector<const char *> kinds = {"a in place",
                                       "b packed in tasks",
                                       "in chunks of",
                                       "split in",
                                       "rows of a fetched ahead",
                                       "pieces of a fetched ahead",
                                       "results fetched ahead",
                                       "columns fetched for dot products",
                                       "padding packed",
                                       "left over"};
    // Rows that are long, and wide enough to be packed, are rare, as are large results.
    if (target.cases >= 400)
      kinds.insert(kinds.end(), {"a packed", "shared in chunks", "results stored past the caches"});
    return kinds;
  }
  std::vector<const char *> kinds = {
      "a in place",    "a copied",         "a clipped",       "b in place",         "b copied",
      "b packed",      "scratch",          "; 1 tasks",       "a along the vector", "of 1 lanes",
      "tile 1x",       "operands swapped", "residues",        "(dot products)",     "left over",
      "steps share a", "a by each worker", "b by each worker"};
  // A group of two columns fills a vector of two lanes.
  if (machineOf(target).lanes(std::strcmp(target.element, "f64") == 0 ? 64 : 32) > 2)
    kinds.push_back("across groups");
  // Rare ones, in long sweeps.
  if (target.cases >= 1000)
    kinds.insert(kinds.end(), {"split in", "columns of b packed", "clipped dot products",
                               "fetched ahead", "what strides pass over"});
  if (target.cases >= 1000 && machineOf(target).lanes(32) == 16 &&
      std::strcmp(target.element, "f32") == 0)
    kinds.push_back("rows of tasks at a time");
  return kinds;
}

/// Whether B is packed column by column, for dot products.
static bool packsColumns(const std::string &strategy) {
  return strategy.find("(dot products)") != std::string::npos &&
         strategy.find("b packed") != std::string::npos;
}

/// Whether dot products leave out what lies outside of the image.
static bool clipsDots(const std::string &strategy) {
  return strategy.find("(dot products)") != std::string::npos &&
         strategy.find("a clipped") != std::string::npos;
}

/// Whether dot products fetch the columns of the next tiles ahead.
static bool fetchesColumns(const std::string &strategy) {
  return strategy.find("(dot products)") != std::string::npos &&
         strategy.find("columns of b fetched ahead") != std::string::npos;
}

/// Whether A is packed with zeros where the iteration leaves it.
static bool packsPadding(const ContractionCase &c, const std::string &strategy) {
  return c.op == CaseOp::BackwardWeights && c.top + c.left > 0 &&
         strategy.find("a packed") != std::string::npos;
}

/// Whether sums that share vectors of A go in chunks.
static bool sharesInChunks(const std::string &strategy) {
  return strategy.find("share a") != std::string::npos &&
         strategy.find("in chunks of") != std::string::npos;
}

/// Whether the last columns do not fill a register tile.
static bool leavesColumns(const ContractionCase &c, const std::string &strategy) {
  int rows, vectors, lanes;
  return std::sscanf(strategy.c_str(), "tile %dx%d of %d lanes", &rows, &vectors, &lanes) == 3 &&
         c.shapeResult().back() % (vectors * lanes) != 0;
}

bool isOfKind(std::string_view kind, const ContractionCase &c, const std::string &strategy) {
  if (kind == "left over")
    return leavesColumns(c, strategy);
  if (kind == "shared in chunks")
    return sharesInChunks(strategy);
  if (kind == "padding packed")
    return packsPadding(c, strategy);
  if (kind == "columns fetched for dot products")
    return fetchesColumns(strategy);
  if (kind == "clipped dot products")
    return clipsDots(strategy);
  if (kind == "columns of b packed")
    return packsColumns(strategy);
  return strategy.find(kind) != std::string::npos;
}

} // namespace dl::test
