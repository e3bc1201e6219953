//===- GuardedMemoryTests.cpp - What other tests rely on ------------------===//

#include "GuardedMemory.h"

#include <gtest/gtest.h>

#include <cmath>
#include <csignal>

using namespace dl;
using namespace dl::test;

namespace {

/// A fault ends the program at once: sanitizers take seconds to describe it.
void endAtFaults() {
  for (int signal : {SIGSEGV, SIGBUS})
    std::signal(signal, SIG_DFL);
}

int readAt(const volatile char *place) {
  endAtFaults();
  return *place;
}

void writeTo(volatile char *place) {
  endAtFaults();
  *place = 1;
}

/// As large as a page, smaller and larger.
constexpr size_t kSizes[] = {1, 12, 4096, 4100, 20000};

TEST(GuardedMemoryDeathTest, EndsToTheByte) {
  for (size_t bytes : kSizes) {
    GuardedMemory memory(bytes, Guard::Behind);
    std::memset(memory.data(), 1, bytes);
    EXPECT_DEATH(readAt(memory.data() + bytes), "") << bytes;
    EXPECT_DEATH(writeTo(memory.data() + bytes), "") << bytes;
  }
}

TEST(GuardedMemoryDeathTest, BeginsToTheByte) {
  for (size_t bytes : kSizes) {
    GuardedMemory memory(bytes, Guard::Before);
    std::memset(memory.data(), 1, bytes);
    EXPECT_DEATH(readAt(memory.data() - 1), "") << bytes;
    EXPECT_DEATH(writeTo(memory.data() - 1), "") << bytes;
  }
}

TEST(GuardedMemoryDeathTest, ConstantsAreNotWritten) {
  for (Guard guard : {Guard::Behind, Guard::Before})
    for (size_t bytes : kSizes) {
      GuardedMemory memory(bytes, guard);
      memory.makeConstant();
      EXPECT_EQ(readAt(memory.data() + bytes - 1), -1);
      EXPECT_DEATH(writeTo(memory.data()), "") << bytes;
      EXPECT_DEATH(writeTo(memory.data() + bytes - 1), "") << bytes;
    }
}

TEST(GuardedMemory, HoldsACopy) {
  Tensor tensor = Tensor::from<float>({3}, std::vector<float>{1, 2, 3});
  GuardedMemory memory(tensor, Guard::Behind);
  reinterpret_cast<float *>(memory.data())[1] = 5;
  Tensor copy(DType::F32, {3});
  memory.copyTo(copy);
  EXPECT_EQ(copy.data<float>()[0], 1);
  EXPECT_EQ(copy.data<float>()[1], 5);
  EXPECT_EQ(copy.data<float>()[2], 3);
}

TEST(GuardedMemory, IsNaNBeforeItIsWritten) {
  GuardedMemory memory(4, Guard::Before);
  EXPECT_TRUE(std::isnan(*reinterpret_cast<float *>(memory.data())));
  EXPECT_NE(GuardedMemory(0, Guard::Behind).data(), nullptr);
}

} // namespace
