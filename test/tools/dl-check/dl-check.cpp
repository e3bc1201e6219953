//===- dl-check.cpp - Checks models against each other's paths ------------===//
//
// For each model of the given files: what is printed parses again; the reference
// gives the numbers that the file expects; gradients are those of central
// differences; composites are what they decompose to; optimised graphs and
// compiled code compute what the reference does, gradients too. Prints one line a model
// and exits 1 where one fails. Data.h tells the attributes that steer it.
//
//===----------------------------------------------------------------------===//

#include "Checks.h"
#include "dl/JIT/ModelImpl.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/Support/CommandLine.h"
#include "llvm/Support/InitLLVM.h"
#include "llvm/Support/MemoryBuffer.h"
#include "llvm/Support/SourceMgr.h"

#include <fmt/format.h>

using namespace mlir;

static llvm::cl::list<std::string> files(llvm::cl::Positional, llvm::cl::desc("FILE.mlir ..."));
static llvm::cl::opt<uint64_t> seed("seed", llvm::cl::desc("seed of the random data"),
                                    llvm::cl::init(1));
static llvm::cl::opt<double>
    range("range", llvm::cl::desc("floats are in [-range, range) where a model does not say it"),
          llvm::cl::init(2));
static llvm::cl::opt<double>
    tolerance("tolerance",
              llvm::cl::desc("how far f32 results of graph and code may lie from the "
                             "reference, as part of the largest element or of 1"),
              llvm::cl::init(2e-6));
static llvm::cl::list<std::string> only("only", llvm::cl::CommaSeparated,
                                        llvm::cl::desc("the checks to run (default: all)"));
static llvm::cl::opt<std::string> march("march", llvm::cl::desc("CPU that code is compiled for"),
                                        llvm::cl::init("host"));
static llvm::cl::opt<bool> thorough("thorough",
                                    llvm::cl::desc("compile gradients and f64 in every way too"));
static llvm::cl::opt<bool> listOps("list-ops", llvm::cl::desc("print the ops of the dialect"));

/// Parts of a file between `// -----`, each behind as many empty lines as it
/// had lines before it; parts that expect diagnostics are left out.
static std::vector<std::string> splitFile(llvm::StringRef text) {
  std::vector<std::string> parts;
  llvm::SmallVector<llvm::StringRef> chunks;
  text.split(chunks, "// -----\n");
  size_t lines = 0;
  for (llvm::StringRef chunk : chunks) {
    if (!chunk.contains("expected-error"))
      parts.push_back(std::string(lines, '\n') + chunk.str());
    lines += chunk.count('\n') + 1;
  }
  return parts;
}

static size_t lineOf(Operation *op) {
  auto loc = dyn_cast<FileLineColLoc>(op->getLoc());
  return loc ? loc.getLine() : 0;
}

/// `gradient x 3, code x 2`: the checks in the order in which they first passed.
static std::string summaryOf(const std::vector<std::string> &passed) {
  llvm::MapVector<llvm::StringRef, int> counts;
  for (const std::string &check : passed)
    ++counts[check];
  std::string text;
  for (auto [check, count] : counts)
    text += fmt::format("{}{}{}", text.empty() ? "" : ", ", check.str(),
                        count == 1 ? "" : fmt::format(" x {}", count));
  return text;
}

static bool checkPart(const std::string &file, const std::string &text, MLIRContext &context,
                      const dl::check::Settings &settings) {
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBufferCopy(text, file), llvm::SMLoc());
  SourceMgrDiagnosticHandler handler(sources, &context);
  OwningOpRef<ModuleOp> module = parseSourceFile<ModuleOp>(sources, &context);
  if (!module)
    return false;
  bool ok = true;
  for (auto model : module->getOps<dl::ModelOp>()) {
    Builder builder(&context);
    if (!model->hasAttr("check.low") && !model->hasAttr("check.high")) {
      model->setAttr("check.low", builder.getF64FloatAttr(-range));
      model->setAttr("check.high", builder.getF64FloatAttr(range));
    }
    auto passed = dl::check::checkModel(model, settings);
    fmt::print("{}:{}: @{}: {}\n", file, lineOf(model), model.getSymName().str(),
               passed ? summaryOf(*passed) : "error: " + passed.error().message);
    fflush(stdout);
    ok &= passed.ok();
  }
  return ok;
}

int main(int argc, char **argv) {
  llvm::InitLLVM init(argc, argv);
  llvm::cl::ParseCommandLineOptions(argc, argv, "dl-check: checks models\n");
  std::shared_ptr<MLIRContext> compilerContext = dl::createContext();
  MLIRContext &context = *compilerContext;
  if (listOps)
    for (RegisteredOperationName op : context.getRegisteredOperationsByDialect("dl"))
      fmt::print("{}\n", op.getStringRef().str());
  dl::check::Settings settings;
  settings.seed = seed;
  settings.thorough = thorough;
  settings.tolerance = tolerance;
  settings.march = march;
  for (const std::string &name : only)
    settings.only.insert(name);
  bool ok = true;
  for (const std::string &file : files) {
    auto buffer = llvm::MemoryBuffer::getFile(file);
    if (!buffer) {
      fmt::print(stderr, "{}: error: {}\n", file, buffer.getError().message());
      return 1;
    }
    for (const std::string &part : splitFile((*buffer)->getBuffer()))
      ok &= checkPart(file, part, context, settings);
  }
  return ok ? 0 : 1;
}
