//===- Cost.cpp - Arithmetic of a graph -----------------------------------===//

#include "Cost.h"
#include "dl/IR/Inference.h"
#include "dl/IR/Window.h"

#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;

namespace dl::driver {

static double elements(Value value) {
  double count = 1;
  for (int64_t extent : tensorType(value).getShape())
    count *= static_cast<double>(extent);
  return count;
}

/// Multiply-adds for each element of the tensor with one element a window.
static double tapsOf(ArrayRef<int64_t> weights, llvm::StringRef layout) {
  WeightLayout at = WeightLayout::get(layout);
  return static_cast<double>(weights[at.height] * weights[at.width] * weights[at.input]);
}

static double flopsOf(Operation *op) {
  return llvm::TypeSwitch<Operation *, double>(op)
      .Case([](MatmulOp matmul) {
        ArrayRef<int64_t> lhs = tensorType(matmul.getLhs()).getShape();
        int64_t depth = lhs[lhs.size() - (matmul.getTransposeA() ? 2 : 1)];
        return 2 * elements(matmul.getResult()) * static_cast<double>(depth);
      })
      .Case([](LinearOp linear) {
        double depth = static_cast<double>(tensorType(linear.getInput()).getShape().back());
        return elements(linear.getResult()) * (2 * depth + (linear.getBias() ? 1 : 0));
      })
      .Case([](Conv2DOp conv) {
        double taps = tapsOf(tensorType(conv.getWeight()).getShape(), conv.getLayout());
        return elements(conv.getResult()) * (2 * taps + (conv.getBias() ? 1 : 0));
      })
      .Case([](Conv2DBackwardDataOp conv) {
        return 2 * elements(conv.getCotangent()) *
               tapsOf(tensorType(conv.getWeight()).getShape(), conv.getLayout());
      })
      .Case([](Conv2DBackwardWeightsOp conv) {
        return 2 * elements(conv.getCotangent()) *
               tapsOf(tensorType(conv.getResult()).getShape(), conv.getLayout());
      })
      .Case<ParameterOp, ConstantOp, ReshapeOp, FlattenOp, TransposeOp, BroadcastOp, OneHotOp,
            SliceOp, ConcatOp, CastOp, ReturnOp>([](Operation *) { return 0.; })
      .Case<SumOp, MeanOp, MaxOp, MinOp, ArgmaxOp, MaxPool2DOp, MaxPool2DBackwardOp, AvgPool2DOp>(
          [](Operation *reduction) { return elements(reduction->getOperand(0)); })
      .Default([](Operation *other) {
        double count = 0;
        for (Value result : other->getResults())
          count += elements(result);
        return count;
      });
}

double countFlops(const Model &model, const ProgramRequest &request) {
  auto module = buildGraph(model, request);
  double total = 0;
  if (succeeded(module))
    (*module)->walk([&](ModelOp graph) {
      for (Operation &op : graph.getBody().front())
        total += flopsOf(&op);
    });
  return total;
}

} // namespace dl::driver
