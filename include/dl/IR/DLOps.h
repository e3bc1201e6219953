//===- DLOps.h - The ops of the dl dialect ----------------------*- C++ -*-===//

#ifndef DL_IR_DLOPS_H
#define DL_IR_DLOPS_H

#include "dl/IR/DLDialect.h"

#include "mlir/Bytecode/BytecodeOpInterface.h"
#include "mlir/IR/BuiltinAttributes.h"
#include "mlir/IR/BuiltinTypes.h"
#include "mlir/IR/OpDefinition.h"
#include "mlir/IR/OpImplementation.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Interfaces/InferTypeOpInterface.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

#define GET_OP_CLASSES
#include "dl/IR/DLOps.h.inc"

#endif // DL_IR_DLOPS_H
