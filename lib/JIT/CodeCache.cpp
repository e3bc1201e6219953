//===- CodeCache.cpp - Programs and kernels from the cache ----------------===//

#include "CodeCache.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm-c/Core.h"

#include <link.h>
#include <sys/stat.h>

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// What code depends on
//===----------------------------------------------------------------------===//

namespace {
/// The file that the code at an address was loaded from.
struct Module {
  uintptr_t address;
  std::string path;
};
} // namespace

static int findModule(dl_phdr_info *info, size_t, void *data) {
  auto &module = *static_cast<Module *>(data);
  for (size_t i = 0; i < info->dlpi_phnum; ++i) {
    const ElfW(Phdr) &part = info->dlpi_phdr[i];
    if (part.p_type != PT_LOAD || module.address - (info->dlpi_addr + part.p_vaddr) >= part.p_memsz)
      continue;
    // The program itself has no name here.
    module.path = info->dlpi_name[0] ? info->dlpi_name : "/proc/self/exe";
    return 1;
  }
  return 0;
}

/// Tells a build of a program or a library from every other one. A version's
/// number would not: it stays the same while a compiler is worked on.
template <typename Function> static void addBuild(CacheKey &key, Function *function) {
  Module module{reinterpret_cast<uintptr_t>(function), {}};
  dl_iterate_phdr(findModule, &module);
  struct stat status = {};
  if (!module.path.empty() && stat(module.path.c_str(), &status) == 0)
    key.add(static_cast<int64_t>(status.st_size))
        .add(static_cast<int64_t>(status.st_mtim.tv_sec))
        .add(static_cast<int64_t>(status.st_mtim.tv_nsec));
  key.add(module.path.empty() ? "" : "known");
}

static void addMachine(CacheKey &key, const Machine &machine) {
  // Names every member, so that a new one is not forgotten here.
  const auto &[triple, cpu, features, vectorBits, vectorRegisters, hasFMA, hasTiles,
               hasMaskedMemory, l1Bytes, l2Bytes, l3Bytes] = machine;
  key.add(triple).add(cpu).add(features);
  key.add(int64_t(vectorBits)).add(int64_t(vectorRegisters)).add(int64_t(hasFMA));
  key.add(int64_t(hasTiles)).add(int64_t(hasMaskedMemory)).add(l1Bytes).add(l2Bytes).add(l3Bytes);
}

static void addOptions(CacheKey &key, const CompileOptions &options) {
  // Names every option, so that a new one is not forgotten here. Code does not
  // depend on the number of threads, nor on first values; the batch size comes
  // with the request, what `march` and `target` mean with the machine, and what
  // tuning found with the kernels. A profiled program has the same kernels. What
  // is emitted is not kept.
  const auto &[batch, threads, optLevel, fusion, winograd, keepPacked, exportPack, march, splitF32,
               target, seed, cache, cacheDir, profile, tune, onTuned] = options;
  key.add(int64_t(optLevel)).add(int64_t(fusion)).add(int64_t(winograd)).add(int64_t(splitF32));
  key.add(int64_t(keepPacked));
}

static void addModel(CacheKey &key, ModelOp model) {
  std::string text;
  llvm::raw_string_ostream os(text);
  model->print(os, OpPrintingFlags().useLocalScope());
  key.add(text);
}

static void addRequest(CacheKey &key, const ProgramRequest &request) {
  const auto &[kind, loss, optimizer, batch] = request;
  key.add(static_cast<int64_t>(kind)).add(batch).add(loss.name);
  const auto &[name, lr, momentum, nesterov, weightDecay, beta1, beta2, epsilon] = optimizer;
  key.add(name).add(lr).add(momentum).add(int64_t(nesterov)).add(weightDecay);
  key.add(beta1).add(beta2).add(epsilon);
}

static CacheKey programKey(CacheKey key, bool isProfiled, ModelOp model,
                           const ProgramRequest &request) {
  key.add("program").add(int64_t(isProfiled));
  addModel(key, model);
  addRequest(key, request);
  return key;
}

static CacheKey objectKey(CacheKey key, StringRef kernel, size_t choice) {
  return key.add("kernel").add(kernel).add(static_cast<int64_t>(choice));
}

static CacheKey choiceKey(CacheKey key, StringRef kernel) { return key.add("choice").add(kernel); }

//===----------------------------------------------------------------------===//
// The cache
//===----------------------------------------------------------------------===//

Result<std::unique_ptr<CodeCache>> CodeCache::open(const CompileOptions &options,
                                                   const Machine &machine) {
  std::unique_ptr<DiskCache> disk;
  if (options.cache) {
    bool isNamed = !options.cacheDir.empty();
    auto opened = DiskCache::open(isNamed ? options.cacheDir : DiskCache::userFolder());
    if (!opened && isNamed)
      return opened.error();
    if (opened)
      disk = std::move(*opened);
  }
  if (!disk && !options.tune)
    return std::unique_ptr<CodeCache>();
  return std::unique_ptr<CodeCache>(new CodeCache(std::move(disk), options, machine));
}

CodeCache::CodeCache(std::unique_ptr<DiskCache> disk, const CompileOptions &options,
                     const Machine &machine)
    : disk(std::move(disk)), isProfiled(options.profile) {
  common.add(DLC_VERSION);
  addBuild(common, &deserializeProgram);
  addBuild(common, &LLVMContextCreate);
  addMachine(common, machine);
  addOptions(common, options);
}

std::optional<ProgramImage> CodeCache::findProgram(ModelOp model,
                                                   const ProgramRequest &request) const {
  auto bytes =
      disk && hasObjects() ? disk->find(programKey(common, isProfiled, model, request)) : nullptr;
  return bytes ? deserializeProgram(bytes->getBuffer()) : std::nullopt;
}

void CodeCache::keepProgram(ModelOp model, const ProgramRequest &request,
                            const ProgramImage &image) const {
  if (!disk || !hasObjects())
    return;
  disk->put(programKey(common, isProfiled, model, request), serialize(image));
  disk->trim();
}

std::optional<KernelCode> CodeCache::find(StringRef key, size_t choice) {
  auto bytes = disk && hasObjects() ? disk->find(objectKey(common, key, choice)) : nullptr;
  auto found = bytes ? deserializeKernel(bytes->getBuffer()) : std::nullopt;
  if (!found)
    return std::nullopt;
  objects[found->first.name] = std::move(found->second);
  return std::move(found->first);
}

ObjectFile CodeCache::takeObject(const KernelCode &kernel) {
  auto found = objects.find(kernel.name);
  return found == objects.end() ? nullptr : std::move(found->second);
}

void CodeCache::keepKernel(const KernelCode &kernel, const llvm::MemoryBuffer &object) const {
  if (disk && hasObjects())
    disk->put(objectKey(common, kernel.key, kernel.choice), serialize(kernel, object));
}

size_t CodeCache::choiceOf(StringRef key) {
  if (trial)
    return *trial;
  auto [it, isNew] = choices.try_emplace(key, 0);
  if (!isNew || !disk)
    return it->second;
  size_t choice = 0;
  auto bytes = disk->find(choiceKey(common, key));
  if (bytes && !bytes->getBuffer().getAsInteger(10, choice) && choice < std::size(kKernelChoices))
    it->second = choice;
  return it->second;
}

void CodeCache::setChoice(StringRef key, size_t choice) { choices[key] = choice; }

void CodeCache::keepChoice(StringRef key) const {
  if (disk)
    disk->put(choiceKey(common, key), std::to_string(choices.lookup(key)));
}

} // namespace dl
