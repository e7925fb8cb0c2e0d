#include "bench/harness/open_loop.h"

#include <cmath>
#include <random>

namespace regatta::bench {

std::vector<int64_t> PoissonArrivals(uint64_t seed, double per_second, size_t count) {
  std::vector<int64_t> arrivals(count, 0);
  if (per_second <= 0) return arrivals;
  std::mt19937_64 random(seed);  // The same everywhere; the standard library's distributions are not.
  double at = 0;
  for (int64_t& arrival : arrivals) {
    // Evenly in (0, 1], from the upper 53 bits; its logarithm makes the gap an exponential one.
    const double even = (static_cast<double>(random() >> 11) + 1) * 0x1p-53;
    at -= std::log(even) * 1e9 / per_second;
    arrival = static_cast<int64_t>(at);
  }
  return arrivals;
}

absl::Status OpenLoop::Run(int64_t operations, Meter& meter) {
  uint64_t seed = meter.seed();
  for (int64_t done = 0; done < operations; ++seed) {
    const int64_t part = std::min(operations - done, kMostSamples);
    meter.Begin();
    absl::StatusOr<int64_t> took = RunPart(part, per_second_, seed);
    if (!took.ok()) return took.status();
    meter.Measured(*took);
    meter.End(part);
    meter.AddLatencies(std::span(samples_).first(part));
    done += part;
  }
  meter.SetCounter("capacity_per_second", capacity_);
  meter.SetCounter("offered_per_second", per_second_);
  return absl::OkStatus();
}

absl::Status OpenLoop::SetLoad(int64_t first, int load) {
  const absl::StatusOr<double> capacity =
      MeasureCapacity(first, kMostSamples, [this](int64_t count) { return RunPart(count, 0, 1); });
  if (capacity.ok()) SetRate(*capacity, *capacity * load / 100);
  return capacity.status();
}

}  // namespace regatta::bench
