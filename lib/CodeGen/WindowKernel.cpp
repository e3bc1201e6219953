#include "KernelForm.h"
namespace dl { llvm::LogicalResult emitWindowKernel(KernelModule &module) { return module.op().emitOpError() << "window"; } }
