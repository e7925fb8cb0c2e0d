// Tail: quantiles of latencies that were counted, of all blocks together.

#ifndef REGATTA_REPORTS_STATISTICS_TAIL_H_
#define REGATTA_REPORTS_STATISTICS_TAIL_H_

#include <map>
#include <optional>

namespace regatta::reports {

// How many were counted in all. `counts`: value -> how often.
double Samples(const std::map<double, double>& counts);

// The smallest value with at least a share q of all at or below it. None with fewer than 10 / (1 - q) samples: such a
// quantile would be the luck of a few. 0 <= q < 1.
std::optional<double> TailQuantile(const std::map<double, double>& counts, double q);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_STATISTICS_TAIL_H_
