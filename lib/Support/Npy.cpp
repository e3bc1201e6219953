//===- Npy.cpp - NumPy's array files --------------------------------------===//
//
// The format: numpy.lib.format's docstring (NEP 1). A magic string, a version,
// the length of the header, the header (a Python dict literal), the elements.
//
//===----------------------------------------------------------------------===//

#include "dl/Support/Npy.h"
#include "dl/Support/AtomicFile.h"
#include "dl/Support/File.h"

#include <algorithm>
#include <charconv>
#include <cstring>
#include <fmt/format.h>
#include <fmt/ranges.h>

namespace dl {

static constexpr std::string_view kMagic("\x93NUMPY", 6);

static constexpr std::pair<std::string_view, DType> kTypes[] = {
    {"<f4", DType::F32}, {"<f8", DType::F64},  {"<i4", DType::I32},
    {"<i8", DType::I64}, {"|b1", DType::Bool}, {"|u1", DType::U8}};

namespace {

struct Header {
  DType dtype = DType::F32;
  bool fortranOrder = false;
  Shape shape;
};

/// Parses the Python dict of a header: string keys; values are a string, a
/// bool or a tuple of integers. Errors are words, with the byte in the header.
class HeaderParser {
public:
  explicit HeaderParser(std::string_view text) : text(text) {}
  Result<Header> parse();

private:
  void skipSpace() {
    position = std::min(text.find_first_not_of(" \t\n\r", position), text.size());
  }
  bool consume(char c);
  Error expected(const std::string &what) const {
    return Error{fmt::format("expected {} at byte {} of the header", what, position)};
  }
  Result<std::string> parseString();
  Result<bool> parseBool();
  Result<Shape> parseTuple();
  Status parseItem(Header &header);

