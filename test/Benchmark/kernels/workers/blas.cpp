//===- blas.cpp - Matrix products of a BLAS -------------------------------===//
//
// Compiled once a library: with DL_MKL, or for the names of scipy-openblas32.
//
//===----------------------------------------------------------------------===//

#include "Worker.h"

#ifdef DL_MKL
#include <mkl_cblas.h>
#else
#include <cblas.h>
#define cblas_sgemm scipy_cblas_sgemm
#endif

using namespace dl;
using namespace dl::bench;

namespace {

/// C = A B; of a linear layer the product alone, to which bias and activation
/// are added in a sweep over C, as a caller of the library has to.
class Product : public Kernel {
public:
  explicit Product(const KernelSpec &spec)
      : spec(spec), operands(makeOperands(spec)), products(makeResults(spec)) {}

  void run() override {
    for (int64_t i = 0; i < spec.batch; ++i)
      multiply(i);
    if (spec.bias || !spec.activation.empty())
      finish();
  }

  std::vector<std::pair<const float *, int64_t>> results() override {
    return {{products[0].data(), products[0].size()}};
  }

private:
  void multiply(int64_t i) {
    int m = spec.extents[0], n = spec.extents[1], k = spec.extents[2];
    cblas_sgemm(CblasRowMajor, spec.transposeA ? CblasTrans : CblasNoTrans,
                spec.transposeB ? CblasTrans : CblasNoTrans, m, n, k, 1,
                operands[0].data() + i * m * k, spec.transposeA ? m : k,
                operands[1].data() + i * k * n, spec.transposeB ? k : n, 0,
                products[0].data() + i * m * n, n);
  }

  void finish() {
    int64_t n = spec.extents[1];
    const float *bias = spec.bias ? operands[2].data() : nullptr;
    float least = spec.activation == "relu" ? 0.f : -__builtin_inff();
    for (int64_t row = 0; row < spec.extents[0]; ++row) {
      float *c = products[0].data() + row * n;
      for (int64_t j = 0; j < n; ++j)
        c[j] = std::max(c[j] + (bias ? bias[j] : 0.f), least);
    }
  }

  KernelSpec spec;
  std::vector<Buffer> operands, products;
};

} // namespace

static Result<std::unique_ptr<Kernel>> makeKernel(const KernelSpec &spec) {
  if (spec.family != KernelFamily::Matmul && spec.family != KernelFamily::Linear)
    return Error{"no matrix product"};
  if (!spec.activation.empty() && spec.activation != "relu")
    return Error{"no such activation"};
  return std::unique_ptr<Kernel>(new Product(spec));
}

int main() { return serve(makeKernel); }
