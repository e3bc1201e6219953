//===- ObjectCodeTests.cpp - From the LLVM dialect to object code ---------===//

#include "Backend.h"
#include "dl/Target/ObjectCode.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Support/SourceMgr.h"

#include <gtest/gtest.h>

#include <thread>

using namespace mlir;
using dl::CodeRole;
using dl::Machine;
using dl::OutputKind;

namespace {

constexpr const char *kAdd = R"mlir(
llvm.func @add(%a: !llvm.ptr) {
  %0 = llvm.load %a {alignment = 4 : i64} : !llvm.ptr -> vector<16xf32>
  %1 = llvm.fadd %0, %0 : vector<16xf32>
  llvm.store %1, %a {alignment = 4 : i64} : vector<16xf32>, !llvm.ptr
  llvm.return
})mlir";

/// Two levels of shuffles of two vectors each.
constexpr const char *kShuffles = R"mlir(
llvm.func @shuffles(%a: !llvm.ptr, %b: !llvm.ptr) {
  %0 = llvm.load %a {alignment = 4 : i64} : !llvm.ptr -> vector<4xf32>
  %1 = llvm.load %b {alignment = 4 : i64} : !llvm.ptr -> vector<4xf32>
  %2 = llvm.shufflevector %0, %1 [0, 4, 2, 6] : vector<4xf32>
  %3 = llvm.shufflevector %0, %1 [1, 5, 3, 7] : vector<4xf32>
  %4 = llvm.shufflevector %2, %3 [0, 1, 4, 5] : vector<4xf32>
  %5 = llvm.shufflevector %4, %4 [3, 2, 1, 0] : vector<4xf32>
  llvm.store %5, %a {alignment = 4 : i64} : vector<4xf32>, !llvm.ptr
  llvm.return
})mlir";

/// The fast selector does not know a minimum, nor a vector of constants.
constexpr const char *kSplats = R"mlir(
llvm.func @splats(%a: !llvm.ptr, %n: i64) {
  %limit = llvm.mlir.constant(7 : i64) : i64
  %least = llvm.intr.umin(%n, %limit) : (i64, i64) -> i64
  llvm.store %least, %a : i64, !llvm.ptr
  %half = llvm.mlir.constant(dense<5.0e-01> : vector<4xf32>) : vector<4xf32>
  %zero = llvm.mlir.constant(dense<0.0> : vector<4xf32>) : vector<4xf32>
  %0 = llvm.load %a {alignment = 4 : i64} : !llvm.ptr -> vector<4xf32>
  %1 = llvm.fmul %0, %half : vector<4xf32>
  %2 = llvm.intr.fma(%1, %half, %zero) : (vector<4xf32>, vector<4xf32>, vector<4xf32>) -> vector<4xf32>
  llvm.br ^more
^more:
  %3 = llvm.fmul %2, %half : vector<4xf32>
  %4 = llvm.intr.maxnum(%3, %half) : (vector<4xf32>, vector<4xf32>) -> vector<4xf32>
  llvm.store %4, %a {alignment = 4 : i64} : vector<4xf32>, !llvm.ptr
  llvm.return
})mlir";

class ObjectCode : public testing::Test {
protected:
  ObjectCode() {
    DialectRegistry registry;
    registry.insert<LLVM::LLVMDialect>();
    dl::registerTranslations(registry);
    context.appendDialectRegistry(registry);
  }

  std::string compile(const char *march, OutputKind kind, int optLevel = 2,
                      const char *source = kAdd) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(source, &context);
    dl::CodeGenerator generator(Machine::get(march).value(), optLevel);
    auto code = generator.compile(*module, kind);
    return failed(code) ? "" : (*code)->getBuffer().str();
  }

  MLIRContext context;
};

TEST_F(ObjectCode, LLVMIR) {
  std::string text = compile("generic", OutputKind::LLVMIR);
  EXPECT_NE(text.find("fadd <16 x float>"), std::string::npos) << text;
}

