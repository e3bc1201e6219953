//===- PatternsTests.cpp - Patterns are few to collect --------------------===//

#include "dl/Graph/Patterns.h"

#include "mlir/IR/MLIRContext.h"
#include "mlir/Rewrite/FrozenRewritePatternSet.h"

#include <gtest/gtest.h>

using namespace mlir;

/// Each entry costs a compilation time, and patterns are collected for each: those of all
/// elementwise ops may not have one for each op.
TEST(Patterns, OfElementwiseOpsAreEnteredOnce) {
  MLIRContext context;
  context.loadDialect<dl::DLDialect>();
  for (auto populate : {dl::populateSimplifyPatterns, dl::populateFoldConstantsPatterns,
                        dl::populateSinkReshapesPatterns, dl::populateSinkTransposesPatterns}) {
    RewritePatternSet patterns(&context);
    populate(patterns);
    size_t written = patterns.getNativePatterns().size();
    FrozenRewritePatternSet frozen(std::move(patterns));
    size_t entered = llvm::range_size(frozen.getMatchAnyOpNativePatterns());
    for (const auto &[op, own] : frozen.getOpSpecificNativePatterns())
      entered += own.size();
    EXPECT_EQ(entered, written);
  }
}
