//===- ContractionKernel.cpp - Matmul and convolution kernels -------------===//

#include "ContractionKernel.h"

using namespace mlir;

namespace dl {

LogicalResult emitContractionKernel(KernelModule &module) {
  return module.op().emitOpError() << "expected no contraction";
}

} // namespace dl
