#include "reports/statistics/bootstrap.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <set>

#include "reports/statistics/significance.h"

namespace regatta::reports {
namespace {

constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();

// A number in [0, bound), evenly, from the top bits of a 64-bit draw: fixed here because the standard leaves
// uniform_int_distribution's mapping open. The bias is below bound / 2^64.
size_t Below(std::mt19937_64& generator, size_t bound) {
  return static_cast<size_t>((static_cast<unsigned __int128>(generator()) * bound) >> 64);
}

// invocation -> comparison -> its blocks, in order: what the two levels draw from.
using Strata = std::map<int, std::map<int, std::vector<BlockId>>>;

Strata Stratify(const std::vector<BlockId>& blocks) {
  Strata strata;
  for (const BlockId& id : std::set<BlockId>(blocks.begin(), blocks.end())) {
    strata[id.invocation][id.comparison].push_back(id);
  }
  return strata;
}

Draw DrawOnce(const std::vector<const std::map<int, std::vector<BlockId>>*>& invocations, std::mt19937_64& generator) {
  Draw draw;
  for (size_t i = 0; i < invocations.size(); ++i) {
    const auto& invocation = *invocations[Below(generator, invocations.size())];
    for (const auto& [comparison, blocks] : invocation) {
      for (size_t j = 0; j < blocks.size(); ++j) ++draw[blocks[Below(generator, blocks.size())]];
    }
  }
  return draw;
}

}  // namespace

double Median(std::vector<double> values) { return Quantile(std::move(values), 0.5); }

double Quantile(std::vector<double> values, double q) {
  if (values.empty()) return kNaN;
  std::sort(values.begin(), values.end());
  const double position = q * static_cast<double>(values.size() - 1);
  const size_t below = static_cast<size_t>(position);
  const size_t above = std::min(below + 1, values.size() - 1);
  const double part = position - static_cast<double>(below);
  if (std::isinf(values[below]) || std::isinf(values[above])) return part < 0.5 ? values[below] : values[above];
  return values[below] + part * (values[above] - values[below]);
}

double DrawnMedian(const Sample& sample, const Draw& draw) {
  std::vector<double> values;
  for (const auto& [id, value] : sample) {
    const auto drawn = draw.find(id);
    if (drawn != draw.end()) values.insert(values.end(), drawn->second, value);
  }
  return Median(std::move(values));
}

Draw Everything(const std::vector<BlockId>& blocks) {
  Draw draw;
  for (const BlockId& id : blocks) draw[id] = 1;
  return draw;
}

double Widening(int invocations, double confidence) {
  if (invocations < 2) return 1;
  constexpr double kManyDegrees = 1e6;  // Where Student's t is the normal distribution.
  const double n = invocations;
  const double tail = (1 - confidence) / 2;
  return StudentQuantile(tail, n - 1) / StudentQuantile(tail, kManyDegrees) * std::sqrt(n / (n - 1));
}

Interval Widened(double value, const Interval& interval, double widening) {
  if (!std::isfinite(value)) return interval;
  return {value - widening * (value - interval.low), value + widening * (interval.high - value)};
}

int CountInvocations(const std::vector<BlockId>& blocks) {
  std::set<int> invocations;
  for (const BlockId& id : blocks) invocations.insert(id.invocation);
  return static_cast<int>(invocations.size());
}

Interval BootstrapInterval(const std::vector<BlockId>& blocks, const BootstrapOptions& options,
                           const std::function<double(const Draw&)>& statistic) {
  const Strata strata = Stratify(blocks);
  if (strata.empty()) return {kNaN, kNaN};
  std::vector<const std::map<int, std::vector<BlockId>>*> invocations;
  for (const auto& [number, comparisons] : strata) invocations.push_back(&comparisons);

  std::mt19937_64 generator(options.seed);
  std::vector<double> statistics;
  statistics.reserve(options.resamples);
  for (int i = 0; i < options.resamples; ++i) {
    const double value = statistic(DrawOnce(invocations, generator));
    if (!std::isnan(value)) statistics.push_back(value);
  }
  const double tail = (1 - options.confidence) / 2;
  return {Quantile(statistics, tail), Quantile(statistics, 1 - tail)};
}

}  // namespace regatta::reports
