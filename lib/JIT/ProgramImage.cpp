//===- ProgramImage.cpp - A compiled program as objects -------------------===//

#include "ProgramImage.h"
#include "Linker.h"

#include "llvm/ADT/StringSet.h"

using namespace mlir;

namespace dl {

//===----------------------------------------------------------------------===//
// From the compiler
//===----------------------------------------------------------------------===//

static std::vector<ProgramVariable> variablesOf(ModelOp model) {
  std::vector<ProgramVariable> variables;
  Block &body = model.getBody().front();
  llvm::StringSet<> updated;
  for (StringRef name :
       cast<ReturnOp>(body.getTerminator()).getUpdated().getAsValueRange<StringAttr>())
    updated.insert(name);
  for (auto parameter : body.getOps<ParameterOp>()) {
    ProgramVariable variable;
    variable.spec = specOf(parameter.getName(), parameter.getDeclaredType());
    if (auto storage = parameter.getStorage(); storage && !llvm::is_sorted(*storage))
      variable.storage = storage->vec();
    variable.role = parameter.getRole().str();
    variable.updated = updated.contains(parameter.getName());
    variables.push_back(std::move(variable));
  }
  return variables;
}

static std::vector<TensorSpec> specsOf(ArrayAttr names, ValueRange values) {
  std::vector<TensorSpec> specs;
  for (auto [name, value] : llvm::zip(names.getAsValueRange<StringAttr>(), values))
    specs.push_back(specOf(name, value.getType()));
  return specs;
}

ProgramImage ProgramImage::describe(ModelOp model, const Program &program) {
  Block &body = model.getBody().front();
  auto exit = cast<ReturnOp>(body.getTerminator());
  ProgramImage image;
  image.entry = program.entry;
  image.variables = variablesOf(model);
  image.inputs = specsOf(model.getInputNames(), body.getArguments());
  image.outputs = specsOf(exit.getOutputNames(), exit.getOutputs());
  image.plannedBytes = program.plannedBytes;
  image.workspaceBytes = program.workspaceBytes;
  image.scratchBytes = program.scratchBytes;
  image.packedBytes = program.packedBytes;
  image.packEntry = program.packEntry;
  for (const KernelCode &kernel : program.kernels)
    image.kernels.push_back(
        {kernel.name, kernel.flops, kernel.bytes, kernel.workspaceBytes, kernel.scratchBytes});
  image.describeTimes(program);
  return image;
}

void ProgramImage::describeTimes(const Program &program) {
  if (program.timedPhases.empty())
    return;
  timesOffset = program.timesOffset;
  for (const KernelCode &kernel : program.kernels) {
    Profile::Kernel &entry = profiled.emplace_back();
    entry.name = kernel.label;
    entry.result = kernel.result;
    entry.flops = kernel.flops;
    entry.bytes = kernel.bytes;
    for (const Phase &phase : kernel.phases)
      entry.phases.push_back({.tasks = kernel.isBefore(phase) ? 0 : phase.tasks});
  }
  for (auto [kernel, phase] : program.timedPhases) {
    timedPhases.push_back({kernel, phase});
    const std::vector<Profile::Phase> &phases = profiled[kernel].phases;
    auto first = llvm::find_if(phases, [](const Profile::Phase &each) { return each.tasks != 0; });
    profiled[kernel].calls += phase == first - phases.begin();
  }
}

//===----------------------------------------------------------------------===//
// Into the process
//===----------------------------------------------------------------------===//

namespace {
class JITProgram : public LoadedProgram {
public:
  JITProgram(ProgramImage image, std::unique_ptr<CodeImage> linked, void *run, void *pack)
      : code(std::move(linked)) {
    entry = reinterpret_cast<Entry>(run);
    packEntry = reinterpret_cast<Entry>(pack);
    variables = std::move(image.variables);
    inputs = std::move(image.inputs);
    outputs = std::move(image.outputs);
    plannedBytes = image.plannedBytes;
    workspaceBytes = image.workspaceBytes;
    scratchBytes = image.scratchBytes;
    packedBytes = image.packedBytes;
    kernels = std::move(image.profiled);
    timedPhases = std::move(image.timedPhases);
    timesOffset = image.timesOffset;
  }

private:
  std::unique_ptr<CodeImage> code;
};
} // namespace

llvm::Expected<std::shared_ptr<LoadedProgram>> loadImage(ProgramImage image) {
  auto code = CodeImage::link(std::move(image.objects));
  if (!code)
    return code.takeError();
  auto run = (*code)->find(image.entry);
  if (!run)
    return run.takeError();
  llvm::Expected<void *> pack = nullptr;
  if (!image.packEntry.empty())
    pack = (*code)->find(image.packEntry);
  if (!pack)
    return pack.takeError();
  return std::make_shared<JITProgram>(std::move(image), std::move(*code), *run, *pack);
}

//===----------------------------------------------------------------------===//
// Bytes
//===----------------------------------------------------------------------===//

namespace {

class Writer {
public:
  template <typename Number> void number(Number value) {
    static_assert(sizeof value == 8);
    bytes.append(reinterpret_cast<const char *>(&value), sizeof value);
  }
  void count(size_t value) { number(static_cast<int64_t>(value)); }
  void text(StringRef value) {
    count(value.size());
    bytes.append(value.begin(), value.end());
  }
  template <typename Range, typename Body> void list(const Range &range, Body body) {
    count(range.size());
    for (const auto &element : range)
      body(element);
  }

