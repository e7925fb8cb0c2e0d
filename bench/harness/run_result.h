// RunResult: what one timed run of an arm measured. It crosses from the isolated process to the driver, hence an
// aggregate.
#ifndef REGATTA_BENCH_HARNESS_RUN_RESULT_H_
#define REGATTA_BENCH_HARNESS_RUN_RESULT_H_

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "bench/harness/latency.h"

namespace regatta::bench {

// One grain of a sweep: the same tasks through the serial loop and through the system, side by side.
struct SweepPoint {
  double target_ns = 0;
  int64_t tasks = 0;
  int64_t serial_ns = 0;
  int64_t system_ns = 0;
};

// What else happened on the machine meanwhile; none where the kernel doesn't tell.
struct Noise {
  std::optional<double> steal_share;
  std::optional<double> foreign_cpu_share;
  std::optional<int64_t> migrations;
  int64_t major_faults = 0;
  int64_t voluntary_switches = 0;
  int64_t involuntary_switches = 0;
  std::optional<int64_t> throttled;  // Times that heat or a quota slowed us down.
};

// What the work cost all processes that took part, besides their CPU time.
struct Usage {
  int64_t voluntary_switches = 0;
  int64_t involuntary_switches = 0;
  int64_t minor_faults = 0;
  int64_t major_faults = 0;
  int64_t migrations = 0;
};

// A measurement taken just before and just after the run.
struct BeforeAfter {
  double before = 0;
  double after = 0;
};

struct RunResult {
  int64_t started_ns = 0;  // CLOCK_MONOTONIC
  int64_t operations = 0;
  std::vector<int64_t> samples_ns;  // Each timed part; together the run's real time.
  std::optional<int64_t> cpu_ns;    // Of all processes, in the timed parts.
  std::optional<Usage> usage;       // Likewise.
  LatencyCounts latencies;
  std::vector<std::pair<std::string, double>> counters;
  std::vector<SweepPoint> sweep;
  std::optional<BeforeAfter> cacheline_ns;
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
