//===- Variables.h - Parameters and optimiser state -------------*- C++ -*-===//
//
// Each variable is held once, by name, and shared by the programs that read and
// write it. Programs may want a variable's dimensions in another order than the
// model declares: the store keeps it as its main program (the step of a trainer)
// wants it, others work on converted copies, and users see the declared order.
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_JIT_VARIABLES_H
#define DL_LIB_JIT_VARIABLES_H

#include "dl/JIT/Compiler.h"

namespace dl {

/// Stored dimension i is declared dimension storage[i]; empty: as declared.
using Storage = std::vector<int64_t>;

/// Copies elements of a declared shape from one storage to another.
void convertStorage(const void *from, const Storage &fromStorage, void *to,
                    const Storage &toStorage, const TensorSpec &spec);

/// Error: `bytes` exceed the memory of the machine. `what` needs them.
Status checkMemory(double bytes, std::string_view what);
/// Bytes of tensors of closed shapes.
double bytesOf(std::span<const TensorSpec> specs);

/// The first value of a parameter in its declared order: a function of the seed
/// and the name alone.
Tensor initialValue(ParameterOp parameter, uint64_t seed);

class VariableStore {
public:
  struct Variable {
    TensorSpec spec;
    std::string role;
    Storage storage;
    /// Elements in the order of `storage`; the address never changes.
    Tensor value;
  };

  /// Adds the variables of a graph that are not there yet. Precondition: the
  /// context of the graph is not in use. Error: they do not fit in memory.
  Status addAll(ModelOp graph, uint64_t seed);

  size_t size() const { return variables.size(); }
  Variable &operator[](size_t index) { return variables[index]; }
  const Variable &operator[](size_t index) const { return variables[index]; }
  /// Error: no such variable.
  Result<size_t> find(const std::string &name) const;

  /// The value in the declared order.
  Tensor read(size_t index) const;
  /// Sets the value. Precondition: check() succeeds.
  void write(size_t index, const TensorView &value);
  /// Error: another type or shape.
  Status check(size_t index, const TensorView &value) const;

  /// Reorders the variable in memory.
  void setStorage(size_t index, const Storage &storage);

  /// Counts the changes, so that converted copies know when they are stale.
  uint64_t version = 1;
  /// Counts the changes of storage, so that programs know when to bind again.
  uint64_t layout = 1;

private:
  std::vector<Variable> variables;
  std::map<std::string, size_t> indices;
};

/// Reads the variables `names` from a safetensors file into the store, all or
/// none. `exact`: the file may hold no other tensor. Returns its metadata.
Result<std::vector<std::pair<std::string, std::string>>>
readVariables(const std::string &path, VariableStore &store, std::span<const size_t> indices,
              bool exact);
/// Writes variables as a safetensors file.
Status writeVariables(const std::string &path, const VariableStore &store,
                      std::span<const size_t> indices,
                      const std::vector<std::pair<std::string, std::string>> &metadata);

} // namespace dl

#endif // DL_LIB_JIT_VARIABLES_H
