//===- dlc-lsp-server.cpp - Model files in an editor ----------------------===//
//
// MLIR's language server with the dl dialect: diagnostics while typing, hover,
// definitions and uses.
//
//===----------------------------------------------------------------------===//

#include "dl/IR/DLDialect.h"

#include "mlir/IR/Dialect.h"
#include "mlir/InitAllDialects.h"
#include "mlir/Tools/mlir-lsp-server/MlirLspServerMain.h"
#include "llvm/Support/thread.h"

#include <optional>

/// MLIR's parser calls itself for each bracket of a text, and the server hands it
/// every text that an editor has open: a stack for more than anybody types, of
/// which only what is used takes memory.
static constexpr std::optional<unsigned> kStackBytes = 1u << 31;

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  registry.insert<dl::DLDialect>();
  bool isFailure = false;
  llvm::thread server(kStackBytes,
                      [&] { isFailure = failed(mlir::MlirLspServerMain(argc, argv, registry)); });
  server.join();
  return isFailure;
}
