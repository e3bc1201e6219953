//===- DLDialect.cpp - The dl dialect and its generated code --------------===//

#include "dl/IR/DLDialect.h"
#include "dl/IR/Assembly.h"
#include "dl/IR/DLOps.h"
#include "dl/IR/Window.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"

using namespace mlir;

#include "dl/IR/DLDialect.cpp.inc"

#define GET_OP_CLASSES
#include "dl/IR/DLOps.cpp.inc"

void dl::DLDialect::initialize() {
  addOperations<
#define GET_OP_LIST
#include "dl/IR/DLOps.cpp.inc"
      >();
}

Operation *dl::DLDialect::materializeConstant(OpBuilder &builder, Attribute value, Type type,
                                              Location loc) {
  auto elements = dyn_cast<DenseElementsAttr>(value);
  if (!elements || elements.getType() != type)
    return nullptr;
  return ConstantOp::create(builder, loc, elements);
}
