// RunWithGoogleBenchmark: runs the arms as Google Benchmark's, one after the other, each in an isolated process and
// timed manually.
#ifndef REGATTA_BENCH_HARNESS_GOOGLE_RUN_H_
#define REGATTA_BENCH_HARNESS_GOOGLE_RUN_H_

#include <span>
#include <string>

#include "bench/harness/arm.h"
#include "bench/harness/isolated_process.h"
#include "bench/results/context.h"

namespace regatta::bench {

// How Google Benchmark was asked to print: what its flags of the same names say.
struct GoogleOutput {
  // "console", "json" or "csv".
  std::string format = "console";
  std::string file_format = "json";
  bool to_file = false;  // --benchmark_out was given.
  bool tabular = false;
  bool colour = false;
};

struct GoogleTally {
  int ok = 0;
  int failed = 0;
  int absent = 0;       // Their peer isn't installed.
  int unavailable = 0;  // This machine can't offer them.
};

// After benchmark::Initialize. Absent and unavailable arms are listed as such and are no failures.
GoogleTally RunWithGoogleBenchmark(std::span<const Arm* const> arms, const Context& context,
                                   const IsolationOptions& options, const GoogleOutput& output);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_GOOGLE_RUN_H_
