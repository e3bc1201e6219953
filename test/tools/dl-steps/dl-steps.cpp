//===- dl-steps.cpp - Training steps on given weights and batches ---------===//
//
// dl-steps MODEL --loss=L --optimizer=O --weights=IN --data=NPZ --batch=N
//          --losses=OUT.npy --save=OUT.safetensors [--workers=N] [--dropout-seed=N]
//
// Runs one training step on each batch of N rows of the npz file, whose members
// "0", "1", ... are what a step takes, in order. Writes the loss of each step and
// the parameters after the last one, for a comparison with another framework.
//
//===----------------------------------------------------------------------===//

#include "dl/Support/Npy.h"
#include "dl/Trainer.h"

#include "llvm/Support/CommandLine.h"
#include "llvm/Support/raw_ostream.h"

using namespace dl;
namespace cl = llvm::cl;

static cl::opt<std::string> modelFile(cl::Positional, cl::desc("MODEL"), cl::Required);
static cl::opt<std::string> lossName("loss", cl::desc("loss, as in dlc train"), cl::Required);
static cl::opt<std::string> optimizerText("optimizer", cl::desc("optimiser"), cl::init("sgd"));
static cl::opt<std::string> weightsFile("weights", cl::desc("initial parameters"), cl::Required);
static cl::opt<std::string> dataFile("data", cl::desc("npz file of rows"), cl::Required);
static cl::opt<int64_t> batchSize("batch", cl::desc("rows a step"), cl::init(1));
static cl::opt<std::string> lossesFile("losses", cl::desc("npy file to write"), cl::Required);
static cl::opt<std::string> saveFile("save", cl::desc("safetensors file to write"), cl::Required);
static cl::opt<int64_t> dropoutSeed("dropout-seed", cl::desc("of a model with dropout"),
                                    cl::init(-1));
static cl::opt<int> workers("workers", cl::desc("threads; 0: one a core"), cl::init(0));

/// Rows [first, first + batchSize) of a tensor.
static TensorView rowsOf(const Tensor &all, int64_t first, Shape &shape) {
  shape = all.shape();
  size_t rowBytes = shape[0] == 0 ? 0 : all.bytes() / shape[0];
  shape[0] = batchSize;
  return {all.dtype(), shape, static_cast<const char *>(all.raw()) + first * rowBytes};
}

/// The members "0", "1", ... in order.
static Result<std::vector<Tensor>> readRows(const std::string &path) {
  auto members = readNpz(path);
  if (!members)
    return members.error();
  std::vector<Tensor> rows;
  for (auto it = members->find("0"); it != members->end();
       it = members->find(std::to_string(rows.size())))
    rows.push_back(std::move(it->second));
  if (rows.empty() || rows[0].shape().empty())
    return Error{path + ": expected members '0', '1', ... of at least 1 dimension"};
  return rows;
}

static Status runSteps(Trainer &trainer, const std::vector<Tensor> &rows) {
  Tensor losses(DType::F32, {rows[0].shape()[0] / batchSize});
  for (int64_t step = 0; step < losses.size(); ++step) {
    std::vector<Shape> shapes(rows.size());
    std::vector<TensorView> batch;
    for (size_t i = 0; i < rows.size(); ++i)
      batch.push_back(rowsOf(rows[i], step * batchSize, shapes[i]));
    auto loss = trainer.step(batch);
    if (!loss)
      return loss.error();
    losses.data<float>()[step] = *loss;
  }
  if (Status written = writeNpy(lossesFile, losses); !written)
    return written;
  return trainer.saveWeights(saveFile);
}

static Status run() {
  auto model = Model::load(modelFile);
  if (!model)
    return model.error();
  auto optimizer = Optimizer::parse(optimizerText);
  if (!optimizer)
    return optimizer.error();
  auto trainer =
      compileTrainer(*model, Loss{lossName}, *optimizer, {.batch = batchSize, .threads = workers});
  if (!trainer)
    return trainer.error();
  if (Status loaded = trainer->loadWeights(weightsFile); !loaded)
    return loaded;
  if (dropoutSeed >= 0) {
    Tensor seed(DType::I64, {});
    *seed.data<int64_t>() = dropoutSeed;
    if (Status set = trainer->setVariable("dropout.seed", seed); !set)
      return set;
  }
  auto rows = readRows(dataFile);
  if (!rows)
    return rows.error();
  return runSteps(*trainer, *rows);
}

int main(int argc, char **argv) {
  cl::ParseCommandLineOptions(argc, argv, "training steps on given weights and batches\n");
  if (Status status = run(); !status) {
    llvm::errs() << "dl-steps: " << status.error().message << "\n";
    return 1;
  }
  return 0;
}
