//===- Limits.h - What this machine can do at most --------------*- C++ -*-===//
//
// The two limits that kernels are held against, measured where and when the
// kernels run: the rate of fused multiply-adds that depend on nothing, and the
// bandwidth of the memory level that holds so many bytes.
//
//===----------------------------------------------------------------------===//

#ifndef DL_TOOLS_DLC_LIMITS_H
#define DL_TOOLS_DLC_LIMITS_H

#include <cstddef>
#include <cstdlib>
#include <memory>
#include <vector>

namespace dl::driver {

/// FLOP/s of f32 multiply-adds on vectors of so many bits, all threads at once.
/// Takes about a millisecond.
double measureMultiplyAdds(int vectorBits, int threads);

/// FLOP/s of the same over so many seconds, with all that disturbed the cores meanwhile.
double sustainMultiplyAdds(int vectorBits, int threads, double seconds);

/// Arrays to copy and to sum, of a number of bytes in all.
class Bandwidth {
public:
  Bandwidth(int vectorBits, double bytes, int threads);

  /// Bytes read and written a second, for a few milliseconds: by the better of copy (b = a) and
  /// triad (c = a + s b), or by an update in place (a = a + s b).
  double measure(bool inPlace);

private:
  struct Free {
    void operator()(float *data) const { std::free(data); }
  };
  int vectorBits, threads;
  size_t vectors; // of 64 bytes in each of a thread's three arrays
  std::vector<std::unique_ptr<float[], Free>> arrays;
};

} // namespace dl::driver

#endif // DL_TOOLS_DLC_LIMITS_H
