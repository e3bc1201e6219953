//===- Safetensors.h - Tensors in a file ------------------------*- C++ -*-===//
//
// The safetensors format (Hugging Face): 8 bytes of header length (little
// endian), a JSON header {name: {dtype, shape, data_offsets}, "__metadata__"},
// then the data.
//
//===----------------------------------------------------------------------===//

#ifndef DL_SUPPORT_SAFETENSORS_H
#define DL_SUPPORT_SAFETENSORS_H

#include "dl/Tensor.h"

#include <map>
#include <utility>

namespace dl {

struct TensorFile {
  std::map<std::string, Tensor> tensors;
  std::vector<std::pair<std::string, std::string>> metadata;
};

/// Reads a whole file. Errors name the file and what is wrong where: truncated,
/// not JSON, an unknown dtype, offsets that overlap or leave the file.
Result<TensorFile> readSafetensors(const std::string &path);
/// Writes a file atomically: a temporary file beside it, fsync, rename. After an
/// error the old file, if any, is whole and no temporary file is left.
Status writeSafetensors(const std::string &path,
                        std::span<const std::pair<std::string, const Tensor *>> tensors,
                        const std::vector<std::pair<std::string, std::string>> &metadata);

} // namespace dl

#endif // DL_SUPPORT_SAFETENSORS_H
