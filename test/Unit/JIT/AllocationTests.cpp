//===- AllocationTests.cpp - A step allocates nothing ---------------------===//
//
// Counts the allocations of the whole process: this program replaces malloc and
// its kin, through which operator new goes as well.
//
//===----------------------------------------------------------------------===//

#include "Models.h"
#include "dl/Trainer.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cerrno>
#include <cstdlib>

static std::atomic<int64_t> allocations = 0;

extern "C" {
void *__libc_malloc(size_t);
void *__libc_calloc(size_t, size_t);
void *__libc_realloc(void *, size_t);
void *__libc_memalign(size_t, size_t);

void *malloc(size_t size) { return ++allocations, __libc_malloc(size); }
void *calloc(size_t count, size_t size) { return ++allocations, __libc_calloc(count, size); }
void *realloc(void *old, size_t size) { return ++allocations, __libc_realloc(old, size); }
void *memalign(size_t alignment, size_t size) {
  return ++allocations, __libc_memalign(alignment, size);
}
void *aligned_alloc(size_t alignment, size_t size) { return memalign(alignment, size); }
int posix_memalign(void **result, size_t alignment, size_t size) {
  *result = memalign(alignment, size);
  return *result ? 0 : ENOMEM;
}
}

using namespace dl;
using namespace dl::test;

namespace {

TEST(Allocation, Counts) {
  int64_t before = allocations;
  {
    Tensor tensor(DType::F32, {4});
  }
  EXPECT_GT(allocations, before);
}

TEST(Allocation, StepAllocatesNothing) {
  auto trainer = compileTrainer(parse(kCNN), loss::crossEntropy(), optim::adam(), {.threads = 2});
  ASSERT_TRUE(trainer.ok()) << trainer.error().message;
  Tensor x = noise({16, 1, 12, 12}), target = labels(16, 7);
  TensorView batch[] = {x, target};
  ASSERT_TRUE(trainer->step(batch).ok() && trainer->evaluate(batch).ok());
  int64_t before = allocations;
  bool ok = true;
  for (int i = 0; i < 10; ++i) {
    ok &= trainer->step(batch).ok();
    ok &= trainer->evaluate(batch).ok();
  }
  int64_t after = allocations;
  EXPECT_TRUE(ok);
  EXPECT_EQ(after - before, 0);
}

TEST(Allocation, RunIntoAllocatesNothing) {
  auto executable = compile(parse(kMLP), {.threads = 2});
  ASSERT_TRUE(executable.ok()) << executable.error().message;
  Tensor x = noise({16, 20});
  TensorView inputs[] = {x};
  Tensor outputs[] = {Tensor(DType::F32, {16, 7})};
  ASSERT_TRUE(executable->runInto(inputs, outputs).ok());
  int64_t before = allocations;
  bool ok = true;
  for (int i = 0; i < 10; ++i)
    ok &= executable->runInto(inputs, outputs).ok();
  int64_t after = allocations;
  EXPECT_TRUE(ok);
  EXPECT_EQ(after - before, 0);
}

TEST(Allocation, BoundRunsAllocateNothing) {
  auto executable = compile(parse(kMLP), {.threads = 2});
  ASSERT_TRUE(executable.ok()) << executable.error().message;
  Tensor x = noise({16, 20});
  TensorView inputs[] = {x};
  Tensor outputs[] = {Tensor(DType::F32, {16, 7})};
  auto binding = executable->bind(inputs, outputs);
  ASSERT_TRUE(binding.ok()) << binding.error().message;
  int64_t before = allocations;
  for (int i = 0; i < 10; ++i)
    binding->run();
  EXPECT_EQ(allocations - before, 0);
}

} // namespace
