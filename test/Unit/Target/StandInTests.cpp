//===- StandInTests.cpp - What the fast selector does not know ------------===//

#include "Backend.h"

#include "mlir/IR/MLIRContext.h"
#include "llvm/AsmParser/Parser.h"
#include "llvm/IR/DiagnosticInfo.h"
#include "llvm/IR/DiagnosticPrinter.h"
#include "llvm/IR/LLVMContext.h"
#include "llvm/Support/SourceMgr.h"

#include <gtest/gtest.h>

using llvm::StringRef;

namespace {

/// Assembly for AVX-512, and what the code generator says.
struct Output {
  std::string assembly, message;

  size_t count(StringRef text) const { return StringRef(assembly).count(text); }
};

} // namespace

static Output generate(const std::string &source) {
  mlir::MLIRContext mlirContext;
  dl::Machine machine = dl::Machine::get("avx512").value();
  auto backend = dl::Backend::take(mlir::UnknownLoc::get(&mlirContext), machine);
  backend->setLevel(2, dl::CodeRole::Kernels);
  Output output;
  llvm::LLVMContext context;
  context.setDiagnosticHandlerCallBack(
      [](const llvm::DiagnosticInfo *info, void *text) {
        if (info->getSeverity() != llvm::DS_Error)
          return;
        llvm::raw_string_ostream os(*static_cast<std::string *>(text));
        llvm::DiagnosticPrinterRawOStream printer(os);
        info->print(printer);
      },
      &output.message);
  llvm::SMDiagnostic error;
  std::unique_ptr<llvm::Module> module = llvm::parseAssemblyString(source + R"(
attributes #0 = { nounwind "prefer-vector-width"="512" "min-legal-vector-width"="512" })",
                                                                   error, context);
  EXPECT_TRUE(module) << error.getMessage().str();
  module->setTargetTriple(llvm::Triple(machine.triple));
  module->setDataLayout(backend->getTarget().createDataLayout());
  auto code = backend->write(*module, dl::OutputKind::Assembly);
  EXPECT_TRUE(llvm::succeeded(code));
  output.assembly.assign(code->begin(), code->end());
  return output;
}

/// A function of pointers and an index whose block ends with `code`. The fast selector adds
/// 1 where the other one, which takes all that is above what the fast one does not know,
/// increments.
static Output generateAbove(const std::string &code) {
  return generate(R"(
declare <16 x float> @llvm.fma.v16f32(<16 x float>, <16 x float>, <16 x float>)
declare <8 x float> @llvm.fma.v8f32(<8 x float>, <8 x float>, <8 x float>)
declare <16 x float> @llvm.arithmetic.fence.v16f32(<16 x float>)
declare void @llvm.prefetch.p0(ptr, i32, i32, i32)
define void @f(ptr %p, ptr %q, i64 %n) #0 {
  %m = add i64 %n, 1
  store i64 %m, ptr %q
)" + code + "\n  ret void\n}");
}

static std::string loadVectors() {
  return R"(
  %a = load <16 x float>, ptr %p, align 4
  %at = getelementptr i8, ptr %p, i64 64
  %b = load <16 x float>, ptr %at, align 4
)";
}

/// How a shuffle of two vectors is written.
static Output shuffle(const std::string &lanes) {
  return generateAbove(loadVectors() +
                       "%c = shufflevector <16 x float> %a, <16 x float> %b, <16 x i32> <" + lanes +
                       R"(>
  store <16 x float> %c, ptr %q, align 4)");
}

static void expectFast(const Output &output) {
  EXPECT_EQ(output.message, "");
  EXPECT_EQ(output.count("addq\t$1"), 1u) << output.assembly;
  EXPECT_EQ(output.count("vdiv"), 0u) << output.assembly;
}

#ifdef __x86_64__
TEST(StandIns, Broadcasts) {
  Output shared = generateAbove(loadVectors() + R"(
  %s = load float, ptr %q, align 4
  %i = insertelement <16 x float> poison, float %s, i32 0
  %w = shufflevector <16 x float> %i, <16 x float> poison, <16 x i32> zeroinitializer
  %x = call <16 x float> @llvm.fma.v16f32(<16 x float> %w, <16 x float> %a, <16 x float> %b)
  %y = call <16 x float> @llvm.fma.v16f32(<16 x float> %w, <16 x float> %b, <16 x float> %x)
  store <16 x float> %y, ptr %q, align 4)");
  expectFast(shared);
  EXPECT_EQ(shared.count("vbroadcastss\t(%rsi), %zmm"), 1u) << shared.assembly;
  EXPECT_EQ(shared.count("vfmadd"), 2u) << shared.assembly;
  EXPECT_EQ(shared.count("vmovss"), 0u) << shared.assembly;
}

