#include "reports/sections/analysis.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"

namespace regatta::reports {
namespace {

// The cache line's own round trip beside a record.
std::optional<double> Cacheline(const Record& record) {
  const auto& [before, after] = record.cacheline_ns;
  if (before && after) return (*before + *after) / 2;
  return before ? before : after;
}

}  // namespace

Analysis::Analysis(const View& view) : view_(view) {
  bootstrap_.seed = view.results().seed;
  indicative_ = view.results().quick || view.repeats() < 2;
  distrust_ = view.screening().distrust();
  CompareIdenticalArms();
  CompareRingWithCacheline();
}

void Analysis::CompareIdenticalArms() {
  Sample ratios;
  for (const ArmInfo& again : view_.arms()) {
    if (again.system != "serial_again") continue;
    for (const ArmInfo& serial : view_.arms()) {
      if (serial.system != "serial" || serial.workload != again.workload || serial.fields != again.fields) continue;
      // Workloads measured in the same block count as comparisons of their own.
      for (const auto& [at, ratio] : LogRatios(view_.Figures(serial.key, TimePerOperation(), ""),
                                               view_.Figures(again.key, TimePerOperation(), ""))) {
        BlockId id = at;
        while (ratios.count(id) > 0) ++id.comparison;
        ratios[id] = ratio;
      }
    }
  }
  a_to_a_ = EstimateRatio(ratios, bootstrap_);
  if (!a_to_a_.measured() || a_to_a_.blocks < 5) return;
  if (a_to_a_.interval.low > 1 || a_to_a_.interval.high < 1) {
    distrust_.push_back(absl::StrCat("two identical arms differ: ", Show(a_to_a_, Unit::kTimes, 4).Plain()));
  }
}

void Analysis::CompareRingWithCacheline() {
  for (const ArmInfo& arm : view_.arms()) {
    if (arm.benchmark != "queue_round_trip" || arm.system != "ring" || arm.Field("bytes") != "64" ||
        arm.Field("placement") == "same_cpu") {
      continue;
    }
    for (const std::string& state : view_.States(arm.key)) {
      const Estimate ratio = EstimateRatio(
          LogRatios(view_.Figures(arm.key, Counter("p50_ns"), state), view_.Figures(arm.key, Cacheline, state)),
          bootstrap_);
      if (!ratio.measured()) continue;
      if (!ring_to_cacheline_.measured() || ratio.blocks > ring_to_cacheline_.blocks) ring_to_cacheline_ = ratio;
      if (ratio.value > 2) {
        distrust_.push_back(absl::StrCat("the bare ring, which is the limit, took ",
                                         Format(ratio.value, Unit::kTimes, 2), " its own cache line's round trip (",
                                         state, " state), where at most 2× was expected"));
      }
    }
  }
}

Estimate Analysis::Value(const std::string& key, const Reading& reading, const std::string& state) const {
  return EstimateMedian(view_.Figures(key, reading, state), bootstrap_);
}

Estimate Analysis::Ratio(const std::string& numerator, const std::string& denominator, const Reading& reading,
                         const std::string& state) const {
  return EstimateRatio(LogRatios(view_.Figures(numerator, reading, state), view_.Figures(denominator, reading, state)),
                       bootstrap_);
}

Verdict Analysis::JudgeSpeedUp(const Estimate& speed_up) const {
  if (indicative_) return distrust_.empty() ? Verdict::kIndicative : Verdict::kUntrusted;
  return Judge(speed_up, distrust_.empty());
}

Text Show(const Estimate& estimate, Unit unit, int digits) {
  if (!estimate.measured()) return "–";
  // A ratio far below 1 has no use for a third digit.
  if (unit == Unit::kTimes && estimate.value < 0.1) digits = std::min(digits, 2);
  // One block says nothing of how blocks differ.
  if (estimate.blocks < 2) return Format(estimate.value, unit, digits);
  return Text(Format(estimate.value, unit, digits))
      .Range(FormatRange(estimate.interval.low, estimate.interval.high, unit, digits));
}

}  // namespace regatta::reports
