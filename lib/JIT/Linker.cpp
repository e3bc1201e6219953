//===- Linker.cpp - Objects become code in memory -------------------------===//

#include "Linker.h"
#include "dl/Runtime/Runtime.h"

#include "llvm/ExecutionEngine/Orc/AbsoluteSymbols.h"
#include "llvm/ExecutionEngine/Orc/Core.h"
#include "llvm/ExecutionEngine/Orc/ObjectLinkingLayer.h"
#include "llvm/ExecutionEngine/Orc/SelfExecutorProcessControl.h"

#include <cmath>
#include <cstring>

using namespace llvm;
using namespace llvm::orc;

namespace dl {

struct CodeImage::Session {
  explicit Session(std::unique_ptr<ExecutorProcessControl> control)
      : execution(std::move(control)), layer(execution),
        library(execution.createBareJITDylib("model")) {}
  ~Session() { cantFail(execution.endSession()); }

  ExecutionSession execution;
  ObjectLinkingLayer layer;
  JITDylib &library;
};

CodeImage::CodeImage() = default;
CodeImage::~CodeImage() = default;

namespace {
using Unary32 = float (*)(float);
using Unary64 = double (*)(double);
using Binary32 = float (*)(float, float);
using Binary64 = double (*)(double, double);
using Ternary32 = float (*)(float, float, float);
using Ternary64 = double (*)(double, double, double);

struct Symbol {
  const char *name;
  void *address;
};
} // namespace

/// All that compiled code may call: the runtime, and what LLVM's code generator
/// calls for intrinsics that a CPU has no instruction for.
static ArrayRef<Symbol> runtimeSymbols() {
#define DL_FUNCTION(name) {#name, reinterpret_cast<void *>(&name)}
#define DL_MATH(kind, name)                                                                        \
  {#name "f", reinterpret_cast<void *>(static_cast<kind##32>(&name##f))}, {                        \
    #name, reinterpret_cast<void *>(static_cast<kind##64>(&::name))                                \
  }
  static const Symbol symbols[] = {
      DL_FUNCTION(dlrt_parallel_for),
      DL_FUNCTION(dlrt_prepared_for),
      DL_FUNCTION(dlrt_timed_for),
      DL_FUNCTION(dlrt_enable_tiles),
      {"memcpy", reinterpret_cast<void *>(&memcpy)},
      {"memmove", reinterpret_cast<void *>(&memmove)},
      {"memset", reinterpret_cast<void *>(&memset)},
      DL_MATH(Unary, exp),
      DL_MATH(Unary, exp2),
      DL_MATH(Unary, expm1),
      DL_MATH(Unary, log),
      DL_MATH(Unary, log2),
      DL_MATH(Unary, log10),
      DL_MATH(Unary, log1p),
      DL_MATH(Unary, sin),
      DL_MATH(Unary, cos),
      DL_MATH(Unary, tan),
      DL_MATH(Unary, tanh),
      DL_MATH(Unary, sqrt),
      DL_MATH(Unary, erf),
      DL_MATH(Unary, erfc),
      DL_MATH(Unary, floor),
      DL_MATH(Unary, ceil),
      DL_MATH(Unary, trunc),
      DL_MATH(Unary, rint),
      DL_MATH(Unary, nearbyint),
      DL_MATH(Unary, round),
      DL_MATH(Binary, fmod),
      DL_MATH(Binary, pow),
      DL_MATH(Binary, fmin),
      DL_MATH(Binary, fmax),
      DL_MATH(Binary, atan2),
      DL_MATH(Ternary, fma),
  };
#undef DL_MATH
#undef DL_FUNCTION
  return symbols;
}

static SymbolMap runtimeSymbolMap(ExecutionSession &execution) {
  SymbolMap map;
  for (const Symbol &symbol : runtimeSymbols())
    map[execution.intern(symbol.name)] = {ExecutorAddr::fromPtr(symbol.address),
                                          JITSymbolFlags::Exported | JITSymbolFlags::Callable};
  return map;
}

Expected<std::unique_ptr<CodeImage>>
CodeImage::link(std::vector<std::unique_ptr<MemoryBuffer>> objects) {
  auto control = SelfExecutorProcessControl::Create(std::make_shared<SymbolStringPool>(),
                                                    std::make_unique<InPlaceTaskDispatcher>());
  if (!control)
    return control.takeError();
  std::unique_ptr<CodeImage> image(new CodeImage());
  image->session = std::make_unique<Session>(std::move(*control));
  auto &[execution, layer, library] = *image->session;
  // Lookups return their errors; there is nobody to report others to.
  execution.setErrorReporter([](llvm::Error error) { consumeError(std::move(error)); });
  if (llvm::Error error = library.define(absoluteSymbols(runtimeSymbolMap(execution))))
    return error;
  for (std::unique_ptr<MemoryBuffer> &object : objects)
    if (llvm::Error error = layer.add(library, std::move(object)))
      return error;
  return image;
}

Expected<void *> CodeImage::find(StringRef symbol) {
  auto &[execution, layer, library] = *session;
  Expected<ExecutorSymbolDef> found = execution.lookup({&library}, execution.intern(symbol));
  if (!found)
    return found.takeError();
  return found->getAddress().toPtr<void *>();
}

} // namespace dl
