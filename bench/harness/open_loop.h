// Open loop: each piece of work has a moment at which it is due, whether or not earlier work is done. So it is with
// many users who do not know of each other. Latency counts from the due moment, not from the moment at which a busy
// system started the work. If a system stalls for 20 ms, the work that was due meanwhile waited, and the tail shows it.
//
// Arrivals are a Poisson process: at a fixed pace they could fall into step with the system and always meet it ready.
#ifndef REGATTA_BENCH_HARNESS_OPEN_LOOP_H_
#define REGATTA_BENCH_HARNESS_OPEN_LOOP_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/harness/arm.h"
#include "bench/harness/meter.h"

namespace regatta::bench {

// When each of `count` pieces of work is due, in nanoseconds after the first may be; rising. The same for the same
// seed. per_second 0: all at once, which shows the capacity.
std::vector<int64_t> PoissonArrivals(uint64_t seed, double per_second, size_t count);

// Calls send(began + arrival) for each of `arrivals` when it is due, or as soon after that as the sends before let it.
// `now`: nanoseconds on the clock that `began` is of. `idle` is called before each send, and again until it is due.
template <class Now, class Idle, class Send>
absl::Status SendWhenDue(std::span<const int64_t> arrivals, int64_t began, Now now, Idle idle, Send send) {
  for (const int64_t arrival : arrivals) {
    const int64_t due = began + arrival;
    do {
      if (absl::Status idled = idle(); !idled.ok()) [[unlikely]]
        return idled;
    } while (now() < due);
    if (absl::Status sent = send(due); !sent.ok()) [[unlikely]]
      return sent;
  }
  return absl::OkStatus();
}

// Pieces of work a second, the middle of several tries. run_all(count): does `count` pieces, all due at once, and
// returns the nanoseconds that they took, or its error. Tries begin at `count`, doubled until one takes milliseconds,
// to `most` at most.
template <class RunAll>
absl::StatusOr<double> MeasureCapacity(int64_t count, int64_t most, RunAll run_all) {
  constexpr size_t kTries = 5;
  constexpr int64_t kLongEnoughNs = 3'000'000;
  std::vector<double> rates;
  while (rates.size() < kTries) {
    absl::StatusOr<int64_t> took = run_all(count);
    if (!took.ok()) return took.status();
    if (*took < kLongEnoughNs && count < most) {
      count *= 2;
    } else {
      rates.push_back(static_cast<double>(count) * 1e9 / static_cast<double>(*took));
    }
  }
  std::nth_element(rates.begin(), rates.begin() + kTries / 2, rates.end());
  return rates[kTries / 2];
}

// A fixture that measures in parts, each of which draws arrivals of its own.
class OpenLoop : public Fixture {
 public:
  absl::Status Run(int64_t operations, Meter& meter) override;
  void SetRate(double capacity, double per_second) {
    capacity_ = capacity;
    per_second_ = per_second;
  }

 protected:
  static constexpr int64_t kMostSamples = 1 << 18;

  // Does `operations` of at most kMostSamples, and leaves the latency of each in samples_. Returns the nanoseconds from
  // when the first may be due to the end of the last.
  virtual absl::StatusOr<int64_t> RunPart(int64_t operations, double per_second, uint64_t seed) = 0;

  // Measures the capacity, all due at once, and sets the rate to `load` percent of it.
  absl::Status SetLoad(int64_t first, int load);

  std::vector<int64_t> samples_ = std::vector<int64_t>(kMostSamples);  // Touched before anything is timed.

 private:
  double capacity_ = 0;
  double per_second_ = 0;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_OPEN_LOOP_H_
