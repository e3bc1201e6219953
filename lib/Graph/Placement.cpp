//===- Placement.cpp - Where the tensors of a planned model live ----------===//

#include "dl/Graph/Placement.h"
#include "dl/Graph/Kernels.h"

#include "mlir/IR/Builders.h"

using namespace mlir;

namespace dl {

static int64_t indexOf(ParameterOp parameter) {
  auto parameters = parameter->getParentOfType<ModelOp>().getBody().getOps<ParameterOp>();
  return std::distance(parameters.begin(), llvm::find(parameters, parameter));
}

Place placeOf(Value value) {
  value = lookThroughViews(value);
  if (auto argument = dyn_cast<BlockArgument>(value))
    return {Space::Input, argument.getArgNumber()};
  if (auto parameter = value.getDefiningOp<ParameterOp>())
    return {Space::Variable, indexOf(parameter)};
  if (auto constant = value.getDefiningOp<ConstantOp>())
    return {Space::Constant, 0};
  auto kernel = value.getDefiningOp<KernelOp>();
  auto places = kernel->getAttrOfType<DenseI64ArrayAttr>(kPlaces);
  unsigned index = cast<OpResult>(value).getResultNumber();
  return {static_cast<Space>(places[2 * index]), places[2 * index + 1]};
}

void setPlaces(KernelOp kernel, ArrayRef<Place> places) {
  SmallVector<int64_t> numbers;
  for (Place place : places)
    numbers.append({static_cast<int64_t>(place.space), place.position});
  kernel->setAttr(kPlaces, Builder(kernel.getContext()).getDenseI64ArrayAttr(numbers));
}

} // namespace dl
