//===- ProgramImage.h - A compiled program as objects -----------*- C++ -*-===//
//
// All that is left of a model once it is compiled: what a loaded program tells
// of itself, and relocatable objects. Has a form in bytes, for the cache.
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_JIT_PROGRAMIMAGE_H
#define DL_LIB_JIT_PROGRAMIMAGE_H

#include "dl/CodeGen/CodeGen.h"
#include "dl/JIT/Compiler.h"

#include "llvm/Support/Error.h"
#include "llvm/Support/MemoryBuffer.h"

namespace dl {

using ObjectFile = std::unique_ptr<llvm::MemoryBuffer>;

struct ProgramImage {
  /// What `model` tells of its program; its objects are still missing.
  static ProgramImage describe(ModelOp model, const Program &program);

  std::string entry;
  std::vector<ProgramVariable> variables;
  std::vector<TensorSpec> inputs, outputs;
  int64_t plannedBytes = 0, workspaceBytes = 0, scratchBytes = 0, packedBytes = 0;
  /// Empty where nothing is packed.
  std::string packEntry;
  std::vector<CompileReport::Kernel> kernels;
  std::vector<Profile::Kernel> profiled;
  std::vector<LoadedProgram::TimedPhase> timedPhases;
  int64_t timesOffset = 0;
  std::vector<ObjectFile> objects;

private:
  void describeTimes(const Program &program);
};

/// Links a program into this process.
llvm::Expected<std::shared_ptr<LoadedProgram>> loadImage(ProgramImage image);

/// Bytes, and back. Nothing: the bytes are no image.
std::string serialize(const ProgramImage &image);
std::optional<ProgramImage> deserializeProgram(llvm::StringRef bytes);

/// The same for a kernel; its module is not part of it.
std::string serialize(const KernelCode &kernel, const llvm::MemoryBuffer &object);
std::optional<std::pair<KernelCode, ObjectFile>> deserializeKernel(llvm::StringRef bytes);

} // namespace dl

#endif // DL_LIB_JIT_PROGRAMIMAGE_H
