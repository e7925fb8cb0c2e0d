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

}  // namespace regatta::bench
