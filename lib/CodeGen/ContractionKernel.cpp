//===- ContractionKernel.cpp - Matmul and convolution kernels -------------===//

#include "ContractionKernel.h"

#include "ContractionEmitter.h"
#include "KernelForm.h"
#include "SplitProductEmitter.h"
#include "WinogradEmitter.h"
#include "dl/IR/Inference.h"

#include "fmt/format.h"

using namespace mlir;

namespace dl {

/// What is computed from a sum, itself included, in a kernel's body.
static llvm::DenseSet<Value> computedFrom(SumOp source) {
  llvm::DenseSet<Value> values = {source.getResult()};
  for (Operation *op = source->getNextNode(); op; op = op->getNextNode())
    if (llvm::any_of(op->getOperands(), [&](Value operand) { return values.contains(operand); }))
      values.insert_range(op->getResults());
  return values;
}

FailureOr<ContractionBody> ContractionBody::get(KernelOp kernel) {
  ContractionBody body;
  for (Operation &op : kernel.getBody().front()) {
    if (isContraction(&op)) {
      if (body.anchor)
        return op.emitOpError("expected one contraction in a kernel, got a second");
      body.anchor = &op;
    }
    if (auto sum = dyn_cast<SumOp>(op)) {
      if (body.side)
        return op.emitOpError("expected one sum beside a contraction, got a second");
      body.side = sum;
    }
  }
  if (!body.anchor)
    return kernel.emitOpError("expected a contraction");
  auto yield = cast<YieldOp>(kernel.getBody().front().getTerminator());
  llvm::DenseSet<Value> ofSide;
  if (body.side)
    ofSide = computedFrom(body.side);
  for (auto [index, value] : llvm::enumerate(yield.getOperands())) {
    bool isSide = ofSide.contains(value);
    (isSide ? body.sideResults : body.results).push_back(index);
  }
  return body;
}

static LogicalResult checkSide(const ContractionBody &body, const ContractionDescriptor &d) {
  if (!body.side)
    return success();
  SumOp sum = body.side;
  Value source = d.operands[kB].value;
  if (sum.getInput() != source)
    return sum.emitOpError("expected a sum of the contraction's second operand");
  if (static_cast<int64_t>(sum.getReducedAxes().size()) + 1 != tensorType(source).getRank() ||
      llvm::is_contained(sum.getReducedAxes(), tensorType(source).getRank() - 1))
    return sum.emitOpError("expected a sum over all dimensions but the last");
  return success();
}

/// A strategy's text, and how many residues it is for: as many as have a description each, or as
/// the only one says.
static std::string nameResidues(const ContractionDescriptor &descriptor, size_t descriptions,
                                const std::string &text) {
  int64_t residues = descriptions > 1 ? static_cast<int64_t>(descriptions) : descriptor.residues();
  return residues == 1 ? text : fmt::format("{} residues; {}", residues, text);
}

namespace {
/// A description with its strategy, or one for each residue of a strided gradient.
struct Choice {
  SmallVector<ContractionDescriptor, 1> descriptors;
  SmallVector<ContractionStrategy, 1> strategies;

