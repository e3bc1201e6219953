//===- Npy.h - NumPy's array files ------------------------------*- C++ -*-===//

#ifndef DL_SUPPORT_NPY_H
#define DL_SUPPORT_NPY_H

#include "dl/Tensor.h"

#include <map>

namespace dl {

/// Reads a `.npy` file (format 1.0 to 3.0, C or Fortran order, little endian;
/// f4, f8, i4, i8, b1, u1). Errors name the file and what is wrong.
Result<Tensor> readNpy(const std::string &path);
/// The same from the bytes of a file; `name` stands for it in errors.
Result<Tensor> parseNpy(std::string_view bytes, const std::string &name);
/// Writes format 1.0, atomically.
Status writeNpy(const std::string &path, const Tensor &tensor);
/// Reads a `.npz` file (a zip archive of `.npy` members, stored or deflated),
/// members by name without `.npy`.
Result<std::map<std::string, Tensor>> readNpz(const std::string &path);

} // namespace dl

#endif // DL_SUPPORT_NPY_H
