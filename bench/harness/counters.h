// The counters of a run, under the names that every way of reporting uses (RESULTS.md).
#ifndef REGATTA_BENCH_HARNESS_COUNTERS_H_
#define REGATTA_BENCH_HARNESS_COUNTERS_H_

#include <string>
#include <utility>
#include <vector>

#include "bench/harness/arm.h"
#include "bench/harness/run_result.h"

namespace regatta::bench {

// The fixture's own counters; p50_ns, p99_ns and p999_ns as far as there are samples enough; rates where the arm has
// them.
std::vector<std::pair<std::string, double>> CountersOf(const Arm& arm, const RunResult& result);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_COUNTERS_H_