TEST(StandIns, BroadcastsBecomeOperands) {
  Output product = generateAbove(loadVectors() + R"(
  %s = load float, ptr %q, align 4
  %i = insertelement <16 x float> poison, float %s, i32 0
  %w = shufflevector <16 x float> %i, <16 x float> poison, <16 x i32> zeroinitializer
  %x = call <16 x float> @llvm.fma.v16f32(<16 x float> %w, <16 x float> %a, <16 x float> %b)
  %t = load float, ptr %p, align 4
  %j = insertelement <16 x float> poison, float %t, i32 0
  %v = shufflevector <16 x float> %j, <16 x float> poison, <16 x i32> zeroinitializer
  %y = fadd <16 x float> %x, %v
  store <16 x float> %y, ptr %q, align 4)");
  expectFast(product);
  EXPECT_EQ(product.count("(%rsi){1to16}"), 1u) << product.assembly;
  EXPECT_EQ(product.count("(%rdi){1to16}"), 1u) << product.assembly;
  EXPECT_EQ(product.count("vbroadcast"), 0u) << product.assembly;
}

/// Other widths, and doubles.
TEST(StandIns, BroadcastsOfAnyRegister) {
  Output widths = generateAbove(R"(
  %s = load double, ptr %p, align 8
  %i = insertelement <8 x double> poison, double %s, i32 0
  %a = shufflevector <8 x double> %i, <8 x double> poison, <8 x i32> zeroinitializer
  %j = insertelement <2 x double> poison, double %s, i32 0
  %b = shufflevector <2 x double> %j, <2 x double> poison, <2 x i32> zeroinitializer
  %t = load float, ptr %p, align 4
  %k = insertelement <8 x float> poison, float %t, i32 0
  %c = shufflevector <8 x float> %k, <8 x float> poison, <8 x i32> zeroinitializer
  store <8 x double> %a, ptr %q, align 4
  store <2 x double> %b, ptr %q, align 4
  store <8 x float> %c, ptr %q, align 4)");
  expectFast(widths);
  EXPECT_EQ(widths.count("vbroadcastsd\t(%rdi), %zmm"), 1u) << widths.assembly;
  EXPECT_EQ(widths.count("vmovddup\t(%rdi), %xmm"), 1u) << widths.assembly;
  EXPECT_EQ(widths.count("vbroadcastss\t(%rdi), %ymm"), 1u) << widths.assembly;
}

/// Memory may change between a load and where its element is spread.
TEST(StandIns, BroadcastsReadWhatWasLoaded) {
  Output output = generateAbove(R"(
  %s = load float, ptr %p, align 4
  store float 1.0, ptr %p, align 4
  %i = insertelement <16 x float> poison, float %s, i32 0
  %w = shufflevector <16 x float> %i, <16 x float> poison, <16 x i32> zeroinitializer
  store <16 x float> %w, ptr %q, align 4)");
  EXPECT_EQ(output.message, "");
  StringRef code = output.assembly;
  EXPECT_LT(code.find("vbroadcastss\t(%rdi), %zmm"), code.find("$1065353216, (%rdi)"))
      << output.assembly;
}

TEST(StandIns, Shuffles) {
  Output blend = shuffle("i32 0, i32 17, i32 2, i32 19, i32 4, i32 21, i32 6, i32 23, i32 8, "
                         "i32 25, i32 10, i32 27, i32 12, i32 29, i32 14, i32 31");
  expectFast(blend);
  EXPECT_EQ(blend.count("movl\t$43690, "), 1u) << blend.assembly;
  EXPECT_EQ(blend.count("vblendmps"), 1u) << blend.assembly;
  Output within = shuffle("i32 0, i32 2, i32 16, i32 18, i32 4, i32 6, i32 20, i32 22, i32 8, "
                          "i32 10, i32 24, i32 26, i32 12, i32 14, i32 28, i32 30");
  expectFast(within);
  EXPECT_EQ(within.count("vshufps\t$136, "), 1u) << within.assembly;
  Output runs = shuffle("i32 4, i32 5, i32 6, i32 7, i32 12, i32 13, i32 14, i32 15, i32 20, "
                        "i32 21, i32 22, i32 23, i32 28, i32 29, i32 30, i32 31");
  expectFast(runs);
  EXPECT_EQ(runs.count("vshuff32x4\t$221, "), 1u) << runs.assembly;
  Output any = shuffle("i32 1, i32 16, i32 3, i32 18, i32 5, i32 20, i32 7, i32 22, i32 9, "
                       "i32 24, i32 11, i32 26, i32 13, i32 28, i32 15, i32 30");
  expectFast(any);
  EXPECT_EQ(any.count("vpermi2ps\t64(%rdi), "), 1u) << any.assembly;
}

