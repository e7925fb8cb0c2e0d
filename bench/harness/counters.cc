#include "bench/harness/counters.h"

#include "bench/results/latency.h"

namespace regatta::bench {

std::vector<std::pair<std::string, double>> CountersOf(const Arm& arm, const RunResult& result) {
  std::vector<std::pair<std::string, double>> counters;
  const LatencyHistogram latencies(result.latencies);
  for (const auto& [name, q] : {std::pair("p50_ns", 0.5), std::pair("p99_ns", 0.99), std::pair("p999_ns", 0.999)}) {
    if (const auto value = latencies.Quantile(q); value.has_value()) {
      counters.emplace_back(name, static_cast<double>(*value));
    }
  }
  const double seconds = static_cast<double>(RealNanos(result)) / 1e9;
  if (arm.rate && seconds > 0) {
    const double per_second = static_cast<double>(result.operations) / seconds;
    counters.emplace_back("items_per_second", per_second);
    if (arm.bytes_per_operation > 0) {
      counters.emplace_back("bytes_per_second", per_second * static_cast<double>(arm.bytes_per_operation));
    }
  }
  counters.insert(counters.end(), result.counters.begin(), result.counters.end());
  return counters;
}

}  // namespace regatta::bench
