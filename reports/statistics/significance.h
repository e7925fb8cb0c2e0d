// Significance: how likely a figure as far off is by chance alone, and what may be claimed when many are looked at at
// once.

#ifndef REGATTA_REPORTS_STATISTICS_SIGNIFICANCE_H_
#define REGATTA_REPORTS_STATISTICS_SIGNIFICANCE_H_

#include <vector>

namespace regatta::reports {

// The chance that Student's t with so many degrees of freedom (above 0, whole or not) exceeds `t`.
double StudentTail(double t, double degrees);

// The t that is exceeded with chance `tail` (above 0, at most 0.5).
double StudentQuantile(double tail, double degrees);

// Which of the hypotheses with these p-values are rejected so that of all rejections a share of at most `rate` is
// expected to be wrong (Benjamini and Hochberg 1995): in order of rising p, all up to the last k with p(k) <= rate * k
// / m. A p-value that is NaN is of no hypothesis: never rejected, and not counted.
std::vector<bool> BenjaminiHochberg(const std::vector<double>& p_values, double rate);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_STATISTICS_SIGNIFICANCE_H_
