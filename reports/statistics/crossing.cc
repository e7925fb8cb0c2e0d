#include "reports/statistics/crossing.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "reports/statistics/ratio.h"

namespace regatta::reports {

double Crossing(std::vector<CurvePoint> points, double threshold) {
  if (points.empty()) return std::numeric_limits<double>::quiet_NaN();
  std::sort(points.begin(), points.end(), [](const CurvePoint& a, const CurvePoint& b) { return a.size < b.size; });
  if (points.back().value < threshold) return std::numeric_limits<double>::infinity();
  size_t first = points.size() - 1;
  while (first > 0 && points[first - 1].value >= threshold) --first;
  if (first == 0) return 0;
  const CurvePoint& below = points[first - 1];
  const CurvePoint& above = points[first];
  const double part = (threshold - below.value) / (above.value - below.value);
  return below.size * std::pow(above.size / below.size, part);
}

CrossingEstimate EstimateCrossing(const std::vector<MeasuredPoint>& points, double threshold,
                                  const BootstrapOptions& options) {
  std::vector<BlockId> blocks;
  for (const MeasuredPoint& point : points) {
    const std::vector<BlockId> own = BlocksOf(point.log_speed_up);
    blocks.insert(blocks.end(), own.begin(), own.end());
  }
  const auto curve = [&](const Draw& draw) {
    std::vector<CurvePoint> drawn;
    for (const MeasuredPoint& point : points) {
      const double size = DrawnMedian(point.size, draw);
      const double speed_up = std::exp(DrawnMedian(point.log_speed_up, draw));
      if (size > 0 && !std::isnan(speed_up)) drawn.push_back({size, speed_up});
    }
    return drawn;
  };
  const std::vector<CurvePoint> measured = curve(Everything(blocks));
  CrossingEstimate estimate;
  estimate.value = Crossing(measured, threshold);
  // Sizes are compared by ratio: the log of a crossing outside what was measured is infinite, and is left so.
  const Interval logs = Widened(
      std::log(estimate.value),
      BootstrapInterval(blocks, options, [&](const Draw& draw) { return std::log(Crossing(curve(draw), threshold)); }),
      Widening(CountInvocations(blocks), options.confidence));
  estimate.interval = {std::exp(logs.low), std::exp(logs.high)};
  if (!measured.empty()) {
    const auto [smallest, largest] = std::minmax_element(
        measured.begin(), measured.end(), [](const CurvePoint& a, const CurvePoint& b) { return a.size < b.size; });
    estimate.smallest = smallest->size;
    estimate.largest = largest->size;
  }
  return estimate;
}

}  // namespace regatta::reports
