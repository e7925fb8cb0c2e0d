#include "reports/statistics/ratio.h"

#include <algorithm>
#include <cmath>
#include <set>

namespace regatta::reports {
namespace {

int CountInvocations(const Sample& sample) {
  std::set<int> invocations;
  for (const auto& [id, value] : sample) invocations.insert(id.invocation);
  return static_cast<int>(invocations.size());
}

}  // namespace

Sample LogRatios(const Sample& numerator, const Sample& denominator) {
  Sample ratios;
  for (const auto& [id, value] : numerator) {
    const auto other = denominator.find(id);
    if (other == denominator.end() || value <= 0 || other->second <= 0) continue;
    ratios[id] = std::log(value / other->second);
  }
  return ratios;
}

std::vector<BlockId> BlocksOf(const Sample& sample) {
  std::vector<BlockId> blocks;
  blocks.reserve(sample.size());
  for (const auto& [id, value] : sample) blocks.push_back(id);
  return blocks;
}

Estimate EstimateRatio(const Sample& log_ratios, const BootstrapOptions& options) {
  Estimate estimate = EstimateMedian(log_ratios, options);
  if (!estimate.measured()) return estimate;
  estimate.value = std::exp(estimate.value);
  estimate.interval = {std::exp(estimate.interval.low), std::exp(estimate.interval.high)};
  const auto won =
      std::count_if(log_ratios.begin(), log_ratios.end(), [](const auto& entry) { return entry.second > 0; });
  estimate.won = static_cast<double>(won) / static_cast<double>(log_ratios.size());
  return estimate;
}

Estimate EstimateMedian(const Sample& figures, const BootstrapOptions& options) {
  Estimate estimate;
  if (figures.empty()) return estimate;
  const std::vector<BlockId> blocks = BlocksOf(figures);
  const auto median = [&](const Draw& draw) { return DrawnMedian(figures, draw); };
  estimate.value = median(Everything(blocks));
  estimate.interval = BootstrapInterval(blocks, options, median);
  estimate.blocks = static_cast<int>(blocks.size());
  estimate.invocations = CountInvocations(figures);
  return estimate;
}

std::string_view VerdictName(Verdict verdict) {
  switch (verdict) {
    case Verdict::kFaster:
      return "faster";
    case Verdict::kSlower:
      return "slower";
    case Verdict::kEquivalent:
      return "equivalent";
    case Verdict::kInconclusive:
      return "inconclusive";
    case Verdict::kUntrusted:
      return "untrusted";
    case Verdict::kIndicative:
      return "indicative";
  }
  return "unknown";
}

Verdict Judge(const Estimate& speed_up, bool trusted) {
  if (!trusted) return Verdict::kUntrusted;
  if (speed_up.invocations < 2) return Verdict::kIndicative;
  if (speed_up.interval.low >= 1 / 1.05 && speed_up.interval.high <= 1.05) return Verdict::kEquivalent;
  if (speed_up.interval.low > 1) return Verdict::kFaster;
  if (speed_up.interval.high < 1) return Verdict::kSlower;
  return Verdict::kInconclusive;
}

double NoiseFloor(const Estimate& a_to_a) {
  const double stray = std::max(std::abs(std::log(a_to_a.interval.low)), std::abs(std::log(a_to_a.interval.high)));
  return std::exp(stray) - 1;
}

}  // namespace regatta::reports