  double time() const {
    double time = 0;
    for (const ContractionStrategy &strategy : strategies)
      time += strategy.time;
    return time;
  }
  double flops() const {
    double flops = 0;
    for (const ContractionDescriptor &descriptor : descriptors)
      flops += descriptor.flops();
    return flops;
  }
  /// The strategy of the most work stands for all.
  std::string describe() const {
    size_t most = 0;
    for (size_t index = 0; index < descriptors.size(); ++index)
      if (descriptors[index].flops() > descriptors[most].flops())
        most = index;
    std::string text = strategies[most].describe(descriptors[most]);
    return nameResidues(descriptors.front(), descriptors.size(), text);
  }
};
} // namespace

static ContractionRequest requestFor(const KernelModule &module, const ContractionBody &body,
                                     const ContractionDescriptor &descriptor) {
  ContractionRequest request;
  request.prologueA = !isa<BlockArgument>(descriptor.operands[kA].value);
  request.prologueB = !isa<BlockArgument>(descriptor.operands[kB].value);
  for (OperandIndex operand : {kA, kB})
    request.isVariable[operand] = module.isVariable(descriptor.operands[operand].value);
  request.sumsB = body.side != nullptr;
  request.vectors = module.options().choice.vectors;
  return request;
}

/// Exchanges A and B of the only description where that is faster.
static void trySwapped(const KernelModule &module, const ContractionBody &body, Choice &choice) {
  ContractionDescriptor swapped = choice.descriptors.front().swapped();
  auto strategy =
      chooseSwappedStrategy(swapped, requestFor(module, body, swapped), module.machine());
  if (!strategy || strategy->time >= choice.time())
    return;
  choice.descriptors = {std::move(swapped)};
  choice.strategies = {std::move(*strategy)};
}

/// Makes residues one description where that can be: so there is code of one.
static void tryTogether(const KernelModule &module, const ContractionBody &body, Choice &choice) {
  auto together = describeTogether(cast<Conv2DBackwardDataOp>(body.anchor));
  if (!together)
    return;
  ContractionStrategy strategy =
      chooseStrategy(*together, requestFor(module, body, *together), module.machine());
  choice.descriptors = {std::move(*together)};
  choice.strategies = {std::move(strategy)};
}

/// The faster of the forms of a contraction, with its strategy.
static FailureOr<Choice> chooseForm(KernelModule &module, const ContractionBody &body) {
  auto descriptor = describeContraction(body.anchor);
  if (failed(descriptor) || failed(checkSide(body, *descriptor)))
    return failure();
  SmallVector<SmallVector<ContractionDescriptor, 1>, 2> forms;
  forms.push_back({std::move(*descriptor)});
  if (auto gradient = dyn_cast<Conv2DBackwardDataOp>(body.anchor)) {
    auto residues = describeResidues(gradient);
    if (failed(residues))
      return failure();
    if (!residues->empty())
      forms.push_back(std::move(*residues));
  }
  // Measured, gathering takes 0.75 to 0.95 times as long as estimated where adding to
  // memory takes 1 to 1.1 times.
  constexpr double kGatherShare = 0.85;
  std::optional<Choice> best;
  for (auto &form : forms) {
    Choice choice{std::move(form), {}};
    for (const ContractionDescriptor &descriptor : choice.descriptors)
      choice.strategies.push_back(
          chooseStrategy(descriptor, requestFor(module, body, descriptor), module.machine()));
    if (choice.descriptors.size() == 1)
      trySwapped(module, body, choice);
    if (!best || choice.time() * kGatherShare < best->time())
      best = std::move(choice);
  }
  if (best->descriptors.size() > 1)
    tryTogether(module, body, *best);
  if (best->descriptors.size() == 1) {
    const ContractionDescriptor &own = best->descriptors.front();
    shareRows(own, module.machine(), best->strategies.front());
    stageByWorkers(own, requestFor(module, body, own), module.machine(), best->strategies.front());
  }
  for (auto [descriptor, strategy] : llvm::zip_equal(best->descriptors, best->strategies)) {
    strategy.fetchesResults = fetchesResults(body, descriptor, strategy, module);
    strategy.storesPast = storesPast(body, strategy, module);
  }
  return std::move(*best);
}

static void emitChoice(KernelModule &module, const ContractionBody &body, const Choice &choice) {
  ContractionBody others = body;
  others.side = nullptr;
  SmallVector<std::unique_ptr<ContractionEmitter>> emitters;
  for (auto [descriptor, strategy] : llvm::zip_equal(choice.descriptors, choice.strategies))
    emitters.push_back(std::make_unique<ContractionEmitter>(
        module, emitters.empty() ? body : others, descriptor, strategy));
  if (emitters.size() == 1)
    emitters.front()->emit();
  else
    ContractionEmitter::emitResidues(module, emitters);
}

/// Whether f32 may be multiplied in parts of bf16.
static SplitProducts splitProducts(const KernelModule &module) {
  SplitProducts use = module.options().splitProducts;
  return use == SplitProducts::WhereFaster ? module.options().choice.splitProducts.value_or(use)
                                           : use;
}

/// How to compute the contraction by Winograd's transform, where that is wanted,
/// and estimated to be faster.
static FailureOr<WinogradStrategy> tryWinograd(const KernelModule &module,
                                               const ContractionBody &body,
                                               const ContractionDescriptor &descriptor) {
  Winograd use = module.options().winograd;
  if (use == Winograd::WhereFaster)
    use = module.options().choice.winograd.value_or(use);
  if (use == Winograd::Never)
    return failure();
  double direct = directCycles(descriptor, module.machine());
  FailureOr<WinogradStrategy> best = failure();
  for (BackwardDataForm form : {BackwardDataForm::Scatter, BackwardDataForm::Gather}) {
    auto described = describeContraction(body.anchor, form);
    if (failed(described))
      return failure();
    bool areKept = module.isVariable(described->operands[kB].value);
    FailureOr<WinogradStrategy> winograd =
        chooseWinograd(*described, module.machine(), areKept, splitProducts(module));
    if (failed(winograd) || (body.side && !winograd->wants(winograd->weights)))
      continue;
    winograd->form = form;
    if (failed(best) || winograd->cycles < best->cycles)
      best = winograd;
  }
  if (failed(best) || (use == Winograd::WhereFaster && best->cycles >= direct))
    return failure();
  return best;
}

namespace {
/// How to compute the contraction by tiles of bf16, and the description that is for; residues
/// beside it, which have no products.
struct TileChoice {
  ContractionDescriptor descriptor;
  SplitProduct product;
  SmallVector<ContractionDescriptor, 1> empty;
};
} // namespace

/// The residues of a gathered gradient as tiles take them: as one description, or one that has all
/// products, followed by those that have none. Nothing where they are neither.
static SmallVector<ContractionDescriptor, 1> residuesForTiles(Conv2DBackwardDataOp gradient) {
  auto residues = describeResidues(gradient);
  if (failed(residues))
    return {};
  if (residues->size() < 2)
    return std::move(*residues);
  if (auto together = describeTogether(gradient))
    return {std::move(*together)};
  llvm::stable_sort(*residues, [](const ContractionDescriptor &x, const ContractionDescriptor &y) {
    return x.flops() > y.flops();
  });
  if ((*residues)[1].flops() > 0)
    return {};
  return std::move(*residues);
}

/// Where that is wanted, and estimated to be faster than multiply-adds.
static std::optional<TileChoice> tryTiles(const KernelModule &module, const ContractionBody &body) {
  std::optional<TileChoice> best;
  auto take = [&](const ContractionDescriptor &descriptor,
                  ArrayRef<ContractionDescriptor> empty = {}) {
    std::optional<SplitProduct> product = chooseSplitProduct(descriptor, module.options());
    if (!product || (best && product->cycles >= best->product.cycles))
      return;
    product->fetchesResults = fetchesResults(body, descriptor, *product, module);
    product->storesPast = storesPast(body, descriptor, *product, module);
    best = TileChoice{descriptor, std::move(*product), {empty.begin(), empty.end()}};
  };
  auto descriptor = describeContraction(body.anchor);
  if (failed(descriptor))
    return std::nullopt;
  take(*descriptor);
  take(descriptor->swapped());
  auto gradient = dyn_cast<Conv2DBackwardDataOp>(body.anchor);
  if (!gradient)
    return best;
  SmallVector<ContractionDescriptor, 1> residues = residuesForTiles(gradient);
  if (residues.empty())
    return best;
  auto empty = ArrayRef(residues).drop_front();
  take(residues.front(), empty);
  // As an image, taps that are left out would be zeros, which an infinity must not meet.
  if (!residues.front().isPadded(kB))
    take(residues.front().swapped(), empty);
  return best;
}

static void emitTiles(KernelModule &module, const ContractionBody &body, const TileChoice &choice) {
  SplitProductEmitter(module, body, choice.descriptor, choice.product).emit();
  if (choice.empty.empty())
    return;
  ContractionBody others = body;
  others.side = nullptr;
  Choice empty{choice.empty, {}};
  for (const ContractionDescriptor &descriptor : empty.descriptors)
    empty.strategies.push_back(
        chooseStrategy(descriptor, requestFor(module, others, descriptor), module.machine()));
  emitChoice(module, others, empty);
}

/// Of what was emitted.
static void explainStrategy(KernelModule &module, std::string text) {
  KernelOp kernel = module.op();
  if (module.isPacked())
    text += "; kept packed from run to run";
  kernel->setAttr("strategy", StringAttr::get(kernel.getContext(), text));
  if (module.options().explain)
    kernel.emitRemark() << kernel.getLabel() << ": " << text;
}

LogicalResult emitContractionKernel(KernelModule &module) {
  auto body = ContractionBody::get(module.op());
  if (failed(body))
    return failure();
  auto choice = chooseForm(module, *body);
  if (failed(choice))
    return failure();
  addBodyWork(module);
  module.addWork(choice->flops(), 0);
  FailureOr<WinogradStrategy> winograd = tryWinograd(module, *body, choice->descriptors.front());
  std::optional<TileChoice> tiles = tryTiles(module, *body);
  // Measured, tiles take 0.8 to 1.5 times as long as estimated where the transform
  // takes 0.8 to 1.1 times.
  constexpr double kTileAdvantage = 1.25;
  bool prefersTiles =
      tiles && succeeded(winograd) && tiles->product.cycles * kTileAdvantage < winograd->cycles;
  if (succeeded(winograd) && !prefersTiles) {
    emitWinograd(module, *body, *winograd);
    explainStrategy(module, winograd->describe());
    return success();
  }
  if (tiles) {
    emitTiles(module, *body, *tiles);
    explainStrategy(module, nameResidues(tiles->descriptor, 1 + tiles->empty.size(),
                                         tiles->product.describe()));
    return success();
  }
  emitChoice(module, *body, *choice);
  explainStrategy(module, choice->describe());
  return success();
}

//===----------------------------------------------------------------------===//
// Phases
//===----------------------------------------------------------------------===//

/// Whether the tiles of the first rows see each element of B once, so that they
/// can sum it: what is not a column of B is K, and there are rows.
static bool tilesSumB(const ContractionDescriptor &d, const ContractionStrategy &s) {
  if (s.accumulation == Accumulation::Scatter || s.isDot() || s.isSwapped || d.isResidue)
    return false;
  int last = static_cast<int>(d.operands[kB].shape.size()) - 1;
  return llvm::all_of(d.dims, [&](const ContractionDim &dim) {
    const AddressTerm &term = dim.terms[kB];
    if (dim.role == DimRole::M)
      return dim.extent > 0;
    return !term.occurs() ? dim.role != DimRole::Batch
                          : (term.dim == last) == (dim.role != DimRole::K);
  });
}

ContractionEmitter::ContractionEmitter(KernelModule &module, const ContractionBody &body,
                                       const ContractionDescriptor &descriptor,
                                       const ContractionStrategy &strategy)
    : module(module), body(body), d(descriptor), s(strategy) {
  sideAlone = body.side && !tilesSumB(d, s);
}

void ContractionEmitter::stage(ArrayRef<std::unique_ptr<ContractionEmitter>> others) {
  for (OperandIndex operand : {kA, kB}) {
    if ((operand == kA && s.copiesInTask) || s.operands[operand].level >= 0) {
      stagedOffset[operand] = module.reserveScratch(bytes(s.operands[operand].count));
      continue;
    }
    Staging staging = s.operands[operand].staging;
    if (staging == Staging::None)
      continue;
    // Residues copy all that any of them touches.
    auto same = llvm::find_if(others, [&](const auto &other) {
      return operand == kA && staging == Staging::Copy &&
             other->s.operands[kA].staging == Staging::Copy;
    });
    if (same != others.end()) {
      stagedOffset[operand] = (*same)->stagedOffset[operand];
      continue;
    }
    int64_t count = bytes(s.operands[operand].count);
    bool byEachWorker = s.operands[operand].byEachWorker;
    stagedOffset[operand] = byEachWorker ? module.reserveScratch(count)
                                         : module.reservePacked(count, d.operands[operand].value);
    if (!byEachWorker)
      emitStaging(operand);
  }
  // What prepares the next phase comes last.
  for (OperandIndex operand : {kA, kB})
    if (s.operands[operand].byEachWorker)
      emitStaging(operand);
}

/// A phase that stages an operand.
void ContractionEmitter::addStaging(OperandIndex operand, int64_t tasks,
                                    function_ref<void(PhaseBuilder &)> emit) {
  if (s.operands[operand].byEachWorker)
    module.addPreparation(tasks, emit);
  else
    module.addPackingPhase(tasks, d.operands[operand].value, emit);
}

void ContractionEmitter::emit() {
  stage({});
  if (turnsTiles())
    turnOffset = module.reserveScratch(bytes(s.rows() * s.columns()));
  bool isSplit = s.accumulation == Accumulation::Partials;
  bool finishesSide = isSplit && body.side && !sideAlone;
  if (s.accumulation == Accumulation::Scatter || s.accumulation == Accumulation::Chunks)
    stagedOffset[kC] = module.reserveScratch(bytes(s.operands[kC].count));
  if (s.accumulation == Accumulation::Chunks && body.side && !sideAlone)
    sideOffset = module.reserveScratch(bytes(sideColumns()));
  if (isSplit)
    stagedOffset[kC] = module.reserveWorkspace(bytes(s.operands[kC].count * s.parts));
  if (finishesSide)
    sideOffset = module.reserveWorkspace(bytes(sideColumns() * s.parts));
  emitMultiply();
  if (isSplit)
    emitFinish();
  if (finishesSide)
    emitSideFinish();
  if (sideAlone)
    emitSideAlone();
}

} // namespace dl
