#include "reports/sections/changes.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "reports/charts/quantity.h"
#include "reports/sections/names.h"
#include "reports/statistics/welch.h"

namespace regatta::reports {
namespace {

// By how much the fixed work may differ between the runs: as within one (screening.h).
constexpr double kSentinelOff = 0.10;
constexpr size_t kMostNamed = 12;

std::optional<double> Sentinel(const Record& record) {
  const auto& [before, after] = record.sentinel_ns;
  if (!before || !after || *before <= 0 || *after <= 0) return std::nullopt;
  return (*before + *after) / 2;
}

// How long one operation takes, without a unit: the header says in what.
std::optional<double> RelativeTime(const Record& record) {
  if (!record.sweep.empty()) {
    double sum = 0;
    for (const SweepPoint& point : record.sweep) {
      if (point.serial_ns <= 0 || point.system_ns <= 0) return std::nullopt;
      sum += std::log(point.system_ns / point.serial_ns);
    }
    return std::exp(sum / static_cast<double>(record.sweep.size()));
  }
  const std::optional<double> sentinel = Sentinel(record);
  const auto p50 = record.counters.find("p50_ns");
  const std::optional<double> time =
      p50 != record.counters.end() ? std::optional(p50->second) : TimePerOperation()(record);
  if (!sentinel || !time || *time <= 0) return std::nullopt;
  return *time / *sentinel;
}

// The log of the median of each invocation.
std::vector<double> InvocationMedians(const Sample& sample) {
  std::map<int, std::vector<double>> invocations;
  for (const auto& [id, value] : sample) invocations[id.invocation].push_back(value);
  std::vector<double> logs;
  for (auto& [number, values] : invocations) logs.push_back(std::log(Median(std::move(values))));
  return logs;
}

double QuietSentinel(const Analysis& analysis) {
  std::vector<double> sentinels;
  for (const Invocation& invocation : analysis.view().results().invocations) {
    for (const Record& record : invocation.records) {
      if (const auto sentinel = Sentinel(record)) sentinels.push_back(*sentinel);
    }
  }
  return Median(std::move(sentinels));
}

Change Compare(const Sample& now, const Sample& then) {
  const std::vector<double> after = InvocationMedians(now);
  const std::vector<double> before = InvocationMedians(then);
  Change change;
  change.speed.blocks = static_cast<int>(std::min(now.size(), then.size()));
  change.speed.invocations = static_cast<int>(std::min(after.size(), before.size()));
  if (change.speed.invocations < 2) {
    change.speed.value = std::exp(Median(before) - Median(after));
    change.speed.interval = {change.speed.value, change.speed.value};
    return change;
  }
  const MeanDifference difference = CompareMeans(after, before);
  const double half = difference.HalfWidth(0.95);
  change.speed.value = std::exp(difference.value);
  change.speed.interval = {std::exp(difference.value - half), std::exp(difference.value + half)};
  change.p_value = difference.PValue(0);
  return change;
}

Claims ClaimsOfChange(const Change& change, const Sample& now, const Sample& then) {
  const MeanDifference difference = CompareMeans(InvocationMedians(now), InvocationMedians(then));
  const double border = std::log(kEquivalent);
  Claims claims;
  claims.differs = change.p_value;
  claims.faster = difference.value > 0;
  if (std::abs(difference.value) < border) {
    claims.equivalent = std::max(difference.PValue(-border), difference.PValue(border));
  }
  return claims;
}

std::string Named(const std::vector<std::string>& keys) {
  const size_t shown = std::min(keys.size(), kMostNamed);
  std::string named = absl::StrJoin(keys.begin(), keys.begin() + static_cast<std::ptrdiff_t>(shown), ", ");
  if (keys.size() > shown) absl::StrAppend(&named, " and ", keys.size() - shown, " more");
  return named;
}

Tone ToneOf(Verdict verdict) {
  if (verdict == Verdict::kSlower) return Tone::kBad;
  return verdict == Verdict::kFaster ? Tone::kGood : Tone::kMuted;
}

}  // namespace

int Changes::Count(Verdict verdict) const {
  return static_cast<int>(
      std::count_if(changes.begin(), changes.end(), [&](const Change& change) { return change.verdict == verdict; }));
}

std::string Changes::Sentence() const {
  const std::string run = absl::StrCat("Against the run of ", baseline_utc);
  if (changes.empty()) return absl::StrCat(run, ": no key was measured in both.");
  const std::string keys = Counted(static_cast<long long>(changes.size()), "key", "keys");
  if (indicative)
    return absl::StrCat(run, ": no verdict on ", keys, ", because one of the runs has only one invocation.");
  if (!distrust.empty()) {
    return absl::StrCat(run, ": no verdict on ", keys, " can be trusted: ", distrust.front(), ".");
  }
  std::vector<std::string> counts;
  for (const Verdict verdict : {Verdict::kSlower, Verdict::kFaster, Verdict::kEquivalent, Verdict::kInconclusive,
                                Verdict::kUntrusted, Verdict::kIndicative}) {
    const int count = Count(verdict);
    if (count > 0 || verdict == Verdict::kSlower) counts.push_back(absl::StrCat(count, " ", VerdictName(verdict)));
  }
  return absl::StrCat(run, ": of ", keys, " ", absl::StrJoin(counts, ", "), ".");
}

Changes FindChanges(const Analysis& now, const Analysis& then) {
  Changes found;
  const Results& earlier = then.view().results();
  found.baseline_utc = earlier.created_utc;
  if (found.baseline_utc.empty() && !earlier.invocations.empty()) {
    found.baseline_utc = earlier.invocations.front().context.date_utc;
  }
  found.indicative = now.indicative() || then.indicative();
  for (const auto& [analysis, which] : {std::pair(&now, "this run: "), std::pair(&then, "the earlier run: ")}) {
    for (const std::string& reason : analysis->distrust()) found.distrust.push_back(absl::StrCat(which, reason));
  }
  const double fixed_work = QuietSentinel(now) / QuietSentinel(then);
  if (std::abs(std::log(fixed_work)) > std::log(1 + kSentinelOff)) {
    found.distrust.push_back(absl::StrCat("the same fixed work took ", Format(fixed_work, Unit::kTimes),
                                          " its earlier time, so the machine itself runs at another speed"));
  }

  std::vector<Claims> claims;
  std::set<std::string> known;
  constexpr double kUntested = std::numeric_limits<double>::quiet_NaN();
  for (const ArmInfo& arm : now.view().arms()) {
    const std::vector<std::string> states = now.view().States(arm.key);
    const std::vector<std::string> then_states = then.view().States(arm.key);
    if (states.empty()) continue;
    known.insert(arm.key);
    if (then_states.empty()) found.fresh.push_back(arm.key);
    for (const std::string& state : states) {
      if (std::find(then_states.begin(), then_states.end(), state) == then_states.end()) continue;
      const Sample figures = now.view().Figures(arm.key, RelativeTime, state);
      const Sample then_figures = then.view().Figures(arm.key, RelativeTime, state);
      if (figures.empty() || then_figures.empty()) continue;
      Change change = Compare(figures, then_figures);
      change.key = arm.key;
      change.state = state;
      const bool judged = !found.indicative && found.distrust.empty() && change.speed.invocations >= 2;
      if (!found.distrust.empty()) change.verdict = Verdict::kUntrusted;
      claims.push_back(judged ? ClaimsOfChange(change, figures, then_figures) : Claims{kUntested, kUntested, false});
      found.changes.push_back(std::move(change));
    }
  }
  for (const ArmInfo& arm : then.view().arms()) {
    if (!then.view().States(arm.key).empty() && known.count(arm.key) == 0) found.gone.push_back(arm.key);
  }
  const std::vector<Verdict> verdicts = JudgeClaims(claims);
  for (size_t i = 0; i < claims.size(); ++i) {
    if (!std::isnan(claims[i].differs)) found.changes[i].verdict = verdicts[i];
  }
  const auto rank = [](Verdict verdict) {
    return verdict == Verdict::kSlower ? 0 : verdict == Verdict::kFaster ? 2 : 1;
  };
  std::stable_sort(found.changes.begin(), found.changes.end(), [&](const Change& a, const Change& b) {
    return std::pair(rank(a.verdict), a.speed.value) < std::pair(rank(b.verdict), b.speed.value);
  });
  return found;
}

Section ChangesSection(const Changes& changes) {
  Section section = {"changes", "What changed since the earlier run", {}};
  section.Add(Paragraph{Text().Strong(changes.Sentence())});
  for (const std::string& reason : changes.distrust) {
    section.Add(Callout{Tone::kBad, Text().Strong("Not trusted: ").Say(absl::StrCat(reason, "."))});
  }
  if (changes.other_machine) {
    section.Add(Callout{Tone::kBad,
                        Text("The earlier run is from another machine, so a difference may come from the machine.")});
  }
  Table table = {"", {{"Benchmark"}, {"Speed, then = 1", true}, {"Invocations", true}, {"p", true}, {"Verdict"}}, {}};
  for (const Change& change : changes.changes) {
    Text speed = Show(change.speed, Unit::kTimes);
    if (change.speed.invocations < 2) speed = Format(change.speed.value, Unit::kTimes);
    table.rows.push_back({KeyInState(change.key, change.state), std::move(speed),
                          absl::StrCat(change.speed.invocations),
                          change.speed.invocations < 2 ? "–" : Format(change.p_value, Unit::kNumber, 2),
                          Cell(std::string(VerdictName(change.verdict)), ToneOf(change.verdict))});
  }
  if (!table.rows.empty()) section.Add(std::move(table));
  if (!changes.gone.empty()) {
    section.Add(Paragraph{Text(absl::StrCat("Measured then and not now: ", Named(changes.gone), "."))});
  }
  if (!changes.fresh.empty()) {
    section.Add(Paragraph{Text(absl::StrCat("Measured now and not then: ", Named(changes.fresh), "."))});
  }
  section.Add(
      Paragraph{Text("Two runs share no blocks, so each figure is first divided by the fixed work that was timed "
                     "beside it (a sweep by its serial loop). The blocks of an invocation give one median, and Welch's "
                     "test compares the medians of both runs. The speed is the earlier time divided by this run's: "
                     "above 1, this run is faster. The range is a 95 % interval. At most one in twenty of all verdicts "
                     "is expected to be wrong (Benjamini-Hochberg). What became slower comes first.")});
  return section;
}

}  // namespace regatta::reports
