#include "bench/harness/granularity.h"

namespace regatta::bench {
namespace {

// Where the line from (x0, y0) to (x1, y1) has height y; y0 < y <= y1.
double Crossing(double x0, double y0, double x1, double y1, double y) { return x0 + (x1 - x0) * (y - y0) / (y1 - y0); }

}  // namespace

double GrainNs(const SweepPoint& point) { return point.serial_ns / point.tasks; }

double SpeedUp(const SweepPoint& point) { return point.serial_ns / point.system_ns; }

double Efficiency(const SweepPoint& point, int processors) { return SpeedUp(point) / processors; }

double GranularityNs(const SweepPoint& point, int processors) { return point.system_ns * processors / point.tasks; }

std::optional<double> BreakEvenNs(std::span<const SweepPoint> sweep) {
  if (sweep.empty() || SpeedUp(sweep.back()) < 1) return std::nullopt;
  // From the large grains down to the last that loses: a lucky small one doesn't count.
  for (size_t i = sweep.size(); i-- > 0;) {
    if (SpeedUp(sweep[i]) >= 1) continue;
    return Crossing(GrainNs(sweep[i]), SpeedUp(sweep[i]), GrainNs(sweep[i + 1]), SpeedUp(sweep[i + 1]), 1);
  }
  return GrainNs(sweep.front());
}

std::optional<double> MetgNs(std::span<const SweepPoint> sweep, double q, int processors) {
  for (size_t i = 0; i < sweep.size(); ++i) {
    const double efficiency = Efficiency(sweep[i], processors);
    if (efficiency < q) continue;
    if (i == 0) return GranularityNs(sweep[i], processors);
    return Crossing(GranularityNs(sweep[i - 1], processors), Efficiency(sweep[i - 1], processors),
                    GranularityNs(sweep[i], processors), efficiency, q);
  }
  return std::nullopt;
}

}  // namespace regatta::bench
