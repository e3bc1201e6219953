//===- Diagnostics.cpp - MLIR's diagnostics as dl::Error ------------------===//

#include "Diagnostics.h"

#include "mlir/IR/Location.h"

#include <fmt/format.h>

using namespace mlir;

namespace dl {

StringRef messageOf(const Error &error) {
  StringRef message = error.message;
  message.consume_front("error: ");
  return message;
}

DiagnosticCapture::DiagnosticCapture(MLIRContext *context, StringRef source, StringRef sourceName)
    : source(source), sourceName(sourceName), handler(context, [this](Diagnostic &diagnostic) {
        // Kernels compile in parallel; the engine calls handlers one at a time.
        print(diagnostic, diagnostic.getSeverity() == DiagnosticSeverity::Error ? errors : others);
        return success();
      }) {}

static StringRef nameOf(DiagnosticSeverity severity) {
  switch (severity) {
  case DiagnosticSeverity::Note:
    return "note";
  case DiagnosticSeverity::Warning:
    return "warning";
  case DiagnosticSeverity::Error:
    return "error";
  case DiagnosticSeverity::Remark:
    return "remark";
  }
  return "";
}

/// Line `number`, counted from 1, of a text; empty where there is none.
static StringRef lineOf(StringRef text, unsigned number) {
  for (unsigned i = 1; i < number; ++i)
    text = text.split('\n').second;
  return text.split('\n').first.rtrim('\r');
}

void DiagnosticCapture::print(const Diagnostic &diagnostic, std::string &text) const {
  StringRef severity = nameOf(diagnostic.getSeverity());
  auto at = LocationAttr(diagnostic.getLocation()).findInstanceOf<FileLineColLoc>();
  if (!at) {
    text += fmt::format("{}: {}\n", severity.str(), diagnostic.str());
  } else {
    text += fmt::format("{}:{}:{}: {}: {}\n", at.getFilename().str(), at.getLine(), at.getColumn(),
                        severity.str(), diagnostic.str());
    StringRef line;
    if (at.getFilename() == sourceName)
      line = lineOf(source, at.getLine());
    if (!line.empty() && at.getColumn() != 0)
      text += fmt::format("{}\n{:>{}}\n", line.str(), "^", at.getColumn());
  }
  for (const Diagnostic &note : diagnostic.getNotes())
    print(note, text);
}

Error DiagnosticCapture::error(StringRef otherwise) const {
  if (errors.empty())
    return {"error: " + otherwise.str()};
  return {StringRef(errors).rtrim('\n').str()};
}

} // namespace dl
