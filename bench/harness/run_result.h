// RunResult: what one timed run of an arm measured. It crosses from the isolated process to the driver, hence an
// aggregate.
#ifndef REGATTA_BENCH_HARNESS_RUN_RESULT_H_
#define REGATTA_BENCH_HARNESS_RUN_RESULT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/results/latency.h"
#include "bench/results/record.h"

namespace regatta::bench {

struct RunResult {
  int64_t started_ns = 0;  // CLOCK_MONOTONIC
  int64_t operations = 0;
  std::vector<int64_t> samples_ns;  // Each timed part; together the run's real time.
  std::optional<int64_t> cpu_ns;    // Of all processes, in the timed parts.
  std::optional<Usage> usage;       // Likewise.
  LatencyCounts latencies;
  std::vector<std::pair<std::string, double>> counters;
  std::vector<SweepPoint> sweep;
  BeforeAfter cacheline_ns;
  BeforeAfter sentinel_ns;
  Noise noise;
};

inline int64_t RealNanos(const RunResult& result) {
  int64_t sum = 0;
  for (int64_t sample : result.samples_ns) sum += sample;
  return sum;
}

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_RUN_RESULT_H_
