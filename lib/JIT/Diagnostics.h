//===- Diagnostics.h - MLIR's diagnostics as dl::Error ----------*- C++ -*-===//

#ifndef DL_LIB_JIT_DIAGNOSTICS_H
#define DL_LIB_JIT_DIAGNOSTICS_H

#include "dl/Error.h"

#include "mlir/IR/Diagnostics.h"

namespace dl {

/// What an error says, without the `error: ` that a diagnostic made of it gets again.
llvm::StringRef messageOf(const Error &error);

/// Catches what a context reports while it lives, in the form of compilers:
/// `file:line:col: error: message`, the line of the source, a caret.
class DiagnosticCapture {
public:
  /// `source` is the text of the file `sourceName`; both must outlive this.
  DiagnosticCapture(mlir::MLIRContext *context, llvm::StringRef source, llvm::StringRef sourceName);

  /// What was reported as errors, with their notes. `otherwise` stands in for a
  /// failure that reported nothing.
  Error error(llvm::StringRef otherwise) const;
  /// Remarks and warnings.
  const std::string &remarks() const { return others; }

private:
  void print(const mlir::Diagnostic &diagnostic, std::string &text) const;

  llvm::StringRef source, sourceName;
  std::string errors, others;
  mlir::ScopedDiagnosticHandler handler;
};

} // namespace dl

#endif // DL_LIB_JIT_DIAGNOSTICS_H