#ifdef __x86_64__
TEST_F(ObjectCode, LevelsOfShufflesStayApart) {
  std::string text = compile("generic", OutputKind::LLVMIR, 2, kShuffles);
  EXPECT_EQ(StringRef(text).count("= call <4 x float> @llvm.arithmetic.fence"), 2u) << text;
  EXPECT_EQ(StringRef(compile("generic", OutputKind::LLVMIR, 3, kShuffles)).count("fence"), 0u);
}

TEST_F(ObjectCode, PreparesForTheFastSelector) {
  std::string text = compile("avx2", OutputKind::LLVMIR, 2, kSplats);
  StringRef code = text;
  EXPECT_EQ(code.count("= call i64 @llvm.umin"), 0u) << text;
  EXPECT_EQ(code.count(" select i1"), 1u) << text;
  // A product and a sum share a load; a block with a maximum keeps its constants, and zero stays.
  EXPECT_EQ(code.count("= load <4 x float>, ptr @splat, align 16, !invariant.load"), 1u) << text;
  EXPECT_EQ(code.count("splat (float 5.000000e-01)"), 3u) << text;
  EXPECT_EQ(code.count("<4 x float> zeroinitializer"), 1u) << text;
  EXPECT_EQ(StringRef(compile("avx2", OutputKind::LLVMIR, 3, kSplats)).count("@splat "), 0u);
}

/// The other selector, which those of 16 registers want, has an increment of its own.
TEST_F(ObjectCode, SelectsKernelsFast) {
  constexpr const char *kSource = R"mlir(
llvm.func @f(%a: !llvm.ptr, %n: i64) {
  %one = llvm.mlir.constant(1 : i64) : i64
  %0 = llvm.add %n, %one : i64
  llvm.store %0, %a : i64, !llvm.ptr
  llvm.return
})mlir";
  EXPECT_NE(compile("avx512", OutputKind::Assembly, 2, kSource).find("addq\t$1"),
            std::string::npos);
  EXPECT_NE(compile("avx512", OutputKind::Assembly, 3, kSource).find("incq"), std::string::npos);
  EXPECT_NE(compile("avx2", OutputKind::Assembly, 2, kSource).find("incq"), std::string::npos);
}

/// Products and sums of registers, of memory, of scalars and doubles; and one that the fast
/// selector does not meet, above a shuffle.
constexpr const char *kProducts = R"mlir(
llvm.func @products(%a: !llvm.ptr, %b: !llvm.ptr, %s: f32) {
  %p = llvm.getelementptr %a[64] : (!llvm.ptr) -> !llvm.ptr, i8
  %q = llvm.getelementptr %a[128] : (!llvm.ptr) -> !llvm.ptr, i8
  %0 = llvm.load %a {alignment = 4 : i64} : !llvm.ptr -> vector<8xf32>
  %1 = llvm.load %b {alignment = 4 : i64} : !llvm.ptr -> vector<8xf32>
  %2 = llvm.intr.fma(%0, %1, %1) : (vector<8xf32>, vector<8xf32>, vector<8xf32>) -> vector<8xf32>
  %3 = llvm.shufflevector %2, %1 [0, 9, 2, 11, 4, 13, 6, 15] : vector<8xf32>
  %4 = llvm.intr.fmuladd(%0, %3, %1) : (vector<8xf32>, vector<8xf32>, vector<8xf32>) -> vector<8xf32>
  %5 = llvm.load %p {alignment = 4 : i64} : !llvm.ptr -> vector<8xf32>
  %6 = llvm.intr.fma(%5, %3, %4) : (vector<8xf32>, vector<8xf32>, vector<8xf32>) -> vector<8xf32>
  llvm.store %6, %b {alignment = 4 : i64} : vector<8xf32>, !llvm.ptr
  %7 = llvm.load %q {alignment = 4 : i64} : !llvm.ptr -> f32
  %8 = llvm.intr.fma(%7, %s, %s) : (f32, f32, f32) -> f32
  llvm.store %8, %q {alignment = 4 : i64} : f32, !llvm.ptr
  %9 = llvm.load %p {alignment = 4 : i64} : !llvm.ptr -> vector<2xf64>
  %10 = llvm.intr.fma(%9, %9, %9) : (vector<2xf64>, vector<2xf64>, vector<2xf64>) -> vector<2xf64>
  llvm.store %10, %p {alignment = 4 : i64} : vector<2xf64>, !llvm.ptr
  %11 = llvm.load %q {alignment = 4 : i64} : !llvm.ptr -> vector<8xf32>
  %12 = llvm.intr.fma(%0, %1, %11) : (vector<8xf32>, vector<8xf32>, vector<8xf32>) -> vector<8xf32>
  llvm.store %12, %q {alignment = 4 : i64} : vector<8xf32>, !llvm.ptr
  llvm.return
})mlir";