  std::string bytes;
};

/// Reads what a Writer wrote; after the first thing that does not fit, zeros.
class Reader {
public:
  explicit Reader(StringRef bytes) : left(bytes) {}
  bool isDone() const { return !failed && left.empty(); }

  template <typename Number> void number(Number &value) {
    static_assert(sizeof value == 8);
    if (StringRef bytes = take(sizeof value); !bytes.empty())
      std::memcpy(&value, bytes.data(), sizeof value);
  }
  size_t count() {
    int64_t value = 0;
    number(value);
    // Whatever is counted takes a byte at least.
    if (value < 0 || static_cast<size_t>(value) > left.size()) {
      failed = true;
      return 0;
    }
    return static_cast<size_t>(value);
  }
  StringRef text() { return take(count()); }
  void text(std::string &value) { value = text().str(); }
  template <typename Element, typename Body> void list(std::vector<Element> &range, Body body) {
    for (size_t i = count(); i != 0 && !failed; --i)
      body(range.emplace_back());
  }
  void fail() { failed = true; }

private:
  StringRef take(size_t size) {
    if (failed || size > left.size()) {
      failed = true;
      return {};
    }
    StringRef taken = left.take_front(size);
    left = left.drop_front(size);
    return taken;
  }

  StringRef left;
  bool failed = false;
};

} // namespace

static void write(Writer &to, const TensorSpec &spec) {
  to.text(spec.name);
  to.number(static_cast<int64_t>(spec.dtype));
  to.list(spec.shape, [&](int64_t extent) { to.number(extent); });
}

static void read(Reader &from, TensorSpec &spec) {
  from.text(spec.name);
  int64_t type = 0;
  from.number(type);
  if (type < 0 || type > static_cast<int64_t>(DType::U8))
    from.fail();
  spec.dtype = static_cast<DType>(type);
  from.list(spec.shape, [&](int64_t &extent) { from.number(extent); });
}

static void write(Writer &to, const ProgramVariable &variable) {
  write(to, variable.spec);
  to.list(variable.storage, [&](int64_t dim) { to.number(dim); });
  to.text(variable.role);
  to.number(int64_t(variable.updated));
}

static void read(Reader &from, ProgramVariable &variable) {
  read(from, variable.spec);
  from.list(variable.storage, [&](int64_t &dim) { from.number(dim); });
  from.text(variable.role);
  int64_t updated = 0;
  from.number(updated);
  variable.updated = updated != 0;
}

static void write(Writer &to, const CompileReport::Kernel &kernel) {
  to.text(kernel.name);
  to.number(kernel.flops);
  to.number(kernel.bytes);
  to.number(kernel.workspaceBytes);
  to.number(kernel.scratchBytes);
}

static void read(Reader &from, CompileReport::Kernel &kernel) {
  from.text(kernel.name);
  from.number(kernel.flops);
  from.number(kernel.bytes);
  from.number(kernel.workspaceBytes);
  from.number(kernel.scratchBytes);
}

static void write(Writer &to, const Profile::Kernel &kernel) {
  to.text(kernel.name);
  to.text(kernel.result);
  to.number(kernel.calls);
  to.number(kernel.flops);
  to.number(kernel.bytes);
  to.list(kernel.phases, [&](const Profile::Phase &phase) { to.number(phase.tasks); });
}

static void read(Reader &from, Profile::Kernel &kernel) {
  from.text(kernel.name);
  from.text(kernel.result);
  from.number(kernel.calls);
  from.number(kernel.flops);
  from.number(kernel.bytes);
  from.list(kernel.phases, [&](Profile::Phase &phase) { from.number(phase.tasks); });
}

/// On an address that is aligned as readers of objects expect it.
static ObjectFile readObject(Reader &from) {
  return llvm::MemoryBuffer::getMemBufferCopy(from.text());
}

std::string serialize(const ProgramImage &image) {
  Writer to;
  to.text(image.entry);
  to.list(image.variables, [&](const ProgramVariable &variable) { write(to, variable); });
  to.list(image.inputs, [&](const TensorSpec &spec) { write(to, spec); });
  to.list(image.outputs, [&](const TensorSpec &spec) { write(to, spec); });
  to.number(image.plannedBytes);
  to.number(image.workspaceBytes);
  to.number(image.scratchBytes);
  to.number(image.packedBytes);
  to.text(image.packEntry);
  to.list(image.kernels, [&](const CompileReport::Kernel &kernel) { write(to, kernel); });
  to.list(image.profiled, [&](const Profile::Kernel &kernel) { write(to, kernel); });
  to.list(image.timedPhases, [&](const LoadedProgram::TimedPhase &timed) {
    to.number(timed.kernel);
    to.number(timed.phase);
  });
  to.number(image.timesOffset);
  to.list(image.objects, [&](const ObjectFile &object) { to.text(object->getBuffer()); });
  return std::move(to.bytes);
}

std::optional<ProgramImage> deserializeProgram(StringRef bytes) {
  Reader from(bytes);
  ProgramImage image;
  from.text(image.entry);
  from.list(image.variables, [&](ProgramVariable &variable) { read(from, variable); });
  from.list(image.inputs, [&](TensorSpec &spec) { read(from, spec); });
  from.list(image.outputs, [&](TensorSpec &spec) { read(from, spec); });
  from.number(image.plannedBytes);
  from.number(image.workspaceBytes);
  from.number(image.scratchBytes);
  from.number(image.packedBytes);
  from.text(image.packEntry);
  from.list(image.kernels, [&](CompileReport::Kernel &kernel) { read(from, kernel); });
  from.list(image.profiled, [&](Profile::Kernel &kernel) { read(from, kernel); });
  from.list(image.timedPhases, [&](LoadedProgram::TimedPhase &timed) {
    from.number(timed.kernel);
    from.number(timed.phase);
  });
  from.number(image.timesOffset);
  from.list(image.objects, [&](ObjectFile &object) { object = readObject(from); });
  for (auto [kernel, phase] : image.timedPhases)
    if (static_cast<size_t>(kernel) >= image.profiled.size() ||
        static_cast<size_t>(phase) >= image.profiled[kernel].phases.size())
      from.fail();
  if (!from.isDone())
    return std::nullopt;
  return image;
}

/// A bool as a number, for a Writer or a Reader.
template <typename Bytes, typename Flag> static void visitFlag(Bytes &bytes, Flag &flag) {
  int64_t number = flag;
  bytes.number(number);
  if constexpr (!std::is_const_v<Flag>)
    flag = number != 0;
}

/// The fields of a kernel, in their order, for a Writer or a Reader.
template <typename Bytes, typename Kernel> static void visit(Bytes &bytes, Kernel &kernel) {
  bytes.text(kernel.name);
  bytes.list(kernel.phases, [&](auto &phase) {
    bytes.text(phase.entry);
    bytes.number(phase.tasks);
    bytes.number(phase.kind);
  });
  visitFlag(bytes, kernel.isPacked);
  bytes.number(kernel.workspaceBytes);
  bytes.number(kernel.scratchBytes);
  bytes.number(kernel.flops);
  bytes.number(kernel.bytes);
}

std::string serialize(const KernelCode &kernel, const llvm::MemoryBuffer &object) {
  Writer to;
  visit(to, kernel);
  to.text(object.getBuffer());
  return std::move(to.bytes);
}

std::optional<std::pair<KernelCode, ObjectFile>> deserializeKernel(StringRef bytes) {
  Reader from(bytes);
  KernelCode kernel;
  visit(from, kernel);
  ObjectFile object = readObject(from);
  if (!from.isDone())
    return std::nullopt;
  return std::pair(std::move(kernel), std::move(object));
}

} // namespace dl
