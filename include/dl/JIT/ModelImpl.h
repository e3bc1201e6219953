//===- ModelImpl.h - What lies behind a dl::Model ---------------*- C++ -*-===//

#ifndef DL_JIT_MODELIMPL_H
#define DL_JIT_MODELIMPL_H

#include "dl/IR/DLOps.h"
#include "dl/Model.h"

#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/IR/OwningOpRef.h"

#include <mutex>

namespace dl {

/// The dialects, translations and extensions that a model's context needs for
/// every phase of its compilation.
void registerCompilerDialects(mlir::DialectRegistry &registry);
/// A context with all of them loaded, so that kernels can be compiled in it in
/// parallel.
std::shared_ptr<mlir::MLIRContext> createContext();

/// Immutable but for what the context remembers. Compilations clone the graph.
struct Model::Impl {
  std::shared_ptr<mlir::MLIRContext> context;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  ModelOp model;
  /// The text that the model was read from, for diagnostics; empty if built.
  std::string source, sourceName;

  std::string name;
  std::vector<TensorSpec> inputs, outputs, parameters;

  /// Held by a compilation: it catches the diagnostics of the context.
  mutable std::mutex compiling;
};

/// Wraps a verified module that holds exactly one dl.model (for the builder and
/// for importers). Error: it does not.
Result<Model> wrapModel(std::shared_ptr<mlir::MLIRContext> context,
                        mlir::OwningOpRef<mlir::ModuleOp> module, std::string source = {},
                        std::string sourceName = {});

/// Element types of the dialect and of the public API.
DType dtypeOf(mlir::Type elementType);
/// The specification of a value of the graph; open extents become kOpen.
TensorSpec specOf(llvm::StringRef name, mlir::Type type);

} // namespace dl

#endif // DL_JIT_MODELIMPL_H
