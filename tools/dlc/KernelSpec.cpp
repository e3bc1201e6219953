//===- KernelSpec.cpp - One kernel, in words ------------------------------===//

#include "KernelSpec.h"

#include <algorithm>
#include <charconv>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <numeric>
#include <optional>
#include <span>

namespace dl::driver {

namespace {

using Family = KernelFamily;

/// An op: how many extents it takes and which settings.
struct OpForm {
  std::string_view name;
  Family family;
  size_t least, most;
  std::string_view settings; // words, separated by spaces
};

constexpr size_t kAnyRank = 6;
constexpr std::string_view kConvSettings = "stride pad dilation groups";
constexpr OpForm kForms[] = {
    {"matmul", Family::Matmul, 3, 3, "nt tn tt batch"},
    {"linear", Family::Linear, 3, 3, "nt bias relu sigmoid tanh"},
    {"conv2d", Family::Conv, 6, 7, "stride pad dilation groups bias relu sigmoid tanh"},
    {"conv2d_backward_data", Family::Conv, 6, 7, kConvSettings},
    {"conv2d_backward_weights", Family::Conv, 6, 7, kConvSettings},
    {"conv2d_transpose", Family::Conv, 6, 7, kConvSettings},
    {"neg", Family::Unary, 1, kAnyRank, ""},
    {"abs", Family::Unary, 1, kAnyRank, ""},
    {"exp", Family::Unary, 1, kAnyRank, ""},
    {"tanh", Family::Unary, 1, kAnyRank, ""},
    {"sigmoid", Family::Unary, 1, kAnyRank, ""},
    {"relu", Family::Unary, 1, kAnyRank, ""},
    {"log", Family::Unary, 1, kAnyRank, ""},
    {"sqrt", Family::Unary, 1, kAnyRank, ""},
    {"rsqrt", Family::Unary, 1, kAnyRank, ""},
    {"erf", Family::Unary, 1, kAnyRank, ""},
    {"gelu", Family::Unary, 1, kAnyRank, ""},
    {"add", Family::Elementwise, 1, kAnyRank, ""},
    {"mul", Family::Elementwise, 1, kAnyRank, ""},
    {"maximum", Family::Elementwise, 1, kAnyRank, ""},
    {"add_relu", Family::Elementwise, 1, kAnyRank, ""},
    {"mul_add", Family::Elementwise, 1, kAnyRank, ""},
    {"sum", Family::Reduction, 1, kAnyRank, "axis"},
    {"mean", Family::Reduction, 1, kAnyRank, "axis"},
    {"max", Family::Reduction, 1, kAnyRank, "axis"},
    {"min", Family::Reduction, 1, kAnyRank, "axis"},
    {"log_sum_exp", Family::Reduction, 1, kAnyRank, "axis"},
    {"softmax", Family::Normalization, 1, kAnyRank, "axis"},
    {"log_softmax", Family::Normalization, 1, kAnyRank, "axis"},
    {"layer_norm", Family::Affine, 2, kAnyRank, ""},
    {"batch_norm", Family::Affine, 2, kAnyRank, ""},
    {"batch_norm_train", Family::Affine, 2, kAnyRank, ""},
    {"cross_entropy", Family::CrossEntropy, 2, 2, ""},
    {"max_pool2d", Family::Pool, 5, 6, "stride pad"},
    {"max_pool2d_backward", Family::Pool, 5, 6, "stride pad"},
    {"avg_pool2d", Family::Pool, 5, 6, "stride pad"},
    {"avg_pool2d_backward", Family::Pool, 5, 6, "stride pad"},
    {"concat", Family::Concat, 1, kAnyRank, "axis"},
    {"transpose", Family::Transpose, 1, kAnyRank, "axes"},
    {"sgd", Family::Update, 1, kAnyRank, ""},
    {"adam", Family::Update, 1, kAnyRank, ""},
};

} // namespace

static const OpForm *findForm(std::string_view op) {
  const OpForm *form = std::ranges::find(kForms, op, &OpForm::name);
  return form == std::end(kForms) ? nullptr : form;
}

/// Nothing where the text is empty; a separator at its end has an empty part behind it.
static std::vector<std::string_view> split(std::string_view text, char separator) {
  std::vector<std::string_view> parts;
  if (text.empty())
    return parts;
  for (size_t end; (end = text.find(separator)) != text.npos; text.remove_prefix(end + 1))
    parts.push_back(text.substr(0, end));
  parts.push_back(text);
  return parts;
}

static std::optional<int64_t> parseNumber(std::string_view text, int64_t least, int64_t most) {
  int64_t value = 0;
  auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < least || value > most)
    return std::nullopt;
  return value;
}

