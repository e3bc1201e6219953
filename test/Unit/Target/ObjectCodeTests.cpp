//===- ObjectCodeTests.cpp - From the LLVM dialect to object code ---------===//

#include "dl/Target/ObjectCode.h"

#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Parser/Parser.h"

#include <gtest/gtest.h>

#include <thread>

using namespace mlir;
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

/// to[i] = from[3 i] + from[3 i + 1]
constexpr const char *kPairs = R"mlir(
llvm.func @pairs(%from: !llvm.ptr, %to: !llvm.ptr, %n: i64) {
  %zero = llvm.mlir.constant(0 : i64) : i64
  %one = llvm.mlir.constant(1 : i64) : i64
  %three = llvm.mlir.constant(3 : i64) : i64
  llvm.br ^loop(%zero : i64)
^loop(%i: i64):
  %at = llvm.mul %i, %three : i64
  %after = llvm.add %at, %one : i64
  %0 = llvm.getelementptr %from[%at] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  %1 = llvm.getelementptr %from[%after] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  %2 = llvm.load %0 : !llvm.ptr -> f32
  %3 = llvm.load %1 : !llvm.ptr -> f32
  %4 = llvm.fadd %2, %3 : f32
  %5 = llvm.getelementptr %to[%i] : (!llvm.ptr, i64) -> !llvm.ptr, f32
  llvm.store %4, %5 : f32, !llvm.ptr
  %next = llvm.add %i, %one : i64
  %more = llvm.icmp "slt" %next, %n : i64
  llvm.cond_br %more, ^loop(%next : i64), ^end
^end:
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
    auto code = dl::compileModule(*module, Machine::get(march).value(), optLevel, kind);
    return failed(code) ? "" : (*code)->getBuffer().str();
  }

  MLIRContext context;
};

TEST_F(ObjectCode, LLVMIR) {
  std::string text = compile("generic", OutputKind::LLVMIR);
  EXPECT_NE(text.find("fadd <16 x float>"), std::string::npos) << text;
}

#ifdef __x86_64__
TEST_F(ObjectCode, AddressesThatMoveAlikeShareAPointer) {
  std::string text = compile("generic", OutputKind::LLVMIR, /*optLevel=*/2, kPairs);
  EXPECT_EQ(StringRef(text).count("phi ptr"), 2u) << text;
  EXPECT_EQ(StringRef(text).count("load float, ptr %address"), 1u) << text;
  EXPECT_EQ(StringRef(text).count(", i64 12\n"), 1u) << text;
  EXPECT_EQ(StringRef(text).count("mul i64"), 0u) << text;
  // Elsewhere it is left to the code generator.
  EXPECT_EQ(StringRef(compile("generic", OutputKind::LLVMIR, 3, kPairs)).count("phi ptr"), 0u);
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
  auto code =
      dl::compileLinked({*first, *second}, Machine::get("generic").value(), 2, OutputKind::LLVMIR);
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
  EXPECT_TRUE(failed(dl::compileLinked({*module, *module}, Machine::get("generic").value(), 2,
                                       OutputKind::Object)));
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
  EXPECT_TRUE(failed(dl::compileModule(*module, machine, 2, OutputKind::Object)));
  EXPECT_NE(message.find("no code generator for vax-unknown-none"), std::string::npos) << message;
}

} // namespace
