//===- Error.h - Errors as values -------------------------------*- C++ -*-===//
//
// Every function of the public API that can fail returns a Result: either the
// value or an Error. The library never prints, throws, aborts or exits.
//
//===----------------------------------------------------------------------===//

#ifndef DL_ERROR_H
#define DL_ERROR_H

#include <cassert>
#include <string>
#include <utility>
#include <variant>

namespace dl {

/// What went wrong, in words for a person. Where the cause has a place (a line
/// of a model, a byte of a file), the message starts with it, as compilers do:
/// `model.mlir:3:10: error: ...`. May hold several lines.
struct Error {
  std::string message;
};

/// A value of type T, or the Error that kept it from being made.
template <typename T> class [[nodiscard]] Result {
public:
  Result(T value) : state(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state.index() == 0; }
  explicit operator bool() const { return ok(); }

  /// The value. Precondition: ok().
  T &value() & { return assert(ok()), *std::get_if<0>(&state); }
  const T &value() const & { return assert(ok()), *std::get_if<0>(&state); }
  T value() && { return assert(ok()), std::move(*std::get_if<0>(&state)); }
  T &operator*() { return value(); }
  const T &operator*() const { return value(); }
  T *operator->() { return &value(); }
  const T *operator->() const { return &value(); }

  /// The error. Precondition: !ok().
  const Error &error() const { return assert(!ok()), *std::get_if<1>(&state); }

private:
  std::variant<T, Error> state;
};

/// Success, or an Error.
template <> class [[nodiscard]] Result<void> {
public:
  Result() = default;
  Result(Error error) : state(std::move(error)), failed(true) {}

  bool ok() const { return !failed; }
  explicit operator bool() const { return ok(); }
  void value() const { assert(ok()); }
  const Error &error() const { return assert(failed), state; }

private:
  Error state;
  bool failed = false;
};

using Status = Result<void>;

} // namespace dl

#endif // DL_ERROR_H
