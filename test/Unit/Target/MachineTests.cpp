//===- MachineTests.cpp - Descriptions of CPUs ----------------------------===//

#include "dl/Support/Machine.h"

#include <gtest/gtest.h>

using dl::Machine;

namespace {

#ifdef __x86_64__
TEST(Machine, Generic) {
  Machine machine = Machine::get("generic").value();
  EXPECT_EQ(machine.cpu, "x86-64");
  EXPECT_EQ(machine.vectorBits, 128);
  EXPECT_EQ(machine.vectorRegisters, 16);
  EXPECT_FALSE(machine.hasFMA);
  EXPECT_FALSE(machine.hasMaskedMemory);
}

TEST(Machine, AVX2) {
  Machine machine = Machine::get("avx2").value();
  EXPECT_EQ(machine.cpu, "haswell");
  EXPECT_EQ(machine.vectorBits, 256);
  EXPECT_EQ(machine.vectorRegisters, 16);
  EXPECT_TRUE(machine.hasFMA);
  EXPECT_EQ(machine.lanes(32), 8);
}

TEST(Machine, AVX512) {
  Machine machine = Machine::get("avx512").value();
  EXPECT_EQ(machine.cpu, "skylake-avx512");
  EXPECT_EQ(machine.vectorBits, 512);
  EXPECT_EQ(machine.vectorRegisters, 32);
  EXPECT_TRUE(machine.hasMaskedMemory);
  EXPECT_EQ(machine.lanes(64), 8);
}

TEST(Machine, FeaturesDecide) {
  // AVX without AVX2 and FMA is no reason for 256 bits.
  EXPECT_EQ(Machine::get("sandybridge").value().vectorBits, 128);
  EXPECT_EQ(Machine::get("znver3").value().vectorBits, 256);
  EXPECT_EQ(Machine::get("znver4").value().vectorBits, 512);
}
#endif

TEST(Machine, Host) {
  Machine machine = Machine::get("host").value();
  EXPECT_GE(machine.vectorBits, 128);
  EXPECT_GE(machine.l1Bytes, 8 << 10);
}

TEST(Machine, OtherTargets) {
  Machine arm = Machine::get("generic", "aarch64-linux-gnu").value();
  EXPECT_EQ(arm.triple, "aarch64-unknown-linux-gnu");
  EXPECT_EQ(arm.vectorBits, 128);
  EXPECT_EQ(arm.vectorRegisters, 32);
  EXPECT_TRUE(arm.hasFMA);
  Machine riscv = Machine::get("generic", "riscv64-linux-gnu").value();
  EXPECT_TRUE(riscv.hasFMA);
  EXPECT_TRUE(riscv.hasMaskedMemory);
  EXPECT_FALSE(Machine::get("avx2", "riscv64-linux-gnu"));
  for (const char *name : {"armv7-linux-gnueabi", "riscv32-linux-gnu", "aarch64-apple-darwin", "?"})
    EXPECT_FALSE(Machine::get("generic", name)) << name;
}

TEST(Machine, Unknown) {
  auto machine = Machine::get("z80");
  ASSERT_FALSE(machine.ok());
  EXPECT_NE(machine.error().message.find("unknown CPU 'z80': expected host, generic"),
            std::string::npos)
      << machine.error().message;
}

} // namespace
