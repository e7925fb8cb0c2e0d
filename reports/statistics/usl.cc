#include "reports/statistics/usl.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <set>
#include <utility>

namespace regatta::reports {
namespace {

constexpr size_t kTerms = 3;
using Terms = std::array<double, kTerms>;

// What 1 / gain, contention / gain and coherency / gain are multiplied with, so that together they make 1 at a point on
// the curve.
Terms TermsOf(const ScalingPoint& point) {
  const double n = point.workers;
  const double scale = point.speed_up / n;
  return {scale, scale * (n - 1), scale * n * (n - 1)};
}

// The least-squares solution with only the terms in `used` (the others are 0), by the normal equations; false: there is
// none.
bool Solve(const std::vector<ScalingPoint>& points, const std::array<bool, kTerms>& used, Terms& solution) {
  std::array<std::array<double, kTerms + 1>, kTerms> rows = {};
  for (const ScalingPoint& point : points) {
    const Terms terms = TermsOf(point);
    for (size_t i = 0; i < kTerms; ++i) {
      for (size_t j = 0; j < kTerms; ++j) rows[i][j] += used[i] && used[j] ? terms[i] * terms[j] : 0;
      rows[i][kTerms] += used[i] ? terms[i] : 0;
    }
  }
  for (size_t i = 0; i < kTerms; ++i) {
    if (!used[i]) rows[i][i] = 1;  // and so comes out as 0
  }
  for (size_t pivot = 0; pivot < kTerms; ++pivot) {
    size_t best = pivot;
    for (size_t i = pivot + 1; i < kTerms; ++i) {
      if (std::abs(rows[i][pivot]) > std::abs(rows[best][pivot])) best = i;
    }
    std::swap(rows[pivot], rows[best]);
    if (std::abs(rows[pivot][pivot]) < 1e-12) return false;
    for (size_t i = 0; i < kTerms; ++i) {
      if (i == pivot) continue;
      const double factor = rows[i][pivot] / rows[pivot][pivot];
      for (size_t j = pivot; j <= kTerms; ++j) rows[i][j] -= factor * rows[pivot][j];
    }
  }
  for (size_t i = 0; i < kTerms; ++i) solution[i] = rows[i][kTerms] / rows[i][i];
  return true;
}

double Error(const std::vector<ScalingPoint>& points, const Terms& solution) {
  double sum = 0;
  for (const ScalingPoint& point : points) {
    const Terms terms = TermsOf(point);
    double residual = -1;
    for (size_t i = 0; i < kTerms; ++i) residual += terms[i] * solution[i];
    sum += residual * residual;
  }
  return sum;
}

}  // namespace

double UslFit::At(double workers) const {
  return gain * workers / (1 + contention * (workers - 1) + coherency * workers * (workers - 1));
}

double UslFit::Peak() const {
  if (coherency <= 0) return std::numeric_limits<double>::infinity();
  return contention >= 1 ? 1 : std::max(1.0, std::sqrt((1 - contention) / coherency));
}

std::optional<UslFit> FitUsl(const std::vector<ScalingPoint>& points) {
  std::set<double> counts;
  for (const ScalingPoint& point : points) {
    if (point.workers < 1 || !(point.speed_up > 0) || !std::isfinite(point.speed_up)) return std::nullopt;
    counts.insert(point.workers);
  }
  if (counts.size() < kFewestUslCounts) return std::nullopt;
  // Neither share may be below 0: of the fits with and without each, the best that keeps to that.
  std::optional<Terms> best;
  for (const std::array<bool, kTerms>& used : {std::array{true, true, true}, std::array{true, true, false},
                                               std::array{true, false, true}, std::array{true, false, false}}) {
    Terms solution;
    if (!Solve(points, used, solution) || solution[0] <= 0 || solution[1] < 0 || solution[2] < 0) continue;
    if (!best || Error(points, solution) < Error(points, *best)) best = solution;
  }
  if (!best) return std::nullopt;
  UslFit fit = {.gain = 1 / (*best)[0], .contention = (*best)[1] / (*best)[0], .coherency = (*best)[2] / (*best)[0]};
  for (const ScalingPoint& point : points) {
    fit.worst_off = std::max(fit.worst_off, std::abs(fit.At(point.workers) / point.speed_up - 1));
  }
  return fit;
}

}  // namespace regatta::reports
