// LatencyHistogram: how often each latency was seen, to the nanosecond.
//
// Exact, so that quantiles are samples that really occurred and merging loses nothing; latencies of one benchmark
// repeat so much that the distinct values stay few. Samples are collected in a plain array while measuring and added
// afterwards. Threads: one at a time.
#ifndef REGATTA_BENCH_RESULTS_LATENCY_H_
#define REGATTA_BENCH_RESULTS_LATENCY_H_

#include <cstdint>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace regatta::bench {

// (nanoseconds, how often), by rising nanoseconds, each value once.
using LatencyCounts = std::vector<std::pair<int64_t, int64_t>>;

class LatencyHistogram {
 public:
  LatencyHistogram() = default;
  // `counts` may be in any order and repeat values.
  explicit LatencyHistogram(LatencyCounts counts);

  void Add(std::span<const int64_t> samples);
  void Merge(const LatencyHistogram& other);

  int64_t count() const { return total_; }
  const LatencyCounts& counts() const { return counts_; }
  // The smallest sample with at least a share q of all samples at or below it. None with fewer than 10 / (1 - q)
  // samples: such a quantile would be the luck of a few. 0 <= q < 1.
  std::optional<int64_t> Quantile(double q) const;
  std::optional<int64_t> Min() const;
  std::optional<int64_t> Max() const;

  // Values above 1000 rounded to three digits, for files: still mergeable, each value off by at most 0.5 %.
  LatencyCounts Rounded() const;

 private:
  void Normalize();

  LatencyCounts counts_;
  int64_t total_ = 0;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_RESULTS_LATENCY_H_
