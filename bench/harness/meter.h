// Meter: takes the times of one run. Begin and End enclose a timed part; all else (set-up, checks) stays outside it.
//
// Use        Begin, the work, End; as often as needed. Latencies go to an array of the fixture's own and are added
//            after End.
// Threads    One.
#ifndef REGATTA_BENCH_HARNESS_METER_H_
#define REGATTA_BENCH_HARNESS_METER_H_

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/strings/string_view.h"
#include "bench/harness/run_result.h"
#include "bench/results/latency.h"

namespace regatta::bench {

class Meter {
 public:
  // `count_cpu`: also take the CPU time of all processes, which costs some milliseconds outside the timed part.
  // `seed`: of what the fixture draws by chance.
  explicit Meter(bool count_cpu, uint64_t seed = 1) : count_cpu_(count_cpu), seed_(seed) {}

  uint64_t seed() const { return seed_; }

  void Begin();
  // `operations`: done since Begin.
  void End(int64_t operations);
  // A part that somebody else timed, on the monotonic clock; between Begin and End, whose own times it replaces.
  void Measured(int64_t nanos) { measured_ns_ = nanos; }
  // So many of the operations were done for nothing: their time counts, they don't. After End.
  void ExcludeOperations(int64_t operations) { result_.operations -= operations; }
  // The run's CPU time says nothing of the work: leave it out.
  void DiscardCpuTime() { cpu_known_ = false; }

  void AddLatencies(std::span<const int64_t> samples) { latencies_.Add(samples); }
  void MergeLatencies(const LatencyHistogram& histogram) { latencies_.Merge(histogram); }
  void AddSweepPoint(const SweepPoint& point) { result_.sweep.push_back(point); }
  // The last value of a name counts.
  void SetCounter(absl::string_view name, double value);

  // From each Begin to its End, whatever was Measured of it.
  int64_t elapsed_ns() const { return elapsed_ns_; }
  std::span<const SweepPoint> sweep() const { return result_.sweep; }

  // Everything so far.
  RunResult Take();

 private:
  bool count_cpu_;
  uint64_t seed_;
  int64_t began_ns_ = 0;
  int64_t elapsed_ns_ = 0;
  int64_t measured_ns_ = -1;
  int64_t cpu_began_ns_ = -1;
  int64_t cpu_ns_ = 0;
  bool cpu_known_ = true;
  Usage usage_began_;
  Usage usage_;
  bool usage_known_ = true;
  LatencyHistogram latencies_;
  RunResult result_;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_METER_H_
