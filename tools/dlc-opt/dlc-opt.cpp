//===- dlc-opt.cpp - All passes, one by one -------------------------------===//

#include "dl/Autodiff/Passes.h"
#include "dl/CodeGen/Passes.h"
#include "dl/Graph/Passes.h"
#include "dl/IR/DLDialect.h"
#include "dl/IR/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"

int main(int argc, char **argv) {
  mlir::DialectRegistry registry;
  mlir::registerAllDialects(registry);
  registry.insert<dl::DLDialect>();
  mlir::registerAllPasses();
  dl::registerDLIRPasses();
  dl::registerDLAutodiffPasses();
  dl::registerDLGraphPasses();
  dl::registerGraphPipeline();
  dl::registerDLCodeGenPasses();
  return mlir::asMainReturnCode(
      mlir::MlirOptMain(argc, argv, "dlc-opt: the passes of dlc\n", registry));
}
