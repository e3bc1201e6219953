//===- DLOps.td - The dl dialect, family by family --------*- tablegen -*-===//

#ifndef DL_OPS_TD
#define DL_OPS_TD

include "dl/IR/DLStructure.td"
include "dl/IR/DLElementwise.td"
include "dl/IR/DLReduction.td"
include "dl/IR/DLContraction.td"
include "dl/IR/DLWindow.td"
include "dl/IR/DLShape.td"
include "dl/IR/DLTraining.td"

#endif // DL_OPS_TD
