//===- Backend.cpp - LLVM's code generator for a machine ------------------===//

#include "Backend.h"
#include "FastSelection.h"
#include "KernelPasses.h"
#include "StandIns.h"
#include "TargetMachine.h"

#include "llvm/TargetParser/Triple.h"

#include <mutex>

using namespace mlir;

namespace dl {

/// Passes, with the place that they write to.
struct Backend::Writer {
  Writer(const Machine &machine, int level, CodeRole role, OutputKind kind, bool usesTiles)
      : level(level), role(role), kind(kind), usesTiles(usesTiles),
        passes(machine, level, usesTiles), os(bytes) {}

  int level;
  CodeRole role;
  OutputKind kind;
  bool usesTiles;
  KernelPassManager passes;
  llvm::SmallVector<char, 0> bytes;
  llvm::raw_svector_ostream os;
};

/// Null: a diagnostic says why.
static std::unique_ptr<llvm::TargetMachine> createTargetMachine(Location loc,
                                                                const Machine &machine) {
  llvm::Triple triple(machine.triple);
  Result<const llvm::Target *> target = lookupTarget(triple);
  if (!target) {
    emitError(loc) << target.error().message;
    return nullptr;
  }
  llvm::TargetOptions options;
  if (triple.isRISCV64())
    options.MCOptions.ABIName = "lp64d";
  std::unique_ptr<llvm::TargetMachine> result((*target)->createTargetMachine(
      triple, machine.cpu, machine.features, options, llvm::Reloc::PIC_));
  if (!result)
    emitError(loc) << "no code generator for " << machine.triple;
  return result;
}

Backend::Backend(const Machine &machine, std::unique_ptr<llvm::TargetMachine> target)
    : machine(machine), target(std::move(target)) {}

Backend::~Backend() = default;

/// Kernels are vector code with their loops in order: the cheap level loses nothing that was
/// measured, in half the time.
void Backend::setLevel(int optLevel, CodeRole ofRole) {
  level = optLevel;
  role = ofRole;
  auto generator = optLevel >= 3 ? llvm::CodeGenOptLevel::Default : llvm::CodeGenOptLevel::Less;
  if (role == CodeRole::Program)
    generator = llvm::CodeGenOptLevel::None;
  target->setOptLevel(generator);
}

/// The code of kernels is as fast as the other selector's, which still gets what the fast one
/// does not know, some shuffles and selections among vectors, and with them all that is above in
/// a block; the rest takes a tenth of the time. With 16 registers code is up to a tenth slower.
bool Backend::selectsFast() const {
  if (role == CodeRole::Program)
    return true;
  bool hasRoom = machine.vectorRegisters >= 32;
  return level < 3 && hasRoom && target->getTargetTriple().isX86();
}

/// Null: this target has none. The pipeline of the code generator is still made of LLVM's
/// old passes.
Backend::Writer *Backend::writerOf(OutputKind kind, bool usesTiles) {
  for (const auto &writer : writers)
    if (writer->level == level && writer->role == role && writer->kind == kind &&
        writer->usesTiles == usesTiles)
      return writer.get();
  auto writer = std::make_unique<Writer>(machine, level, role, kind, usesTiles);
  auto type = kind == OutputKind::Assembly ? llvm::CodeGenFileType::AssemblyFile
                                           : llvm::CodeGenFileType::ObjectFile;
  if (target->addPassesToEmitFile(writer->passes, writer->os, nullptr, type,
                                  /*DisableVerify=*/true))
    return nullptr;
  return writers.emplace_back(std::move(writer)).get();
}

FailureOr<llvm::SmallVector<char, 0>> Backend::write(llvm::Module &module, OutputKind kind) {
  Writer *writer = writerOf(kind, module.getFunction("llvm.x86.tdpbf16ps") != nullptr);
  if (!writer)
    return failure();
  // LLVM sets it for `None`, and never back.
  bool isFast = selectsFast();
  target->setFastISel(isFast);
  if (isFast && role == CodeRole::Kernels)
    putStandIns(module, machine.hasFMA);
  writer->passes.run(module);
  llvm::SmallVector<char, 0> bytes(writer->bytes);
  writer->bytes.clear();
  // The printer of assembly remembers what section it was in last.
  if (kind == OutputKind::Assembly)
    forgetPasses();
  return bytes;
}

void Backend::forgetPasses() { writers.clear(); }

/// Whether code for two machines is written alike.
static bool areAlike(const Machine &a, const Machine &b) {
  return a.triple == b.triple && a.cpu == b.cpu && a.features == b.features &&
         a.vectorBits == b.vectorBits && a.hasTiles == b.hasTiles;
}

namespace {
struct Pool {
  static Pool &get() {
    static Pool pool;
    return pool;
  }

  std::mutex mutex;
  std::vector<std::unique_ptr<Backend>> idle;
};
} // namespace

std::unique_ptr<Backend> Backend::take(Location loc, const Machine &machine) {
  {
    Pool &pool = Pool::get();
    std::lock_guard lock(pool.mutex);
    auto found = llvm::find_if(pool.idle, [&](const std::unique_ptr<Backend> &backend) {
      return areAlike(backend->machine, machine);
    });
    if (found != pool.idle.end()) {
      std::unique_ptr<Backend> backend = std::move(*found);
      pool.idle.erase(found);
      return backend;
    }
  }
  std::unique_ptr<llvm::TargetMachine> target = createTargetMachine(loc, machine);
  return target ? std::unique_ptr<Backend>(new Backend(machine, std::move(target))) : nullptr;
}

void Backend::giveBack(std::unique_ptr<Backend> backend) {
  constexpr size_t kKept = 16;
  Pool &pool = Pool::get();
  std::lock_guard lock(pool.mutex);
  pool.idle.push_back(std::move(backend));
  if (pool.idle.size() > kKept)
    pool.idle.erase(pool.idle.begin());
}

} // namespace dl
