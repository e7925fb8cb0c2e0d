// RunBlocks: the arms interleaved. In each block every arm runs once, in an order of its own, so that what happens to
// the machine happens to all of them alike.
#ifndef REGATTA_BENCH_HARNESS_BLOCKS_H_
#define REGATTA_BENCH_HARNESS_BLOCKS_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/harness/arm.h"
#include "bench/harness/isolated_process.h"
#include "bench/harness/results_file.h"

namespace regatta::bench {

struct BlockOptions {
  uint64_t seed = 0;
  int blocks = 10;
  int arm_ms = 50;  // Wanted length of each timed run.
  IsolationOptions isolation;
  bool progress = true;  // A line an arm on standard error.
};

// The order of `arms` arms in a block; the same on every machine for the same seed.
std::vector<size_t> BlockOrder(uint64_t seed, int block, size_t arms);

// Runs the ready ones of `arms` and writes a record each; not the header. Goes on after an arm that failed.
// Errors: only of writing. The result says whether it was interrupted.
absl::StatusOr<Footer> RunBlocks(std::span<const Arm* const> arms, const BlockOptions& options, ResultsFile& results);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_BLOCKS_H_
