//===- dlc-opt.cpp - All passes, one by one -------------------------------===//

#include "dl/Autodiff/Passes.h"
#include "dl/CodeGen/Passes.h"
#include "dl/Graph/Passes.h"
#include "dl/IR/DLDialect.h"
#include "dl/IR/Nesting.h"
#include "dl/IR/Passes.h"

#include "mlir/InitAllDialects.h"
#include "mlir/InitAllPasses.h"
#include "mlir/Support/FileUtilities.h"
#include "mlir/Tools/mlir-opt/MlirOptMain.h"
#include "llvm/Support/SourceMgr.h"
#include "llvm/Support/ToolOutputFile.h"

using namespace mlir;

/// An error with its place on stderr where the text would exhaust the parser's stack.
static LogicalResult checkText(const llvm::MemoryBuffer &text) {
  MLIRContext context(MLIRContext::Threading::DISABLED);
  llvm::SourceMgr sources;
  sources.AddNewSourceBuffer(llvm::MemoryBuffer::getMemBuffer(text), llvm::SMLoc());
  SourceMgrDiagnosticHandler handler(sources, &context);
  return dl::checkNesting(&context, text.getBuffer(), text.getBufferIdentifier());
}

/// MlirOptMain on a text that is checked before.
static LogicalResult optimize(StringRef input, StringRef output, DialectRegistry &registry,
                              const MlirOptMainConfig &config) {
  std::string message;
  std::unique_ptr<llvm::MemoryBuffer> text = openInputFile(input, &message);
  std::unique_ptr<llvm::ToolOutputFile> file = text ? openOutputFile(output, &message) : nullptr;
  if (!file) {
    llvm::errs() << message << "\n";
    return failure();
  }
  if (failed(checkText(*text)) ||
      failed(MlirOptMain(file->os(), std::move(text), registry, config)))
    return failure();
  file->keep();
  return success();
}

int main(int argc, char **argv) {
  DialectRegistry registry;
  registerAllDialects(registry);
  registry.insert<dl::DLDialect>();
  registerAllPasses();
  dl::registerDLIRPasses();
  dl::registerDLAutodiffPasses();
  dl::registerDLGraphPasses();
  dl::registerGraphPipeline();
  dl::registerDLCodeGenPasses();
  auto [input, output] =
      registerAndParseCLIOptions(argc, argv, "dlc-opt: the passes of dlc\n", registry);
  MlirOptMainConfig config = MlirOptMainConfig::createFromCLOptions();
  bool isQuestion = config.shouldShowDialects() || config.shouldListPasses();
  return asMainReturnCode(isQuestion ? MlirOptMain(argc, argv, input, output, registry)
                                     : optimize(input, output, registry, config));
}
