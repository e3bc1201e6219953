//===- Variables.cpp - Parameters and optimiser state ---------------------===//

#include "Variables.h"
#include "dl/IR/Initializer.h"
#include "dl/Support/Philox.h"
#include "dl/Support/Safetensors.h"

#include <fmt/format.h>

#include <cstring>
#include <unistd.h>

namespace dl {

//===----------------------------------------------------------------------===//
// Storage
//===----------------------------------------------------------------------===//

/// Strides, in elements and by declared dimension, of a tensor in a storage.
static std::vector<int64_t> stridesOf(const Shape &declared, const Storage &storage) {
  std::vector<int64_t> strides(declared.size());
  int64_t stride = 1;
  for (size_t i = declared.size(); i-- > 0;) {
    size_t dim = storage.empty() ? i : static_cast<size_t>(storage[i]);
    strides[dim] = stride;
    stride *= declared[dim];
  }
  return strides;
}

template <typename Element>
static void copyStrided(const Element *from, const int64_t *fromStrides, Element *to,
                        const int64_t *toStrides, const int64_t *shape, size_t rank) {
  if (rank == 0) {
    *to = *from;
    return;
  }
  for (int64_t i = 0; i < shape[0]; ++i)
    copyStrided(from + i * fromStrides[0], fromStrides + 1, to + i * toStrides[0], toStrides + 1,
                shape + 1, rank - 1);
}

template <typename Element>
static void convertElements(const void *from, const std::vector<int64_t> &fromStrides, void *to,
                            const std::vector<int64_t> &toStrides, const Shape &shape) {
  copyStrided(static_cast<const Element *>(from), fromStrides.data(), static_cast<Element *>(to),
              toStrides.data(), shape.data(), shape.size());
}

void convertStorage(const void *from, const Storage &fromStorage, void *to,
                    const Storage &toStorage, const TensorSpec &spec) {
  std::vector<int64_t> fromStrides = stridesOf(spec.shape, fromStorage);
  std::vector<int64_t> toStrides = stridesOf(spec.shape, toStorage);
  switch (sizeOf(spec.dtype)) {
  case 1:
    return convertElements<uint8_t>(from, fromStrides, to, toStrides, spec.shape);
  case 4:
    return convertElements<uint32_t>(from, fromStrides, to, toStrides, spec.shape);
  default:
    return convertElements<uint64_t>(from, fromStrides, to, toStrides, spec.shape);
  }
}

//===----------------------------------------------------------------------===//
// First values
//===----------------------------------------------------------------------===//

static double drawOne(const Initializer &initializer, const Philox &random, int64_t index) {
  switch (initializer.kind) {
  case Initializer::Kind::Constant:
    return initializer.first;
  case Initializer::Kind::Uniform:
    return initializer.first +
           (initializer.second - initializer.first) * random.uniform(static_cast<uint64_t>(index));
  case Initializer::Kind::Normal:
    return initializer.first * random.normal(static_cast<uint64_t>(index));
  }
  return 0;
}

template <typename Element>
static void draw(Tensor &tensor, const Initializer &initializer, const Philox &random) {
  for (int64_t i = 0; i < tensor.size(); ++i)
    tensor.data<Element>()[i] = static_cast<Element>(drawOne(initializer, random, i));
}

Tensor initialValue(ParameterOp parameter, uint64_t seed) {
  TensorSpec spec = specOf(parameter.getName(), parameter.getDeclaredType());
  Tensor tensor(spec.dtype, spec.shape);
  Fans fans = fansOf(parameter);
  Initializer initializer = *Initializer::parse(parameter.getInit(), fans.in, fans.out);
  Philox random(seed, spec.name);
  switch (spec.dtype) {
  case DType::F32:
    draw<float>(tensor, initializer, random);
    break;
  case DType::F64:
    draw<double>(tensor, initializer, random);
    break;
  case DType::I32:
    draw<int32_t>(tensor, initializer, random);
    break;
  case DType::I64:
    draw<int64_t>(tensor, initializer, random);
    break;
  case DType::Bool:
    draw<bool>(tensor, initializer, random);
    break;
  case DType::U8:
    break;
  }
  return tensor;
}

//===----------------------------------------------------------------------===//
// The store
//===----------------------------------------------------------------------===//

Status checkMemory(double bytes, std::string_view what) {
  double memory =
      static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  if (bytes <= memory)
    return {};
  return Error{
      fmt::format("error: {} need {:.0f} bytes, but the machine has {:.0f} bytes of memory", what,
                  bytes, memory)};
}

double bytesOf(std::span<const TensorSpec> specs) {
  double total = 0;
  for (const TensorSpec &spec : specs) {
    double bytes = static_cast<double>(sizeOf(spec.dtype));
    for (int64_t extent : spec.shape)
      bytes *= static_cast<double>(extent);
    total += bytes;
  }
  return total;
}

Status VariableStore::addAll(ModelOp graph, uint64_t seed) {
  std::vector<TensorSpec> specs;
  for (auto parameter : graph.getBody().getOps<ParameterOp>())
    specs.push_back(specOf(parameter.getName(), parameter.getDeclaredType()));
  if (Status status = checkMemory(bytesOf(specs),
                                  fmt::format("the variables of '{}'", graph.getSymName().str()));
      !status)
    return status;
  for (auto parameter : graph.getBody().getOps<ParameterOp>()) {
    TensorSpec spec = specOf(parameter.getName(), parameter.getDeclaredType());
    if (!indices.emplace(spec.name, variables.size()).second)
      continue;
    variables.push_back(
        {std::move(spec), parameter.getRole().str(), Storage(), initialValue(parameter, seed)});
  }
  return {};
}

Result<size_t> VariableStore::find(const std::string &name) const {
  auto it = indices.find(name);
  if (it == indices.end())
    return Error{fmt::format("error: no variable is named '{}'", name)};
  return it->second;
}

Tensor VariableStore::read(size_t index) const {
  const Variable &variable = variables[index];
  Tensor tensor(variable.spec.dtype, variable.spec.shape);
  convertStorage(variable.value.raw(), variable.storage, tensor.raw(), Storage(), variable.spec);
  return tensor;
}

void VariableStore::write(size_t index, const TensorView &value) {
  Variable &variable = variables[index];
  convertStorage(value.data, Storage(), variable.value.raw(), variable.storage, variable.spec);
  ++version;
}

Status VariableStore::check(size_t index, const TensorView &value) const {
  const TensorSpec &spec = variables[index].spec;
  Shape shape(value.shape.begin(), value.shape.end());
  if (value.dtype == spec.dtype && shape == spec.shape)
    return {};
  return Error{fmt::format("error: expected '{}' to be {}, got {}", spec.name,
                           toString(spec.shape, spec.dtype), toString(shape, value.dtype))};
}

void VariableStore::setStorage(size_t index, const Storage &storage) {
  Variable &variable = variables[index];
  if (variable.storage == storage)
    return;
  Tensor old = variable.value;
  convertStorage(old.raw(), variable.storage, variable.value.raw(), storage, variable.spec);
  variable.storage = storage;
  ++version;
  ++layout;
}

//===----------------------------------------------------------------------===//
// Files
//===----------------------------------------------------------------------===//

/// Errors of the store, with the file's name before them.
static Error at(const std::string &path, const Error &error) {
  return {path + ": " + error.message};
}

Result<std::vector<std::pair<std::string, std::string>>>
readVariables(const std::string &path, VariableStore &store, std::span<const size_t> indices,
              bool exact) {
  Result<TensorFile> file = readSafetensors(path);
  if (!file)
    return file.error();
  for (size_t index : indices) {
    auto it = file->tensors.find(store[index].spec.name);
    if (it == file->tensors.end())
      return Error{fmt::format("{}: error: '{}' is missing", path, store[index].spec.name)};
    if (Status status = store.check(index, it->second); !status)
      return at(path, status.error());
  }
  if (exact && file->tensors.size() != indices.size())
    for (const auto &entry : file->tensors)
      if (Result<size_t> known = store.find(entry.first); !known)
        return at(path, known.error());
  for (size_t index : indices)
    store.write(index, file->tensors.find(store[index].spec.name)->second);
  return std::move(file->metadata);
}

Status writeVariables(const std::string &path, const VariableStore &store,
                      std::span<const size_t> indices,
                      const std::vector<std::pair<std::string, std::string>> &metadata) {
  std::vector<Tensor> values;
  std::vector<std::pair<std::string, const Tensor *>> named;
  values.reserve(indices.size());
  for (size_t index : indices) {
    values.push_back(store.read(index));
    named.emplace_back(store[index].spec.name, &values.back());
  }
  return writeSafetensors(path, named, metadata);
}

} // namespace dl
