#include "reports/sections/analysis.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"
#include "reports/sections/names.h"

namespace regatta::reports {
namespace {

constexpr int kFewBlocks = 5;
constexpr double kLine = 64;
// What a round trip takes besides the way of its lines: the clock is read, the message written and looked at.
constexpr double kRingsOwnNs = 60;

// The cache line's own round trip beside a record.
std::optional<double> Cacheline(const Record& record) {
  const auto& [before, after] = record.cacheline_ns;
  if (before && after) return (*before + *after) / 2;
  return before ? before : after;
}

}  // namespace

std::map<std::string, std::vector<double>> CachelineByState(const Results& results) {
  std::map<std::string, std::vector<double>> states;
  for (const Invocation& invocation : results.invocations) {
    for (const Record& record : invocation.records) {
      if (record.machine_state != "near" && record.machine_state != "far") continue;
      for (const auto& cacheline : {record.cacheline_ns.before, record.cacheline_ns.after}) {
        if (cacheline) states[record.machine_state].push_back(*cacheline);
      }
    }
  }
  return states;
}

Analysis::Analysis(const Results& results) : view_(results) {
  bootstrap_.seed = results.seed;
  indicative_ = results.quick || view_.repeats() < 2;
  distrust_ = view_.screening().distrust();
  CompareIdenticalArms();
  CompareRingWithCacheline();
}

std::string Analysis::RangeName() const {
  return view_.repeats() < 2 && view_.FewestAndMostBlocks().second <= kFewBlocks
             ? "from the lowest to the highest block"
             : "95 % intervals";
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
  if (!a_to_a_.measured() || a_to_a_.blocks < kPairsToJudge) return;
  if (a_to_a_.interval.low > 1 || a_to_a_.interval.high < 1) {
    distrust_.push_back(absl::StrCat("two identical arms differ: ", Show(a_to_a_, Unit::kTimes, 4).Plain()));
  }
}

void Analysis::CompareRingWithCacheline() {
  // The smallest message, which is nearest to what a line's own way takes.
  const ArmInfo* ring = nullptr;
  const auto bytes = [](const ArmInfo& arm) { return FieldNumber(arm, "bytes", 0); };
  for (const ArmInfo& arm : view_.arms()) {
    if (RowOf(arm) != &bench::Row("queue_round_trip") || arm.system != "ring" || arm.Field("placement") == "same_cpu")
      continue;
    if (!view_.States(arm.key).empty() && (ring == nullptr || bytes(arm) < bytes(*ring))) ring = &arm;
  }
  if (ring == nullptr) return;
  // A message travels with its number, in as many lines as the two need: each may take its way.
  const double lines = std::ceil((bytes(*ring) + 8) / kLine);
  for (const std::string& state : view_.States(ring->key)) {
    const Estimate ratio = EstimateRatio(
        LogRatios(view_.Figures(ring->key, Counter("p50_ns"), state), view_.Figures(ring->key, Cacheline, state)),
        bootstrap_);
    if (!ratio.measured()) continue;
    if (!ring_to_cacheline_.measured() || ratio.blocks > ring_to_cacheline_.blocks) ring_to_cacheline_ = ratio;
    const auto allowed = [&](const Record& record) -> std::optional<double> {
      const std::optional<double> line = Cacheline(record);
      return line ? std::optional(2 * lines * *line + kRingsOwnNs) : std::nullopt;
    };
    ring_limit_ = absl::StrCat(Format(2 * lines, Unit::kTimes, 1), " and ", Format(kRingsOwnNs, Unit::kNanoseconds, 2));
    const Sample over =
        LogRatios(view_.Figures(ring->key, Counter("p50_ns"), state), view_.Figures(ring->key, allowed, state));
    if (EstimateRatio(over, bootstrap_).value > 1) {
      ring_within_limit_ = false;
      distrust_.push_back(absl::StrCat("the bare ring, which is the limit, took ", Format(ratio.value, Unit::kTimes, 2),
                                       " the round trip of a cache line measured beside it (", state,
                                       " state), where at most ", ring_limit_, " was expected"));
    }
  }
}

Estimate Analysis::Value(const std::string& key, const Metric& metric, const std::string& state) const {
  return EstimateMedian(view_.Figures(key, metric, state), bootstrap_);
}

Estimate Analysis::Ratio(const std::string& numerator, const std::string& denominator, const Metric& metric,
                         const std::string& state) const {
  return EstimateRatio(LogRatios(view_.Figures(numerator, metric, state), view_.Figures(denominator, metric, state)),
                       bootstrap_);
}

std::vector<Verdict> Analysis::JudgeSpeedUps(const std::vector<Estimate>& speed_ups) const {
  if (indicative_) return std::vector(speed_ups.size(), distrust_.empty() ? Verdict::kIndicative : Verdict::kUntrusted);
  return Judge(speed_ups, std::vector(speed_ups.size(), distrust_.empty()));
}

std::vector<std::string> StatesOf(const Analysis& analysis, const std::vector<const ArmInfo*>& arms) {
  std::map<std::string, int> counts;
  for (const ArmInfo* arm : arms) {
    for (const std::string& state : analysis.view().States(arm->key)) ++counts[state];
  }
  if (counts.size() > 1) counts.erase("");  // work without a state is shown in each
  if (counts.empty()) counts[""] = 0;
  std::vector<std::string> states;
  for (const auto& [state, count] : counts) states.push_back(state);
  std::stable_sort(states.begin(), states.end(),
                   [&](const std::string& a, const std::string& b) { return counts[a] > counts[b]; });
  return states;
}

Text Show(const Estimate& estimate, Unit unit, int digits) {
  if (!estimate.measured()) return "–";
  // One block says nothing of how blocks differ.
  const bool alone = estimate.blocks < 2;
  // "1/254" rather than "0.00394×".
  if (unit == Unit::kTimes && estimate.value > 0 && estimate.value < 0.1) {
    const auto part = [&](double value) { return absl::StrCat("1/", Format(std::round(1 / value), Unit::kNumber)); };
    if (alone) return part(estimate.value);
    return Text(part(estimate.value))
        .Range(absl::StrCat(part(estimate.interval.low), " to ", part(estimate.interval.high)));
  }
  if (alone) return Format(estimate.value, unit, digits);
  return Text(Format(estimate.value, unit, digits))
      .Range(FormatRange(estimate.interval.low, estimate.interval.high, unit, digits));
}

}  // namespace regatta::reports
