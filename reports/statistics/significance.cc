#include "reports/statistics/significance.h"

#include <algorithm>
#include <boost/math/distributions/students_t.hpp>
#include <cmath>

namespace regatta::reports {

using boost::math::complement;
using boost::math::students_t;

double StudentTail(double t, double degrees) { return cdf(complement(students_t(degrees), t)); }

double StudentQuantile(double tail, double degrees) { return quantile(complement(students_t(degrees), tail)); }

std::vector<bool> BenjaminiHochberg(const std::vector<double>& p_values, double rate) {
  std::vector<double> sorted;
  for (const double p : p_values) {
    if (!std::isnan(p)) sorted.push_back(p);
  }
  std::sort(sorted.begin(), sorted.end());
  double last = -1;  // The largest p that is rejected; with it all that are as small.
  for (size_t k = 1; k <= sorted.size(); ++k) {
    if (sorted[k - 1] <= rate * static_cast<double>(k) / static_cast<double>(sorted.size())) last = sorted[k - 1];
  }
  std::vector<bool> rejected;
  rejected.reserve(p_values.size());
  for (const double p : p_values) rejected.push_back(p <= last);
  return rejected;
}

}  // namespace regatta::reports