/// What a setting is about: settings of one kind exclude each other.
static std::string_view kindOf(std::string_view setting) {
  if (setting == "nt" || setting == "tn" || setting == "tt")
    return "transposition";
  if (setting == "relu" || setting == "sigmoid" || setting == "tanh")
    return "activation";
  return setting;
}

static bool takes(const OpForm &form, std::string_view setting) {
  auto words = split(form.settings, ' ');
  return std::ranges::find(words, setting) != words.end();
}

/// `axes=1x0`: an order of all dimensions.
static Status parseAxes(KernelSpec &spec, std::string_view value) {
  if (value.empty())
    return Error{"expected axes as 1x0, got ''"};
  for (std::string_view part : split(value, 'x')) {
    auto axis = parseNumber(part, 0, static_cast<int64_t>(kAnyRank));
    if (!axis)
      return Error{fmt::format("expected axes as 1x0, got '{}'", value)};
    spec.axes.push_back(*axis);
  }
  return {};
}

/// `KEY=VALUE`.
static Status applyValue(KernelSpec &spec, std::string_view key, std::string_view value) {
  if (key == "axes")
    return parseAxes(spec, value);
  bool mayBeZero = key == "pad" || key == "axis";
  auto number = parseNumber(value, key == "axis" ? -1 : mayBeZero ? 0 : 1, 1 << 24);
  if (!number)
    return Error{fmt::format("expected a number of at least {} for '{}', got '{}'",
                             key == "axis" ? -1 : int(!mayBeZero), key, value)};
  int64_t &field = key == "stride"     ? spec.stride
                   : key == "pad"      ? spec.pad
                   : key == "dilation" ? spec.dilation
                   : key == "groups"   ? spec.groups
                   : key == "batch"    ? spec.batch
                                       : spec.axis;
  field = *number;
  return {};
}

static void applyWord(KernelSpec &spec, std::string_view word) {
  if (word == "nt" || word == "tt")
    spec.transposeB = true;
  if (word == "tn" || word == "tt")
    spec.transposeA = true;
  if (word == "bias")
    spec.bias = true;
  if (word == "relu" || word == "sigmoid" || word == "tanh")
    spec.activation = word;
}

static bool takesValue(std::string_view key) {
  for (std::string_view other : {"stride", "pad", "dilation", "groups", "batch", "axis", "axes"})
    if (key == other)
      return true;
  return false;
}

static Status applySetting(KernelSpec &spec, const OpForm &form, std::string_view setting) {
  size_t equals = setting.find('=');
  std::string_view key = setting.substr(0, equals);
  if (!takes(form, key) || takesValue(key) != (equals != std::string_view::npos))
    return Error{form.settings.empty()
                     ? fmt::format("unexpected '{}': {} takes extents alone", setting, form.name)
                     : fmt::format("unexpected '{}': {} takes {}", setting, form.name,
                                   fmt::join(split(form.settings, ' '), ", "))};
  if (equals != std::string_view::npos)
    return applyValue(spec, key, setting.substr(equals + 1));
  applyWord(spec, key);
  return {};
}

/// `kinds`: of settings that were given before.
static Status applySettings(KernelSpec &spec, const OpForm &form,
                            std::span<const std::string_view> settings,
                            std::vector<std::string_view> kinds) {
  for (std::string_view setting : settings) {
    if (Status status = applySetting(spec, form, setting); !status)
      return status;
    std::string_view kind = kindOf(setting.substr(0, setting.find('=')));
    if (std::ranges::find(kinds, kind) != kinds.end())
      return Error{fmt::format("unexpected '{}': a second {}", setting, kind)};
    kinds.push_back(kind);
  }
  return {};
}

static Status checkWindow(const KernelSpec &spec) {
  for (int64_t extent : {spec.extents[1], spec.extents[2]})
    if (spec.outputExtent(extent) < 1)
      return Error{fmt::format("the window ({} taps) does not fit the padded image ({})",
                               spec.kernelExtent(), extent + 2 * spec.pad)};
  if (spec.family == Family::Pool && 2 * spec.pad > spec.kernelExtent())
    return Error{"the padding of a pooling may be half its window at most"};
  if (spec.family == Family::Conv &&
      (spec.extents[3] % spec.groups != 0 || spec.extents[4] % spec.groups != 0))
    return Error{fmt::format("expected channels ({} and {}) divisible by groups ({})",
                             spec.extents[3], spec.extents[4], spec.groups)};
  return {};
}