TEST_F(ObjectCode, ProductsAndSumsAreOneInstruction) {
  for (const char *march : {"avx512", "avx2"}) {
    std::string text = compile(march, OutputKind::Assembly, 2, kProducts);
    EXPECT_EQ(StringRef(text).count("\tvfmadd"), 6u) << text;
    EXPECT_EQ(StringRef(text).count("\tvmul"), 0u) << text;
    EXPECT_EQ(StringRef(text).count("\tvadd"), 0u) << text;
    // The marks are gone.
    EXPECT_EQ(StringRef(text).count("section"), 1u) << text;
  }
}

/// What the code generator says of LLVM IR for AVX2, whose assembly goes to `text`.
static std::string messageOf(MLIRContext &context, StringRef source, std::string &text) {
  Machine machine = Machine::get("avx2").value();
  std::unique_ptr<dl::Backend> backend = dl::Backend::take(UnknownLoc::get(&context), machine);
  EXPECT_TRUE(backend);
  backend->setLevel(2, CodeRole::Kernels);
  llvm::LLVMContext llvmContext;
  std::string message;
  llvmContext.setDiagnosticHandlerCallBack(
      [](const llvm::DiagnosticInfo *info, void *text) {
        if (info->getSeverity() != llvm::DS_Error)
          return;
        llvm::raw_string_ostream os(*static_cast<std::string *>(text));
        llvm::DiagnosticPrinterRawOStream printer(os);
        info->print(printer);
      },
      &message);
  llvm::SMDiagnostic error;
  std::unique_ptr<llvm::Module> module = llvm::parseAssemblyString(source, error, llvmContext);
  EXPECT_TRUE(module) << error.getMessage().str();
  module->setTargetTriple(llvm::Triple(machine.triple));
  module->setDataLayout(backend->getTarget().createDataLayout());
  auto code = backend->write(*module, OutputKind::Assembly);
  EXPECT_TRUE(succeeded(code));
  text.assign(code->begin(), code->end());
  return message;
}

TEST_F(ObjectCode, MarkedSumsWithoutProductsAreErrors) {
  std::string text;
  EXPECT_EQ(messageOf(context, R"(
define <8 x float> @sum(<8 x float> %a) #0 {
  %b = fadd <8 x float> %a, %a, !pcsections !0
  ret <8 x float> %b
}
attributes #0 = { nounwind }
!0 = !{})",
                      text),
            "expected a product for a sum that is marked");
}

TEST_F(ObjectCode, MarkedSumsMayShareAProduct) {
  std::string text;
  EXPECT_EQ(messageOf(context, R"(
define <8 x float> @sums(<8 x float> %a, <8 x float> %b, <8 x float> %c) #0 {
  %p = fmul <8 x float> %a, %b, !pcsections !0
  %x = fadd <8 x float> %p, %b, !pcsections !0
  %y = fadd <8 x float> %p, %c, !pcsections !0
  %z = fsub <8 x float> %x, %y
  ret <8 x float> %z
}
attributes #0 = { nounwind "target-features"="+avx2,+fma" }
!0 = !{})",
                      text),
            "");
  EXPECT_EQ(StringRef(text).count("\tvfmadd"), 2u) << text;
}

