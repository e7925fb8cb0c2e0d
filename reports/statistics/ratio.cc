#include "reports/statistics/ratio.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "reports/statistics/significance.h"

namespace regatta::reports {
namespace {

constexpr double kConfidence = 0.95;
// The share of wrong ones among all claims.
constexpr double kRate = 1 - kConfidence;

// The median with its percentile interval, not widened.
Estimate RawMedian(const Sample& figures, const BootstrapOptions& options) {
  Estimate estimate;
  if (figures.empty()) return estimate;
  const std::vector<BlockId> blocks = BlocksOf(figures);
  const auto median = [&](const Draw& draw) { return DrawnMedian(figures, draw); };
  estimate.value = median(Everything(blocks));
  estimate.interval = BootstrapInterval(blocks, options, median);
  estimate.blocks = static_cast<int>(blocks.size());
  estimate.invocations = CountInvocations(blocks);
  return estimate;
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
  Estimate estimate = RawMedian(log_ratios, options);
  if (!estimate.measured()) return estimate;
  const Interval interval =
      Widened(estimate.value, estimate.interval, Widening(estimate.invocations, options.confidence));
  estimate.value = std::exp(estimate.value);
  estimate.interval = {std::exp(interval.low), std::exp(interval.high)};
  const auto won =
      std::count_if(log_ratios.begin(), log_ratios.end(), [](const auto& entry) { return entry.second > 0; });
  estimate.won = static_cast<double>(won) / static_cast<double>(log_ratios.size());
  return estimate;
}

Estimate EstimateMedian(const Sample& figures, const BootstrapOptions& options) {
  Estimate estimate = RawMedian(figures, options);
  if (!estimate.measured()) return estimate;
  const double widening = Widening(estimate.invocations, options.confidence);
  if (estimate.interval.low > 0) {
    const Interval& raw = estimate.interval;
    const Interval logs = Widened(std::log(estimate.value), {std::log(raw.low), std::log(raw.high)}, widening);
    estimate.interval = {std::exp(logs.low), std::exp(logs.high)};
  } else {
    estimate.interval = Widened(estimate.value, estimate.interval, widening);
  }
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

double PValue(const Estimate& speed_up, double ratio) {
  if (speed_up.invocations < 2) return 1;
  const double away = std::log(ratio) - std::log(speed_up.value);
  if (away == 0) return 1;
  const double end = away > 0 ? speed_up.interval.high : speed_up.interval.low;
  const double degrees = speed_up.invocations - 1;
  const double reach = std::abs(std::log(end) - std::log(speed_up.value));
  const double t = std::abs(away) / reach * StudentQuantile((1 - kConfidence) / 2, degrees);  // Infinite: no spread.
  return 2 * StudentTail(t, degrees);
}

Claims ClaimsOf(const Estimate& speed_up) {
  Claims claims;
  claims.differs = PValue(speed_up, 1);
  claims.faster = speed_up.value > 1;
  const bool within = speed_up.value > 1 / kEquivalent && speed_up.value < kEquivalent;
  // Shown to be apart from both borders.
  claims.equivalent = within ? std::max(PValue(speed_up, 1 / kEquivalent), PValue(speed_up, kEquivalent)) : 1;
  return claims;
}

std::vector<Verdict> JudgeClaims(const std::vector<Claims>& claims) {
  std::vector<double> differences;
  std::vector<double> equivalences;
  for (const Claims& one : claims) {
    differences.push_back(one.differs);
    equivalences.push_back(one.equivalent);
  }
  const std::vector<bool> differs = BenjaminiHochberg(differences, kRate);
  const std::vector<bool> equivalent = BenjaminiHochberg(equivalences, kRate);
  std::vector<Verdict> verdicts;
  for (size_t i = 0; i < claims.size(); ++i) {
    verdicts.push_back(equivalent[i]      ? Verdict::kEquivalent
                       : !differs[i]      ? Verdict::kInconclusive
                       : claims[i].faster ? Verdict::kFaster
                                          : Verdict::kSlower);
  }
  return verdicts;
}

std::vector<Verdict> Judge(const std::vector<Estimate>& speed_ups, const std::vector<bool>& trusted) {
  constexpr double kUntested = std::numeric_limits<double>::quiet_NaN();
  std::vector<Claims> claims;
  for (size_t i = 0; i < speed_ups.size(); ++i) {
    const bool judged = trusted[i] && speed_ups[i].invocations >= 2;
    claims.push_back(judged ? ClaimsOf(speed_ups[i]) : Claims{kUntested, kUntested, false});
  }
  std::vector<Verdict> verdicts = JudgeClaims(claims);
  for (size_t i = 0; i < speed_ups.size(); ++i) {
    if (!trusted[i]) {
      verdicts[i] = Verdict::kUntrusted;
    } else if (speed_ups[i].invocations < 2) {
      verdicts[i] = Verdict::kIndicative;
    }
  }
  return verdicts;
}

double NoiseFloor(const Estimate& a_to_a) {
  const double stray = std::max(std::abs(std::log(a_to_a.interval.low)), std::abs(std::log(a_to_a.interval.high)));
  return std::exp(stray) - 1;
}

}  // namespace regatta::reports
