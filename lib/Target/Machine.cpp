//===- Machine.cpp - What the code generator knows of a CPU ---------------===//

#include "dl/Support/Machine.h"
#include "TargetMachine.h"

#include "llvm/ADT/StringMap.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/MC/MCSubtargetInfo.h"
#include "llvm/Support/TargetSelect.h"
#include "llvm/TargetParser/Host.h"
#include "llvm/TargetParser/Triple.h"

#include <mutex>

#include <sys/syscall.h>
#include <unistd.h>

using namespace llvm;

namespace dl {

/// The backends that code may be generated for elsewhere.
static void initializeOthers() {
#define INITIALIZE(name)                                                                           \
  LLVMInitialize##name##TargetInfo(), LLVMInitialize##name##Target(),                              \
      LLVMInitialize##name##TargetMC(), LLVMInitialize##name##AsmPrinter(),                        \
      LLVMInitialize##name##AsmParser()
  INITIALIZE(X86);
  INITIALIZE(AArch64);
  INITIALIZE(RISCV);
#undef INITIALIZE
}

Result<const Target *> lookupTarget(const Triple &triple) {
  static std::once_flag once;
  std::call_once(once, [] {
    InitializeNativeTarget();
    InitializeNativeTargetAsmPrinter();
    InitializeNativeTargetAsmParser();
  });
  static std::once_flag others;
  if (triple.getArch() != Triple(sys::getProcessTriple()).getArch())
    std::call_once(others, initializeOthers);
  std::string message;
  const Target *target = TargetRegistry::lookupTarget(triple, message);
  if (!target)
    return Error{"error: no code generator for " + triple.str() + ": " + message};
  return target;
}

/// The host's features that `cpu` has not, or has and the host has not, as LLVM
/// writes them. Those that the system does not save with a thread's state (AVX,
/// AVX-512) are off. LLVM reads the text for every kernel, so it is short.
static std::string hostFeatures(const Target &target, const Triple &triple, StringRef cpu) {
  std::vector<std::string> flags;
  for (const auto &feature : sys::getHostCPUFeatures())
    flags.push_back((feature.second ? "+" : "-") + feature.first().str());
  // What is there comes first: a feature that is not takes those along that need it.
  llvm::sort(flags);
  std::unique_ptr<MCSubtargetInfo> subtarget(target.createMCSubtargetInfo(triple, cpu, ""));
  StringMap<unsigned> bits;
  for (const SubtargetFeatureKV &feature : subtarget->getAllProcessorFeatures())
    bits[feature.Key] = feature.Value;
  std::vector<std::string> differences;
  for (const std::string &flag : flags) {
    auto bit = bits.find(flag.substr(1));
    if (bit == bits.end() || subtarget->getFeatureBits()[bit->second] == (flag[0] == '+'))
      continue;
    subtarget->ApplyFeatureFlag(flag);
    differences.push_back(flag);
  }
  return llvm::join(differences, ",");
}

/// Sets a cache size where the system knows it.
static void readCacheSize(int64_t &bytes, int name) {
  long size = sysconf(name);
  if (size > 0)
    bytes = size;
}

static void readHostCaches(Machine &machine) {
  readCacheSize(machine.l1Bytes, _SC_LEVEL1_DCACHE_SIZE);
  readCacheSize(machine.l2Bytes, _SC_LEVEL2_CACHE_SIZE);
  readCacheSize(machine.l3Bytes, _SC_LEVEL3_CACHE_SIZE);
}

/// Whether the system lets this process use tiles; asks for it. Threads that start
/// later inherit that.
static bool requestTiles() {
#if defined(__x86_64__) && defined(SYS_arch_prctl)
  constexpr int kRequestPermission = 0x1023, kTileData = 18;
  static const bool isGranted = syscall(SYS_arch_prctl, kRequestPermission, kTileData) == 0;
  return isGranted;
#else
  return false;
#endif
}

/// What the features allow.
static void describeX86(Machine &machine, const MCSubtargetInfo &subtarget) {
  auto has = [&](const char *features) { return subtarget.checkFeatures(features); };
  machine.hasFMA = has("+fma");
  machine.vectorBits = has("+avx2") && machine.hasFMA ? 256 : 128;
  machine.hasMaskedMemory = has("+avx2");
  // All four, so that any 512-bit, 256-bit or masked form that LLVM picks exists.
  if (has("+avx512f,+avx512vl,+avx512bw,+avx512dq")) {
    machine.vectorBits = 512;
    machine.vectorRegisters = 32;
    machine.hasTiles = has("+amx-tile,+amx-bf16");
  }
}

static void describeAArch64(Machine &machine) {
  machine.hasFMA = true;
  machine.vectorRegisters = 32;
}

/// Vectors are of 128 bits where the CPU has any: code for more would not run on
/// those that have not.
static void describeRISCV(Machine &machine, const MCSubtargetInfo &subtarget) {
  machine.hasFMA = true;
  machine.vectorRegisters = 32;
  machine.hasMaskedMemory = subtarget.checkFeatures("+v");
}

/// CPU and features of a name.
static void nameCPU(Machine &machine, const Target &target, const Triple &triple,
                    const std::string &march) {
  machine.cpu = StringSwitch<std::string>(march)
                    .Case("host", sys::getHostCPUName().str())
                    .Case("generic", triple.isX86()       ? "x86-64"
                                     : triple.isRISCV64() ? "generic-rv64"
                                                          : "generic")
                    .Case("avx2", "haswell")
                    .Case("avx512", "skylake-avx512")
                    .Default(march);
  if (march == "host") {
    machine.features = hostFeatures(target, triple, machine.cpu);
    readHostCaches(machine);
  } else if (march == "generic" && triple.isRISCV64()) {
    machine.features = "+m,+a,+f,+d,+c,+v,+zvl128b";
  }
}

/// The triple of a name; the host's where it is empty.
static Result<Triple> findTriple(const std::string &name) {
  if (name.empty())
    return Triple(sys::getProcessTriple());
  Triple triple(Triple::normalize(name));
  bool isKnown = triple.getArch() == Triple::x86_64 || triple.getArch() == Triple::aarch64 ||
                 triple.getArch() == Triple::riscv64;
  // ABIs of 32-bit pointers on 64-bit machines: compiled code has pointers of 64.
  bool isNarrow = triple.isX32() || triple.getEnvironment() == Triple::GNUILP32;
  if (!isKnown || isNarrow || !triple.isOSBinFormatELF())
    return Error{"error: unknown target '" + name +
                 "': expected x86_64-linux-gnu, aarch64-linux-gnu, riscv64-linux-gnu or a triple "
                 "like them"};
  return triple;
}

static Result<Machine> describe(const std::string &name, const std::string &targetName) {
  Machine machine;
  Result<Triple> found = findTriple(targetName);
  if (!found)
    return found.error();
  Triple triple = *found;
  bool isForeign = triple.getArch() != Triple(sys::getProcessTriple()).getArch();
  std::string march = isForeign && name == "host" ? "generic" : name;
  machine.triple = triple.str();
  Result<const Target *> target = lookupTarget(triple);
  if (!target)
    return target.error();

  nameCPU(machine, **target, triple, march);
  // Asked without a CPU: with one that it does not know LLVM prints to stderr.
  std::unique_ptr<MCSubtargetInfo> known((*target)->createMCSubtargetInfo(triple, "", ""));
  if (!known->isCPUStringValid(machine.cpu))
    return Error{"error: unknown CPU '" + march +
                 "': expected host, generic, avx2, avx512 or a "
                 "CPU that LLVM knows for " +
                 triple.str()};
  std::unique_ptr<MCSubtargetInfo> subtarget(
      (*target)->createMCSubtargetInfo(triple, machine.cpu, machine.features));
  if (!triple.isAArch64() && !subtarget->checkFeatures("+64bit"))
    return Error{"error: CPU '" + march + "' has no 64-bit mode"};
  if (triple.isX86()) {
    describeX86(machine, *subtarget);
    // Code for another machine asks there.
    if (machine.hasTiles && !requestTiles() && march == "host")
      machine.hasTiles = false;
  } else if (triple.isAArch64()) {
    describeAArch64(machine);
  } else if (triple.isRISCV64()) {
    describeRISCV(machine, *subtarget);
  }
  return machine;
}

Result<Machine> Machine::get(const std::string &name, const std::string &targetName) {
  if (name != "host" || !targetName.empty())
    return describe(name, targetName);
  static const Result<Machine> host = describe(name, targetName);
  return host;
}

} // namespace dl