TEST(StandIns, ShufflesOfDoubles) {
  Output output = generateAbove(R"(
  %a = load <8 x double>, ptr %p, align 4
  %at = getelementptr i8, ptr %p, i64 64
  %b = load <8 x double>, ptr %at, align 4
  %c = shufflevector <8 x double> %a, <8 x double> %b, <8 x i32> <i32 1, i32 8, i32 3, i32 10, i32 5, i32 12, i32 7, i32 14>
  %d = shufflevector <8 x double> %c, <8 x double> %b, <8 x i32> <i32 0, i32 1, i32 4, i32 5, i32 8, i32 9, i32 12, i32 13>
  %e = shufflevector <8 x double> %d, <8 x double> %a, <8 x i32> <i32 0, i32 9, i32 2, i32 11, i32 4, i32 13, i32 6, i32 15>
  %f = shufflevector <8 x double> %e, <8 x double> %a, <8 x i32> <i32 7, i32 9, i32 0, i32 11, i32 4, i32 13, i32 6, i32 15>
  store <8 x double> %f, ptr %q, align 4)");
  expectFast(output);
  EXPECT_EQ(output.count("vshufpd\t$85, "), 1u) << output.assembly;
  EXPECT_EQ(output.count("vshuff64x2\t$136, "), 1u) << output.assembly;
  EXPECT_EQ(output.count("movl\t$170, "), 1u) << output.assembly;
  EXPECT_EQ(output.count("vblendmpd"), 1u) << output.assembly;
  EXPECT_EQ(output.count("vpermt2pd") + output.count("vpermi2pd"), 1u) << output.assembly;
}

/// The other selector, which takes all that is above a store of half a register, would merge
/// two that stand in for different shuffles of the same vectors.
TEST(StandIns, AreOnlyWhereTheFastSelectorIs) {
  Output output = generateAbove(loadVectors() + R"(
  %c = shufflevector <16 x float> %a, <16 x float> %b, <16 x i32> <i32 0, i32 2, i32 16, i32 18, i32 4, i32 6, i32 20, i32 22, i32 8, i32 10, i32 24, i32 26, i32 12, i32 14, i32 28, i32 30>
  %d = shufflevector <16 x float> %a, <16 x float> %b, <16 x i32> <i32 1, i32 3, i32 17, i32 19, i32 5, i32 7, i32 21, i32 23, i32 9, i32 11, i32 25, i32 27, i32 13, i32 15, i32 29, i32 31>
  store <16 x float> %c, ptr %p, align 4
  store <16 x float> %d, ptr %q, align 4
  %half = load <2 x float>, ptr %p, align 4
  store <2 x float> %half, ptr %q, align 4)");
  EXPECT_EQ(output.message, "");
  EXPECT_EQ(output.count("incq"), 1u) << output.assembly;
  EXPECT_EQ(output.count("vshufps\t$136, ") + output.count("vshufps\t$221, "), 2u)
      << output.assembly;
}

TEST(StandIns, NeedNoFences) {
  Output output = generateAbove(loadVectors() + R"(
  %c = shufflevector <16 x float> %a, <16 x float> %b, <16 x i32> <i32 0, i32 2, i32 16, i32 18, i32 4, i32 6, i32 20, i32 22, i32 8, i32 10, i32 24, i32 26, i32 12, i32 14, i32 28, i32 30>
  %d = call <16 x float> @llvm.arithmetic.fence.v16f32(<16 x float> %c)
  store <16 x float> %d, ptr %q, align 4)");
  expectFast(output);
  EXPECT_EQ(output.count("ARITH_FENCE"), 0u) << output.assembly;
}

TEST(StandIns, Zeros) {
  Output output = generateAbove(R"(
  %l = load i64, ptr %p
  %c = icmp ult i64 %l, 4
  br i1 %c, label %then, label %done
then:
  %a = load <16 x float>, ptr %p, align 4
  br label %done
done:
  %x = phi <16 x float> [ zeroinitializer, %0 ], [ %a, %then ]
  store <16 x float> %x, ptr %q, align 4
  store <16 x float> zeroinitializer, ptr %p, align 4)");
  expectFast(output);
  EXPECT_GE(output.count("vpxor"), 1u) << output.assembly;
  EXPECT_EQ(output.count("vmovups\t("), 1u) << output.assembly;
}

TEST(StandIns, Prefetches) {
  Output output = generateAbove(R"(
  %at = getelementptr i8, ptr %p, i64 192
  call void @llvm.prefetch.p0(ptr %at, i32 0, i32 3, i32 1)
  call void @llvm.prefetch.p0(ptr %at, i32 0, i32 2, i32 1)
  call void @llvm.prefetch.p0(ptr %at, i32 0, i32 0, i32 1))");
  expectFast(output);
  // Their address is part of the instruction.
  EXPECT_EQ(output.count("prefetcht0\t192(%rdi)"), 1u) << output.assembly;
  EXPECT_EQ(output.count("prefetcht1\t192(%rdi)"), 1u) << output.assembly;
  EXPECT_EQ(output.count("prefetchnta\t192(%rdi)"), 1u) << output.assembly;
}

/// A stand-in may not stay: here one that the pass does not know, a vector of integers.
TEST(StandIns, ThatStayAreErrors) {
  Output output = generate(R"(
define <16 x i32> @f(<16 x i32> %a, ptr %p) #0 {
  %b = load <16 x i32>, ptr %p, align 64, !pcsections !0, !noalias !0
  ret <16 x i32> %b
}
!0 = !{i32 0, i32 0})");
  EXPECT_EQ(output.message, "expected each stand-in to be replaced");
}
#endif
