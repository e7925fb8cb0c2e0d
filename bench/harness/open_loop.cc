#include "bench/harness/open_loop.h"

#include <cmath>

namespace regatta::bench {
namespace {

// splitmix64: the standard library's distributions differ between implementations.
uint64_t NextRandom(uint64_t& state) {
  uint64_t z = (state += 0x9e3779b97f4a7c15);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
  z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
  return z ^ (z >> 31);
}

}  // namespace

std::vector<int64_t> PoissonArrivals(uint64_t seed, double per_second, size_t count) {
  std::vector<int64_t> arrivals(count, 0);
  if (per_second <= 0) return arrivals;
  uint64_t state = seed;
  double at = 0;
  for (int64_t& arrival : arrivals) {
    // Evenly in (0, 1], from the upper 53 bits; its logarithm makes the gap an exponential one.
    const double even = (static_cast<double>(NextRandom(state) >> 11) + 1) * 0x1p-53;
    at -= std::log(even) * 1e9 / per_second;
    arrival = static_cast<int64_t>(at);
  }
  return arrivals;
}

}  // namespace regatta::bench
