//===- dlc.cpp - Kernels of dlc -------------------------------------------===//

#include "CompiledKernel.h"
#include "Worker.h"

using namespace dl;
using namespace dl::bench;

namespace {

class Compiled : public Kernel {
public:
  explicit Compiled(driver::CompiledKernel kernel) : kernel(std::move(kernel)) {}

  void run() override { kernel.run(); }

  std::vector<std::pair<const float *, int64_t>> results() override {
    std::vector<std::pair<const float *, int64_t>> list;
    for (const Tensor &result : kernel.results())
      list.emplace_back(result.data<float>(), result.size());
    return list;
  }

  double limit() override { return kernel.limit(); }
  double sustained(double seconds) override { return kernel.sustained(seconds); }

private:
  driver::CompiledKernel kernel;
};

} // namespace

/// dl-kernel-worker [THREADS [CPU]]
int main(int argc, char **argv) {
  CompileOptions options = {.threads = argc > 1 ? std::atoi(argv[1]) : 1,
                            .march = argc > 2 ? argv[2] : "host",
                            .cache = false};
  return serve([=](const KernelSpec &spec) -> Result<std::unique_ptr<Kernel>> {
    auto kernel = driver::CompiledKernel::make(spec, options);
    if (!kernel)
      return kernel.error();
    return std::unique_ptr<Kernel>(new Compiled(std::move(kernel).value()));
  });
}
