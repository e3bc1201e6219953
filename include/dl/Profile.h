//===- Profile.h - Where the time of runs went ------------------*- C++ -*-===//

#ifndef DL_PROFILE_H
#define DL_PROFILE_H

#include <cstdint>
#include <string>
#include <vector>

namespace dl {

/// The runs of a program compiled with CompileOptions::profile, summed up; where
/// there are more than one, without the first, which waits for the system's pages.
/// What the kernels' times leave of `seconds` lies between them.
struct Profile {
  /// One phase: tasks that run in any order, then a barrier.
  struct Phase {
    int64_t tasks = 0;      // 0: it is not part of runs, but packs variables before
    double seconds = 0;     // from the first task's start to the end of the last
    double busySeconds = 0; // in tasks, of all workers together
  };
  /// A distinct kernel, with all its calls.
  struct Kernel {
    std::string name;            // what it computes: `conv2d+relu`
    std::string result;          // type of its first result: `100x24x24x32xf32`
    int64_t calls = 0;           // of one run
    double flops = 0, bytes = 0; // of one call
    std::vector<Phase> phases;   // of all runs

    double seconds() const {
      double sum = 0;
      for (const Phase &phase : phases)
        sum += phase.seconds;
      return sum;
    }
    double busySeconds() const {
      double sum = 0;
      for (const Phase &phase : phases)
        sum += phase.busySeconds;
      return sum;
    }
  };

  int64_t runs = 0;
  int workers = 1;
  double seconds = 0; // of all runs
  std::vector<Kernel> kernels;
};

} // namespace dl

#endif // DL_PROFILE_H
