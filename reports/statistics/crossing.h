// Crossing: from which task size on a pool is worth it, read off a speed-up curve.
//
// Break-even is where the speed-up crosses 1; METG(50), the minimum effective task granularity of Task Bench, is where
// it crosses half the processors used (the submitter's included). Between measured points the curve is taken as a
// straight line over the log of the size. Only the last upward crossing counts: a point from which on all larger sizes
// hold.

#ifndef REGATTA_REPORTS_STATISTICS_CROSSING_H_
#define REGATTA_REPORTS_STATISTICS_CROSSING_H_

#include <vector>

#include "reports/statistics/bootstrap.h"

namespace regatta::reports {

struct CurvePoint {
  double size = 0;  // of one task, above zero
  double value = 0;
};

// The size from which on `value` is at least `threshold`, for points in any order.
// 0: already at the smallest point. Infinity: not at the largest point. NaN: no points.
double Crossing(std::vector<CurvePoint> points, double threshold);

// A curve whose points were measured in blocks: at each point, block by block, the size of a task and the log speed-up.
struct MeasuredPoint {
  Sample size;
  Sample log_speed_up;
};

struct CrossingEstimate {
  double value = 0;   // as Crossing says: 0 and infinity mean outside what was measured
  Interval interval;  // its ends likewise
  double smallest = 0;
  double largest = 0;
};

// The crossing of `threshold` with a bootstrap interval; in a resample all points see the same draw.
CrossingEstimate EstimateCrossing(const std::vector<MeasuredPoint>& points, double threshold,
                                  const BootstrapOptions& options);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_STATISTICS_CROSSING_H_
