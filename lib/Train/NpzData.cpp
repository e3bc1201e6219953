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

/// The arrays named `x` and `y`; `y` may be absent.
static Result<Examples> takeSplit(Arrays &arrays, const std::string &path, const std::string &x,
                                  const std::string &y) {
  Examples examples;
  auto inputs = arrays.find(x);
  if (inputs == arrays.end())
    return fileError(path,
                     fmt::format("expected arrays x_train and x_test, or x; '{}' is missing", x));
  examples.inputs = std::move(inputs->second);
  if (examples.inputs.shape().empty())
    return fileError(path,
                     fmt::format("array '{}': expected at least 1 dimension, got a scalar", x));
  if (auto targets = arrays.find(y); targets != arrays.end()) {
    auto converted = toTargets(std::move(targets->second), path, y);
    if (!converted)
      return converted.error();
    if (converted->shape().empty() || converted->shape()[0] != examples.count())
      return fileError(path, fmt::format("array '{}': expected {} rows, as many as '{}', got {}", y,
                                         examples.count(), x,
                                         toString(converted->shape(), converted->dtype())));
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
  bool hasSplits = arrays->contains("x_train") || !arrays->contains("x");
  auto train = takeSplit(*arrays, path, hasSplits ? "x_train" : "x", hasSplits ? "y_train" : "y");
  if (!train)
    return train.error();
  DataSet set{path, std::move(*train), {}, 0};
  if (hasSplits && arrays->contains("x_test")) {
    auto test = takeSplit(*arrays, path, "x_test", "y_test");
    if (!test)
      return test.error();
    set.test = std::move(*test);
  }
  set.classes = std::max(countClasses(set.train), countClasses(set.test));
  return set;
}

} // namespace dl
