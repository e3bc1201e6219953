//===- KernelPassesTests.cpp - Names of LLVM's passes ---------------------===//

#include "KernelPasses.h"
#include "TargetMachine.h"

#include "llvm/ADT/StringSet.h"
#include "llvm/Pass.h"
#include "llvm/Support/raw_ostream.h"
#include "llvm/Target/TargetMachine.h"

#include <gtest/gtest.h>

using namespace dl;

namespace {

class Recorder : public llvm::legacy::PassManager {
public:
  explicit Recorder(llvm::StringSet<> &names) : names(names) {}
  void add(llvm::Pass *pass) override {
    names.insert(pass->getPassName());
    llvm::legacy::PassManager::add(pass);
  }

private:
  llvm::StringSet<> &names;
};

/// Adds the passes of the code generator for a machine.
void record(const char *target, llvm::CodeGenOptLevel level, llvm::StringSet<> &names) {
  Machine machine = Machine::get("generic", target).value();
  llvm::Triple triple(machine.triple);
  std::unique_ptr<llvm::TargetMachine> generator(lookupTarget(triple).value()->createTargetMachine(
      triple, machine.cpu, machine.features, llvm::TargetOptions(), std::nullopt, std::nullopt,
      level));
  Recorder recorder(names);
  llvm::raw_null_ostream os;
  EXPECT_FALSE(
      generator->addPassesToEmitFile(recorder, os, nullptr, llvm::CodeGenFileType::ObjectFile));
}

TEST(KernelPasses, LLVMHasEveryPassThatIsLeftOut) {
  llvm::StringSet<> names;
  for (const char *target : {"x86_64-linux-gnu", "aarch64-linux-gnu", "riscv64-linux-gnu"})
    for (auto level :
         {llvm::CodeGenOptLevel::None, llvm::CodeGenOptLevel::Less, llvm::CodeGenOptLevel::Default})
      record(target, level, names);
  EXPECT_FALSE(unwantedPassNames().empty());
  for (llvm::StringRef name : unwantedPassNames())
    EXPECT_TRUE(names.contains(name)) << "LLVM has no pass '" << name.str() << "'";
}

} // namespace