  std::string_view text;
  size_t position = 0;
  bool seenType = false, seenOrder = false, seenShape = false;
};

} // namespace

bool HeaderParser::consume(char c) {
  skipSpace();
  if (position >= text.size() || text[position] != c)
    return false;
  ++position;
  return true;
}

Result<std::string> HeaderParser::parseString() {
  skipSpace();
  char quote = position < text.size() ? text[position] : 0;
  size_t end = quote == '\'' || quote == '"' ? text.find(quote, position + 1) : text.npos;
  if (end == text.npos)
    return expected("a string");
  std::string value(text.substr(position + 1, end - position - 1));
  position = end + 1;
  return value;
}

Result<bool> HeaderParser::parseBool() {
  skipSpace();
  for (auto [word, value] : {std::pair("True", true), std::pair("False", false)})
    if (text.substr(position).starts_with(word)) {
      position += std::strlen(word);
      return value;
    }
  return expected("True or False");
}

Result<Shape> HeaderParser::parseTuple() {
  if (!consume('('))
    return expected("'('");
  Shape shape;
  while (!consume(')')) {
    int64_t extent = 0;
    skipSpace();
    const char *begin = text.data() + position, *end = text.data() + text.size();
    auto [next, code] = std::from_chars(begin, end, extent);
    if (code != std::errc() || extent < 0)
      return expected("an extent of at least 0");
    shape.push_back(extent);
    position += static_cast<size_t>(next - begin);
    consume('L'); // a long integer of Python 2
    if (!consume(',') && (skipSpace(), position >= text.size() || text[position] != ')'))
      return expected("',' or ')'");
  }
  return shape;
}

Status HeaderParser::parseItem(Header &header) {
  auto key = parseString();
  if (!key)
    return key.error();
  if (!consume(':'))
    return expected("':'");
  if (*key == "descr") {
    auto type = parseString();
    if (!type)
      return type.error();
    const auto *known =
        std::ranges::find(kTypes, *type, &std::pair<std::string_view, DType>::first);
    if (known == std::end(kTypes))
      return Error{fmt::format("expected type <f4, <f8, <i4, <i8, |b1 or |u1, got {}", *type)};
    header.dtype = known->second;
    seenType = true;
  } else if (*key == "fortran_order") {
    auto order = parseBool();
    if (!order)
      return order.error();
    header.fortranOrder = *order;
    seenOrder = true;
  } else if (*key == "shape") {
    auto shape = parseTuple();
    if (!shape)
      return shape.error();
    header.shape = std::move(*shape);
    seenShape = true;
  } else {
    return Error{fmt::format("unknown key '{}' in the header", *key)};
  }
  return {};
}

Result<Header> HeaderParser::parse() {
  Header header;
  if (!consume('{'))
    return expected("'{'");
  while (!consume('}')) {
    if (Status status = parseItem(header); !status)
      return status.error();
    if (!consume(',') && (skipSpace(), position >= text.size() || text[position] != '}'))
      return expected("',' or '}'");
  }
  skipSpace();
  if (position != text.size())
    return expected("nothing more");
  if (!seenType || !seenOrder || !seenShape)
    return Error{"expected descr, fortran_order and shape in the header"};
  return header;
}

/// Elements in Fortran order, in C order.
static Tensor toRowMajor(const Tensor &source) {
  Tensor result(source.dtype(), source.shape());
  const Shape &shape = source.shape();
  size_t width = sizeOf(source.dtype());
  const char *from = static_cast<const char *>(source.raw());
  char *to = static_cast<char *>(result.raw());
  // `index` walks the source in memory order: the first dimension is fastest.
  Shape index(shape.size(), 0);
  for (int64_t i = 0; i < source.size(); ++i) {
    int64_t at = 0;
    for (size_t d = 0; d < shape.size(); ++d)
      at = at * shape[d] + index[d];
    std::memcpy(to + at * static_cast<int64_t>(width), from + i * static_cast<int64_t>(width),
                width);
    for (size_t d = 0; d < shape.size() && ++index[d] == shape[d]; ++d)
      index[d] = 0;
  }
  return result;
}

Result<Tensor> parseNpy(std::string_view bytes, const std::string &name) {
  if (!bytes.starts_with(kMagic))
    return fileError(name, "byte 0: expected a NumPy array file");
  auto byte = [&](size_t i) { return static_cast<size_t>(static_cast<unsigned char>(bytes[i])); };
  if (bytes.size() < 10)
    return fileError(name, fmt::format("truncated: ends at byte {}", bytes.size()));
  size_t major = byte(6);
  if (major < 1 || major > 3)
    return fileError(name, fmt::format("byte 6: expected format 1, 2 or 3, got {}", major));
  size_t start = major == 1 ? 10 : 12;
  size_t length = byte(8) | byte(9) << 8;
  if (major > 1 && bytes.size() >= 12)
    length |= byte(10) << 16 | byte(11) << 24;
  if (bytes.size() < start || length > bytes.size() - start)
    return fileError(name, fmt::format("truncated: expected a header of {} bytes", length));

  auto header = HeaderParser(bytes.substr(start, length)).parse();
  if (!header)
    return fileError(name, header.error().message);
  auto count = countElements(header->shape, header->dtype);
  if (!count)
    return fileError(name, count.error().message);
  uint64_t expected = static_cast<uint64_t>(*count) * sizeOf(header->dtype);
  std::string_view data = bytes.substr(start + length);
  if (data.size() != expected)
    return fileError(name, fmt::format("{}: expected {} bytes of data for {}, got {}",
                                       data.size() < expected ? "truncated" : "too long", expected,
                                       toString(header->shape, header->dtype), data.size()));
  Tensor tensor(header->dtype, header->shape);
  if (expected != 0)
    std::memcpy(tensor.raw(), data.data(), expected);
  if (header->dtype == DType::Bool)
    for (unsigned char *p = static_cast<unsigned char *>(tensor.raw()), *end = p + expected;
         p != end; ++p)
      *p = *p != 0;
  return header->fortranOrder && header->shape.size() > 1 ? toRowMajor(tensor) : std::move(tensor);
}

Result<Tensor> readNpy(const std::string &path) {
  auto bytes = readFile(path);
  if (!bytes)
    return bytes.error();
  return parseNpy(*bytes, path);
}

Status writeNpy(const std::string &path, const Tensor &tensor) {
  const auto *type =
      std::ranges::find(kTypes, tensor.dtype(), &std::pair<std::string_view, DType>::second);
  std::string header =
      fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({}{}), }}", type->first,
                  fmt::join(tensor.shape(), ", "), tensor.shape().size() == 1 ? "," : "");
  // The data start at a multiple of 64 bytes; the header ends with a newline.
  header.append(63 - (10 + header.size()) % 64, ' ');
  header += '\n';
  std::string prefix =
      fmt::format("{}{}{}{}{}", kMagic, '\1', '\0', static_cast<char>(header.size() & 255),
                  static_cast<char>(header.size() >> 8));
  auto file = AtomicFile::create(path);
  if (!file)
    return file.error();
  for (std::string_view part :
       {std::string_view(prefix), std::string_view(header),
        std::string_view(static_cast<const char *>(tensor.raw()), tensor.bytes())})
    if (Status status = file->write(part.data(), part.size()); !status)
      return status;
  return file->commit();
}

} // namespace dl
