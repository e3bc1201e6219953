//===- NpzData.cpp - Data sets in NumPy archives --------------------------===//

#include "dl/Support/File.h"
#include "dl/Support/Npy.h"
#include "dl/Train/Data.h"

#include <algorithm>
#include <fmt/format.h>
#include <limits>

namespace dl {

using Arrays = std::map<std::string, Tensor>;

/// Targets that are integers of rank 1 (or [N, 1]) are class indices.
static Result<Tensor> toTargets(Tensor array, const std::string &path, const std::string &name) {
  const Shape &shape = array.shape();
  bool isColumn = shape.size() == 1 || (shape.size() == 2 && shape[1] == 1);
  bool isInteger = array.dtype() == DType::I32 || array.dtype() == DType::I64 ||
                   array.dtype() == DType::U8 || array.dtype() == DType::Bool;
  if (!isInteger)
    return array;
  if (!isColumn)
    return fileError(path, fmt::format("array '{}': expected class indices of shape [N] or numbers "
                                       "of type f32 or f64, got {}",
                                       name, toString(shape, array.dtype())));
  Tensor labels(DType::I32, {array.size()});
  for (int64_t i = 0; i < array.size(); ++i) {
    int64_t label = array.dtype() == DType::I32   ? array.data<int32_t>()[i]
                    : array.dtype() == DType::I64 ? array.data<int64_t>()[i]
                                                  : static_cast<const uint8_t *>(array.raw())[i];
    if (label < 0 || label > std::numeric_limits<int32_t>::max() - 1)
      return fileError(path, fmt::format("array '{}': expected class indices of at least 0, got {} "
                                         "at index {}",
                                         name, label, i));
    labels.data<int32_t>()[i] = static_cast<int32_t>(label);
  }
  return labels;
}

/// The arrays of a split are those whose names end with `suffix`: `y`, which may be
/// absent, and inputs. Which of these are used, and so must agree, the model says.
static Result<Examples> takeSplit(Arrays &arrays, const std::string &path,
                                  const std::string &suffix) {
  Examples examples;
  std::string y = "y" + suffix;
  for (auto &[name, values] : arrays) {
    // A scalar is no list of examples.
    if (name == y || !name.ends_with(suffix) || values.shape().empty())
      continue;
    std::string input = name.substr(0, name.size() - suffix.size());
    examples.inputs.push_back({std::move(input), std::move(values)});
  }
  if (examples.inputs.empty())
    return fileError(
        path, fmt::format("expected arrays x_train and x_test, or x; 'x{}' is missing", suffix));
  if (auto targets = arrays.find(y); targets != arrays.end()) {
    auto converted = toTargets(std::move(targets->second), path, y);
    if (!converted)
      return converted.error();
    if (converted->shape().empty())
      return fileError(path,
                       fmt::format("array '{}': expected at least 1 dimension, got a scalar", y));
    examples.targets = std::move(*converted);
  }
  return examples;
}

static int64_t countClasses(const Examples &examples) {
  if (!examples.hasTargets() || examples.targets.dtype() != DType::I32)
    return 0;
  auto labels = examples.targets.span<int32_t>();
  return labels.empty() ? 0 : int64_t(*std::ranges::max_element(labels)) + 1;
}

Result<DataSet> loadNpzData(const std::string &path) {
  auto arrays = readNpz(path);
  if (!arrays)
    return arrays.error();
  auto has = [&](std::string_view suffix) {
    return std::ranges::any_of(*arrays, [&](const auto &array) {
      return array.first.ends_with(suffix) && !array.first.starts_with("y_");
    });
  };
  bool hasSplits = has("_train");
  auto train = takeSplit(*arrays, path, hasSplits ? "_train" : "");
  if (!train)
    return train.error();
  DataSet set{path, std::move(*train), {}, 0};
  if (hasSplits && has("_test")) {
    auto test = takeSplit(*arrays, path, "_test");
    if (!test)
      return test.error();
    set.test = std::move(*test);
  }
  set.classes = std::max(countClasses(set.train), countClasses(set.test));
  return set;
}

} // namespace dl
