//===- ContractionChooser.h - The decisions behind a strategy ---*- C++ -*-===//
//
// In this order: the vector's dimension; what is staged; the dimensions that
// loops see; the register tile; the split of K; the order of loops. Each step
// depends on those before it alone.
//
//===----------------------------------------------------------------------===//

#ifndef DL_LIB_CODEGEN_CONTRACTIONCHOOSER_H
#define DL_LIB_CODEGEN_CONTRACTIONCHOOSER_H

#include "dl/CodeGen/ContractionStrategy.h"

namespace dl {

/// One run of the decisions.
class StrategyChooser {
public:
  StrategyChooser(const ContractionDescriptor &descriptor, const ContractionRequest &request,
                  const Machine &machine)
      : d(descriptor), request(request), machine(machine),
        elementBytes(descriptor.element.getIntOrFloatBitWidth() / 8) {}

  ContractionStrategy choose() {
    s.lanes = machine.lanes(d.element.getIntOrFloatBitWidth());
    chooseVectorDim();
    if (vectorPart < 0)
      s.lanes = 1;
    findSweep();
    stageA();
    stageB();
    buildDims();
    chooseTile();
    applyTile();
    splitReduction();
    orderLoops();
    return s;
  }

private:
  void chooseVectorDim();
  void findSweep();
  void stageA();
  void stageB();
  void layOutPanels();
  void layOutResult();
  void buildDims();
  bool canMerge(const PlanDim &outer, const PlanDim &inner) const;
  void chooseTile();
  void applyTile();
  int64_t partsForTasks(int64_t tiles) const;
  int64_t partsForCache() const;
  void splitReduction();
  struct OrderCosts {
    double columnsFirst, rowsFirst, columnsLast;
  };
  OrderCosts orderCosts(double outerRows, double innerRows, double columns) const;
  void orderLoops();
  void chooseTasks();

  llvm::SmallVector<int64_t> naturalStrides(OperandIndex operand) const;
  void stageInPlace(OperandIndex operand);
  void stageCopy(OperandIndex operand);
  int64_t extentOf(DimRole role) const;
  int64_t bytesOf(OperandIndex operand) const { return s.operands[operand].count * elementBytes; }
  bool isSwept(const AddressTerm &term) const {
    return term.occurs() && llvm::is_contained(s.sweepDims, term.dim);
  }
  /// A loop inside a task's scratch image.
  bool isInnerRow(const PlanDim &dim) const {
    return dim.role == DimRole::M &&
           (s.accumulation != Accumulation::Scatter ||
            llvm::all_of(dim.parts, [&](int part) { return isSwept(d.dims[part].terms[kC]); }));
  }

  const ContractionDescriptor &d;
  const ContractionRequest &request;
  const Machine &machine;
  const int64_t elementBytes;
  ContractionStrategy s;
  int &vectorPart = s.vectorPart;
};

} // namespace dl

#endif // DL_LIB_CODEGEN_CONTRACTIONCHOOSER_H
