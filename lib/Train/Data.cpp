//===- Data.cpp - Data sets by name ---------------------------------------===//

#include "dl/Train/Data.h"

#include <charconv>
#include <fmt/format.h>

namespace dl {

std::string_view dataSetHelp() {
  return "digits[:train=N,test=N]  digit images drawn by the program (default 10000 and 2000)\n"
         "mnist:DIR                the four IDX files of MNIST, gzip or plain\n"
         "cifar10:DIR              data_batch_*.bin and test_batch.bin, gzip or plain\n"
         "npz:FILE                 arrays x_train, y_train, x_test, y_test; or x and y (x: or\n"
         "                         several, named as the model's inputs)\n"
         "and | or | xor           the truth table, inputs 0 and 1\n";
}

DataSet makeTruthTable(std::string_view name) {
  DataSet set;
  set.name = name;
  set.classes = 2;
  set.train.inputs.push_back(
      {"x", Tensor::from<float>({4, 2}, std::vector<float>{0, 0, 0, 1, 1, 0, 1, 1})});
  set.train.targets = Tensor(DType::I32, {4});
  for (int32_t i = 0; i < 4; ++i) {
    int32_t a = i >> 1, b = i & 1;
    set.train.targets.data<int32_t>()[i] = name == "and" ? a & b : name == "or" ? a | b : a ^ b;
  }
  set.test = set.train;
  return set;
}

/// `train=N,test=N`.
static Result<DataSet> parseDigits(std::string_view options) {
  int64_t train = 10000, test = 2000;
  while (!options.empty()) {
    std::string_view option = options.substr(0, options.find(','));
    options.remove_prefix(std::min(option.size() + 1, options.size()));
    size_t equal = option.find('=');
    std::string_view key = option.substr(0, equal);
    int64_t *value = key == "train" ? &train : key == "test" ? &test : nullptr;
    if (!value)
      return Error{fmt::format("data set digits: expected train=N or test=N, got '{}'", option)};
    std::string_view text = equal == option.npos ? "" : option.substr(equal + 1);
    auto [end, code] = std::from_chars(text.data(), text.data() + text.size(), *value);
    constexpr int64_t most = 10'000'000;
    if (code != std::errc() || end != text.data() + text.size() || *value < 1 || *value > most)
      return Error{fmt::format("data set digits: expected a number from 1 to {} as {}, got '{}'",
                               most, key, text)};
  }
  return drawDigits(train, test);
}

Result<DataSet> DataSet::load(std::string_view spec) {
  size_t colon = spec.find(':');
  std::string_view kind = spec.substr(0, colon);
  std::string rest(colon == spec.npos ? "" : spec.substr(colon + 1));
  if (kind == "digits")
    return parseDigits(rest);
  if (kind == "and" || kind == "or" || kind == "xor") {
    if (colon != spec.npos)
      return Error{fmt::format("data set {}: expected nothing after it, got ':{}'", kind, rest)};
    return makeTruthTable(kind);
  }
  if (kind == "mnist" || kind == "cifar10" || kind == "npz") {
    if (rest.empty())
      return Error{
          fmt::format("data set {0}: expected {0}:{1}", kind, kind == "npz" ? "FILE" : "DIR")};
    return kind == "mnist"     ? loadMnist(rest)
           : kind == "cifar10" ? loadCifar10(rest)
                               : loadNpzData(rest);
  }
  return Error{fmt::format("unknown data set '{}': expected one of\n{}", spec, dataSetHelp())};
}

} // namespace dl
