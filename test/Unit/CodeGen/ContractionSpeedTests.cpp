//===- ContractionSpeedTests.cpp - GFLOP/s of contractions ----------------===//
//
// Off by default: a measurement, no check. Run with
//   ContractionTests --gtest_also_run_disabled_tests --gtest_filter='*Speed*'
// DL_SPEED selects the rows whose name contains it, DL_MATMUL and DL_CONV (see
// below) describe one more; DL_ASM=FILE writes the assembly of the last kernel;
// DL_PLAIN=1 forbids products of bf16 tiles.
//
//===----------------------------------------------------------------------===//

#include "KernelHarness.h"

#include "fmt/format.h"

#include <gtest/gtest.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <sstream>

using namespace dl;
using namespace dl::test;

namespace {

void measure(const std::string &name, const KernelText &text, double flops) {
  const char *wanted = std::getenv("DL_SPEED");
  if (wanted && name.find(wanted) == std::string::npos)
    return;
  bool plain = std::getenv("DL_PLAIN") != nullptr;
  auto kernel = CompiledKernel::get(text, Machine::get("host").value(), /*wantsAssembly=*/true,
                                    Winograd::WhereFaster,
                                    plain ? SplitProducts::Never : SplitProducts::WhereFaster);
  ASSERT_TRUE(kernel);
  std::vector<Tensor> arguments = kernel->randomArguments();
  double once = kernel->time(arguments, 2);
  double seconds = kernel->time(arguments, std::clamp(static_cast<int>(0.2 / once), 3, 2000));
  fmt::print("{:34} {:7.1f} GFLOP/s {:9.1f} us | ms: emit {:.1f} lower {:.1f} object {:.1f} | {}\n",
             name, flops / seconds * 1e-9, seconds * 1e6, kernel->emitSeconds * 1e3,
             kernel->lowerSeconds * 1e3, kernel->objectSeconds * 1e3, kernel->strategy());
  std::fflush(stdout);
  if (const char *file = std::getenv("DL_ASM"))
    std::ofstream(file) << kernel->assembly;
}

void matmul(int64_t m, int64_t n, int64_t k, const std::string &kind = "NN") {
  bool ta = kind[0] == 'T', tb = kind[1] == 'T';
  auto shape = [](int64_t a, int64_t b) { return fmt::format("{}x{}xf32", a, b); };
  measure(fmt::format("matmul {}x{}x{} {}", m, n, k, kind),
          {{ta ? shape(k, m) : shape(m, k), tb ? shape(n, k) : shape(k, n)},
           fmt::format("%r = dl.matmul %a0, %a1 {{transpose_a = {}, transpose_b = {}}}", ta, tb)},
          2.0 * static_cast<double>(m * n * k));
}

void convolution(int64_t images, int64_t size, int64_t inputs, int64_t outputs, int64_t taps,
                 int64_t stride, int64_t padding, int64_t groups = 1) {
  int64_t out = (size + 2 * padding - taps) / stride + 1;
  std::string attributes =
      fmt::format("strides = [{0}, {0}], padding = [{1}, {1}, {1}, {1}], groups = {2}, "
                  "layout = nhwc}}",
                  stride, padding, groups);
  std::string image = fmt::format("{}x{}x{}x{}xf32", images, size, size, inputs);
  std::string result = fmt::format("{}x{}x{}x{}xf32", images, out, out, outputs);
  std::string weight = fmt::format("{}x{}x{}x{}xf32", taps, taps, inputs / groups, outputs);
  std::string name = fmt::format("{}x{} s{} {}^2 {}->{} g{} N{}", taps, taps, stride, size, inputs,
                                 outputs, groups, images);
  double flops =
      2.0 * static_cast<double>(images * out * out * outputs * taps * taps * inputs / groups);
  measure("fwd " + name, {{image, weight}, "%r = dl.conv2d %a0, %a1 {" + attributes}, flops);
  measure(
      "bww " + name,
      {{image, result},
       fmt::format("%r = dl.conv2d_backward_weights %a0, %a1 {{kernel_size = [{0}, {0}], ", taps) +
           attributes},
      flops);
  measure("bwd " + name,
          {{result, weight},
           fmt::format("%r = dl.conv2d_backward_data %a0, %a1 {{input_size = [{0}, {0}], ", size) +
               attributes},
          flops);
}

TEST(ContractionSpeed, DISABLED_Matmul) {
  for (int64_t n : {64, 128, 256, 512, 1024})
    matmul(n, n, n);
  for (int64_t m : {1, 32, 64, 128})
    matmul(m, 128, 784);
  for (const char *kind : {"NN", "TN", "NT"}) {
    matmul(128, 512, 784, kind);
    matmul(256, 1024, 1024, kind);
    matmul(512, 3072, 768, kind);
    matmul(64, 512, 8192, kind);
  }
  matmul(64, 8192, 512, "NT");
  matmul(8192, 512, 64, "TN");
  matmul(784, 128, 64, "TN");
  matmul(64, 784, 128, "NT");
  matmul(784, 128, 128, "TN");
  matmul(128, 784, 128, "NT");
  matmul(100, 10, 1024);
  matmul(1024, 10, 100, "TN");
  matmul(100, 1024, 10, "NT");
  matmul(1, 512, 784);
  matmul(1, 512, 784, "NT");
}

TEST(ContractionSpeed, DISABLED_Convolution) {
  convolution(100, 28, 1, 32, 5, 1, 0);
  convolution(100, 12, 32, 64, 5, 1, 0);
  convolution(1, 56, 64, 64, 3, 1, 1);
  convolution(1, 28, 128, 128, 3, 1, 1);
  convolution(1, 14, 256, 256, 3, 1, 1);
  convolution(1, 7, 512, 512, 3, 1, 1);
  convolution(8, 56, 64, 256, 1, 1, 0);
  convolution(8, 56, 256, 64, 1, 1, 0);
  convolution(1, 224, 3, 64, 7, 2, 3);
  convolution(8, 56, 128, 128, 3, 2, 1);
  convolution(32, 32, 32, 32, 3, 1, 1);
  convolution(8, 56, 96, 96, 3, 1, 1, 96);
}

/// A row of each kind, quick enough to be run after every change.
TEST(ContractionSpeed, DISABLED_Kinds) {
  for (int64_t n : {64, 256, 512, 1024})
    matmul(n, n, n);
  matmul(1, 512, 784);
  for (int64_t n : {1, 10, 33})
    matmul(128, n, 784);
  for (int64_t m : {1, 4, 32, 100})
    matmul(m, 512, 784, "NT");
  matmul(128, 1, 784, "NT");
  matmul(64, 8192, 512, "NT");
  matmul(64, 512, 8192, "NT");
  matmul(64, 512, 8192);
  for (const char *kind : {"NN", "TN", "NT"})
    matmul(512, 3072, 768, kind);
  matmul(256, 1024, 1024);
  convolution(100, 28, 1, 32, 5, 1, 0);
  convolution(100, 12, 32, 64, 5, 1, 0);
  convolution(1, 56, 64, 64, 3, 1, 1);
  convolution(1, 7, 512, 512, 3, 1, 1);
  convolution(8, 56, 64, 256, 1, 1, 0);
  convolution(8, 56, 256, 64, 1, 1, 0);
  convolution(1, 224, 3, 64, 7, 2, 3);
  convolution(8, 56, 128, 128, 3, 2, 1);
  convolution(8, 56, 96, 96, 3, 1, 1, 96);
}

/// DL_MATMUL="M N K KIND": one product of any size.
TEST(ContractionSpeed, DISABLED_OneMatmul) {
  std::istringstream text(std::getenv("DL_MATMUL") ? std::getenv("DL_MATMUL") : "");
  int64_t m = 0, n = 0, k = 0;
  std::string kind;
  if (text >> m >> n >> k >> kind)
    matmul(m, n, k, kind);
}

/// DL_CONV="IMAGES SIZE INPUTS OUTPUTS TAPS STRIDE PADDING GROUPS".
TEST(ContractionSpeed, DISABLED_OneConvolution) {
  std::istringstream text(std::getenv("DL_CONV") ? std::getenv("DL_CONV") : "");
  std::array<int64_t, 8> v = {};
  for (int64_t &number : v)
    if (!(text >> number))
      return;
  convolution(v[0], v[1], v[2], v[3], v[4], v[5], v[6], v[7]);
}

} // namespace