static Status checkAxes(KernelSpec &spec) {
  auto rank = static_cast<int64_t>(spec.extents.size());
  if (spec.axis >= rank)
    return Error{fmt::format("axis {} of {} dimensions", spec.axis, rank)};
  if (spec.family != Family::Transpose)
    return {};
  if (spec.axes.empty())
    for (int64_t axis = rank; axis-- > 0;)
      spec.axes.push_back(axis);
  std::vector<int64_t> sorted = spec.axes, all(rank);
  std::ranges::sort(sorted);
  std::iota(all.begin(), all.end(), 0);
  if (sorted != all)
    return Error{fmt::format("expected an order of all {} dimensions", rank)};
  return {};
}

/// A transposed convolution is the adjoint of the convolution whose result has
/// the extents of its input.
static Status becomeAdjoint(KernelSpec &spec) {
  std::vector<int64_t> &e = spec.extents;
  for (int64_t *extent : {&e[1], &e[2]}) {
    *extent = (*extent - 1) * spec.stride + spec.dilation * (e[5] - 1) + 1 - 2 * spec.pad;
    if (*extent < 1)
      return Error{fmt::format("a padding of {} leaves no result", spec.pad)};
  }
  std::swap(e[3], e[4]);
  spec.op = "conv2d_backward_data";
  return {};
}

/// Windows may give their stride as a last extent: whether this one does.
static bool takeStride(KernelSpec &spec, const OpForm &form) {
  bool isWindow = form.family == Family::Conv || form.family == Family::Pool;
  if (form.family == Family::Pool)
    spec.stride = spec.extents[4];
  if (!isWindow || spec.extents.size() == form.least)
    return false;
  spec.stride = spec.extents.back();
  spec.extents.pop_back();
  return true;
}

static Status checkSize(const KernelSpec &spec) {
  constexpr double most = 1e11;
  if (spec.bytes() > most)
    return Error{
        fmt::format("expected at most {:.0f} GB, got {:.0f}", most * 1e-9, spec.bytes() * 1e-9)};
  return {};
}

static Status fill(KernelSpec &spec, const OpForm &form, std::string_view rest) {
  std::vector<std::string_view> parts = split(rest, ',');
  size_t count = 0;
  for (; count < parts.size() && !parts[count].empty() && parts[count][0] <= '9'; ++count) {
    auto extent = parseNumber(parts[count], 1, 1 << 30);
    if (!extent)
      return Error{
          fmt::format("expected an integer from 1 to {}, got '{}'", 1 << 30, parts[count])};
    spec.extents.push_back(*extent);
  }
  if (count < form.least || count > form.most)
    return Error{form.least == form.most
                     ? fmt::format("expected {} extents", form.least)
                     : fmt::format("expected {} to {} extents", form.least, form.most)};
  std::vector<std::string_view> given;
  if (takeStride(spec, form))
    given.push_back("stride");
  if (Status status = applySettings(spec, form, std::span(parts).subspan(count), given); !status)
    return status;
  if (Status status = checkAxes(spec); !status)
    return status;
  if (spec.op == "conv2d_transpose")
    if (Status status = becomeAdjoint(spec); !status)
      return status;
  if (form.family == Family::Conv || form.family == Family::Pool)
    if (Status status = checkWindow(spec); !status)
      return status;
  return checkSize(spec);
}

Result<KernelSpec> KernelSpec::parse(std::string_view text) {
  size_t colon = std::min(text.find(':'), text.size());
  KernelSpec spec;
  spec.text = text;
  spec.op = text.substr(0, colon);
  const OpForm *form = findForm(spec.op);
  if (!form) {
    std::vector<std::string_view> names;
    for (const OpForm &known : kForms)
      names.push_back(known.name);
    return Error{fmt::format("expected OP:EXTENTS with an OP of {}; got '{}'",
                             fmt::join(names, ", "), text)};
  }
  spec.family = form->family;
  Status status = fill(spec, *form, colon < text.size() ? text.substr(colon + 1) : "");
  if (!status)
    return status.error();
  return spec;
}

int64_t KernelSpec::outputExtent(int64_t extent) const {
  int64_t span = dilation * (kernelExtent() - 1) + 1;
  return extent + 2 * pad < span ? 0 : (extent + 2 * pad - span) / stride + 1;
}

} // namespace dl::driver
