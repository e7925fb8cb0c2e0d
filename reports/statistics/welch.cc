#include "reports/statistics/welch.h"

#include <cmath>
#include <numeric>

#include "reports/statistics/significance.h"

namespace regatta::reports {
namespace {

struct Moments {
  double mean = 0;
  double error_squared = 0;  // of the mean
  double degrees = 0;
};

Moments MomentsOf(const std::vector<double>& figures) {
  const double n = static_cast<double>(figures.size());
  Moments moments;
  moments.mean = std::accumulate(figures.begin(), figures.end(), 0.0) / n;
  moments.degrees = n - 1;
  for (const double figure : figures) moments.error_squared += (figure - moments.mean) * (figure - moments.mean);
  moments.error_squared /= n * moments.degrees;
  return moments;
}

}  // namespace

double MeanDifference::HalfWidth(double confidence) const {
  return error == 0 ? 0 : StudentQuantile((1 - confidence) / 2, degrees) * error;
}

double MeanDifference::PValue(double null) const {
  const double off = std::abs(value - null);
  if (error == 0) return off == 0 ? 1 : 0;
  return 2 * StudentTail(off / error, degrees);
}

MeanDifference CompareMeans(const std::vector<double>& a, const std::vector<double>& b) {
  const Moments first = MomentsOf(a);
  const Moments second = MomentsOf(b);
  const double both = first.error_squared + second.error_squared;
  MeanDifference difference;
  difference.value = second.mean - first.mean;
  difference.error = std::sqrt(both);
  difference.degrees = both == 0 ? first.degrees + second.degrees
                                 : both * both /
                                       (first.error_squared * first.error_squared / first.degrees +
                                        second.error_squared * second.error_squared / second.degrees);
  return difference;
}

}  // namespace regatta::reports
