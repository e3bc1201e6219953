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

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  registry.insert<dl::DLDialect>();
  return failed(mlir::MlirLspServerMain(argc, argv, registry));
}
