//===- Patterns.h - The rewrites of the graph optimiser ---------*- C++ -*-===//
//
// One populate function a transform; the pass of the same words applies it.
//
//===----------------------------------------------------------------------===//

#ifndef DL_GRAPH_PATTERNS_H
#define DL_GRAPH_PATTERNS_H

#include "dl/IR/DLDialect.h"

#include "mlir/IR/PatternMatch.h"

namespace dl {

/// A pattern of elementwise ops. One of MLIR's patterns of a trait is entered for each op that
/// has it, of all ops of all dialects, whenever patterns are collected: a tenth of what it
/// takes to compile a small kernel.
struct ElementwisePattern : mlir::RewritePattern {
  explicit ElementwisePattern(mlir::MLIRContext *context)
      : RewritePattern(MatchAnyOpTypeTag(), /*benefit=*/1, context) {}

  mlir::LogicalResult matchAndRewrite(mlir::Operation *op,
                                      mlir::PatternRewriter &rewriter) const final {
    if (!op->hasTrait<IsElementwise>())
      return rewriter.notifyMatchFailure(op, "is not elementwise");
    return rewriteElementwise(op, rewriter);
  }
  virtual mlir::LogicalResult rewriteElementwise(mlir::Operation *op,
                                                 mlir::PatternRewriter &rewriter) const = 0;
};

/// Composites ~> primitives, by IR/Decompose.h.
void populateDecomposePatterns(mlir::RewritePatternSet &patterns);

/// conv2d %x, %w, %b ~> add (conv2d %x, %w), %b;
/// linear %x, %w, %b ~> add (matmul %x, %w), %b, with x as rows of features.
void populateSplitBiasPatterns(mlir::RewritePatternSet &patterns);

/// matmul (transpose %a), %b ~> matmul %a, %b {transpose_a}, and the like.
void populateSimplifyPatterns(mlir::RewritePatternSet &patterns);
/// add dense<[1, 2]>, dense<[3, 4]> ~> dense<[4, 6]>; part of dl-simplify.
void populateFoldConstantsPatterns(mlir::RewritePatternSet &patterns);

/// conv2d {nchw} ~> transpose (conv2d {nhwc} of transposes); poolings and the
/// adjoints of both likewise.
void populateChannelsLastPatterns(mlir::RewritePatternSet &patterns);

/// relu (transpose %x) ~> transpose (relu %x), and the like.
void populateSinkTransposesPatterns(mlir::RewritePatternSet &patterns);

/// relu (reshape (matmul ...)) ~> reshape (relu (matmul ...)), and the like.
void populateSinkReshapesPatterns(mlir::RewritePatternSet &patterns);

} // namespace dl

#endif // DL_GRAPH_PATTERNS_H
