// Welch: two independent sets of figures, of different spread, compared by their means (Welch 1947). For figures of
// different runs, which share no blocks: there the unit is the invocation.

#ifndef REGATTA_REPORTS_STATISTICS_WELCH_H_
#define REGATTA_REPORTS_STATISTICS_WELCH_H_

#include <vector>

namespace regatta::reports {

// The difference of two means, mean(b) - mean(a).
struct MeanDifference {
  double value = 0;
  double error = 0;    // its standard error
  double degrees = 0;  // of freedom, by Welch and Satterthwaite

  // The distance from `value` to either end of an interval of this confidence.
  double HalfWidth(double confidence) const;
  // The chance, both sides together, of a difference as far from `null` if that were the true one.
  double PValue(double null) const;
};

// Both hold at least two figures.
MeanDifference CompareMeans(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_STATISTICS_WELCH_H_