TEST_F(ObjectCode, UsesTheVectorsOfTheMachine) {
  for (int optLevel : {0, 2, 3}) {
    EXPECT_NE(compile("avx512", OutputKind::Assembly, optLevel).find("%zmm0"), std::string::npos);
    EXPECT_NE(compile("avx2", OutputKind::Assembly, optLevel).find("%ymm0"), std::string::npos);
    EXPECT_EQ(compile("avx2", OutputKind::Assembly, optLevel).find("%zmm0"), std::string::npos);
    EXPECT_EQ(compile("generic", OutputKind::Assembly, optLevel).find("%ymm0"), std::string::npos);
  }
}
#endif

TEST_F(ObjectCode, Objects) {
  EXPECT_EQ(compile("host", OutputKind::Object).substr(0, 4), "\x7f"
                                                              "ELF");
}

TEST_F(ObjectCode, OneAfterTheOther) {
  dl::CodeGenerator generator(Machine::get("host").value(), 2);
  auto compile = [&](CodeRole role, OutputKind kind = OutputKind::Object) {
    OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(kAdd, &context);
    auto code = generator.compile(*module, kind, role);
    return failed(code) ? "" : (*code)->getBuffer().str();
  };
  std::string kernels = compile(CodeRole::Kernels), program = compile(CodeRole::Program);
  EXPECT_FALSE(kernels.empty());
  std::string text = compile(CodeRole::Kernels, OutputKind::Assembly);
  EXPECT_FALSE(program.empty());
  EXPECT_FALSE(text.empty());
  EXPECT_EQ(compile(CodeRole::Kernels, OutputKind::Assembly), text);
  EXPECT_EQ(compile(CodeRole::Kernels), kernels);
  EXPECT_EQ(compile(CodeRole::Program), program);
}

TEST_F(ObjectCode, ManyThreads) {
  std::string expected = compile("host", OutputKind::Object);
  std::vector<std::string> objects(8);
  std::vector<std::thread> threads;
  for (std::string &object : objects)
    threads.emplace_back([&] { object = compile("host", OutputKind::Object); });
  for (std::thread &thread : threads)
    thread.join();
  for (const std::string &object : objects)
    EXPECT_EQ(object, expected);
}

TEST_F(ObjectCode, LinkedModulesShowOnlyTheFirst) {
  OwningOpRef<ModuleOp> first = parseSourceString<ModuleOp>(R"mlir(
llvm.func @add(!llvm.ptr)
llvm.func @main_program(%a: !llvm.ptr) {
  llvm.call @add(%a) : (!llvm.ptr) -> ()
  llvm.return
})mlir",
                                                            &context);
  OwningOpRef<ModuleOp> second = parseSourceString<ModuleOp>(kAdd, &context);
  dl::CodeGenerator generator(Machine::get("generic").value(), 2);
  auto code = generator.compileLinked({*first, *second}, OutputKind::LLVMIR);
  ASSERT_TRUE(succeeded(code));
  StringRef text = (*code)->getBuffer();
  EXPECT_TRUE(text.contains("define void @main_program(")) << text.str();
  EXPECT_TRUE(text.contains("define internal void @add(")) << text.str();
}

TEST_F(ObjectCode, TwoDefinitionsAreDiagnosed) {
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(kAdd, &context);
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diag) {
    message = diag.str();
    return success();
  });
  dl::CodeGenerator generator(Machine::get("generic").value(), 2);
  EXPECT_TRUE(failed(generator.compileLinked({*module, *module}, OutputKind::Object)));
  EXPECT_NE(message.find("multiply defined"), std::string::npos) << message;
}

TEST_F(ObjectCode, UnknownTargetsAreDiagnosed) {
  OwningOpRef<ModuleOp> module = parseSourceString<ModuleOp>(kAdd, &context);
  Machine machine;
  machine.triple = "vax-unknown-none";
  std::string message;
  ScopedDiagnosticHandler handler(&context, [&](Diagnostic &diag) {
    message = diag.str();
    return success();
  });
  EXPECT_TRUE(failed(dl::CodeGenerator(machine, 2).compile(*module, OutputKind::Object)));
  EXPECT_NE(message.find("no code generator for vax-unknown-none"), std::string::npos) << message;
}

} // namespace
