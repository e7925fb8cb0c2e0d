#include "reports/statistics/tail.h"

#include <cmath>

namespace regatta::reports {

double Samples(const std::map<double, double>& counts) {
  double samples = 0;
  for (const auto& [value, count] : counts) samples += count;
  return samples;
}

std::optional<double> TailQuantile(const std::map<double, double>& counts, double q) {
  const double samples = Samples(counts);
  // The small slack keeps 10 / (1 - 0.999) from being a hair above 10,000.
  if (samples * (1 - q) < 10 - 1e-6) return std::nullopt;
  const double rank = std::ceil(q * samples - 1e-6);
  double seen = 0;
  for (const auto& [value, count] : counts) {
    seen += count;
    if (seen >= rank) return value;
  }
  return std::nullopt;
}

}  // namespace regatta::reports
