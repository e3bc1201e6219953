//===- Nesting.cpp - How deep a text may nest -----------------------------===//

#include "dl/IR/Nesting.h"

#include "mlir/IR/Diagnostics.h"
#include "mlir/IR/Location.h"
#include "llvm/ADT/StringExtras.h"

using namespace mlir;

namespace dl {

static constexpr size_t kDeepest = 256;

/// The length of a string or comment at the start of a text; else 0. Strings end
/// with their line at the latest.
static size_t skipped(StringRef text) {
  if (text.starts_with("//"))
    return std::min(text.find('\n'), text.size());
  if (!text.starts_with('"'))
    return 0;
  size_t i = 1;
  while (i < text.size() && text[i] != '"' && text[i] != '\n')
    i += text[i] == '\\' ? 2 : 1;
  return std::min(i + 1, text.size());
}

/// Operators of affine expressions at the start of a text. The arrow of a type
/// counts as one, which does no harm: what follows it ends the count.
static bool isOperator(StringRef text) {
  return StringRef("+-*").contains(text[0]) || text.starts_with("mod ") ||
         text.starts_with("floordiv ") || text.starts_with("ceildiv ");
}

/// Where brackets, or operators of one expression, first are more than
/// `kDeepest`; null where they are not.
static const char *findTooDeep(StringRef text) {
  size_t depth = 0, operators = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    StringRef rest = text.substr(i);
    if (size_t length = skipped(rest)) {
      i += length - 1;
      continue;
    }
    char c = text[i];
    // None of these stands in an affine expression.
    if (StringRef(",{}%=:@#!").contains(c))
      operators = 0;
    operators += isOperator(rest);
    if (StringRef("([{<").contains(c))
      ++depth;
    else if (StringRef(")]}>").contains(c) && depth != 0 && !text.take_front(i).ends_with("-"))
      --depth;
    if (depth > kDeepest || operators > kDeepest)
      return rest.data();
  }
  return nullptr;
}

LogicalResult checkNesting(MLIRContext *context, StringRef text, StringRef name) {
  const char *at = findTooDeep(text);
  if (!at)
    return success();
  StringRef before = text.take_front(at - text.data());
  auto location = FileLineColLoc::get(context, name, before.count('\n') + 1,
                                      before.size() - (before.rfind('\n') + 1) + 1);
  return emitError(location) << "expected brackets and operators nested at most " << kDeepest
                             << " deep";
}

} // namespace dl
