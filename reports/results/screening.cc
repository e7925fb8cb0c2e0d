#include "reports/results/screening.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"
#include "reports/results/rows.h"
#include "reports/statistics/bootstrap.h"

namespace regatta::reports {
namespace {

bool Usable(const Record& record) { return record.ok() && record.verified; }

// What fixed work takes on this machine when nothing disturbs it; 0 where no sentinel ran.
double QuietSentinel(const Results& results) {
  std::vector<double> sentinels;
  for (const Invocation& invocation : results.invocations) {
    for (const Record& record : invocation.records) {
      for (const auto& sentinel : {record.sentinel_ns.before, record.sentinel_ns.after}) {
        if (sentinel) sentinels.push_back(*sentinel);
      }
    }
  }
  return sentinels.empty() ? 0 : Quantile(sentinels, 0.25);
}

// A migration says something only of work that was to stay where it was put.
bool Pinned(const ArmInfo* arm) {
  if (arm == nullptr) return false;
  const std::string placement = arm->Field("placement");
  return !placement.empty() && placement != "unpinned";
}

const ArmInfo* FindArm(const Invocation& invocation, const std::string& key) {
  for (const ArmInfo& arm : invocation.arms) {
    if (arm.key == key) return &arm;
  }
  return nullptr;
}

std::vector<std::string> Causes(const Record& record, const ArmInfo* arm, double quiet, const ScreeningLimits& limits) {
  std::vector<std::string> causes;
  const auto over = [](double limit) { return absl::StrCat(" (over ", FormatPlain(limit, Unit::kShare), ")"); };
  if (record.noise.steal_share.value_or(0) > limits.steal_share) {
    causes.push_back(absl::StrCat("processor time taken by the host", over(limits.steal_share)));
  }
  if (record.noise.foreign_cpu_share.value_or(0) > limits.foreign_cpu_share) {
    causes.push_back(absl::StrCat("other programs on our processors", over(limits.foreign_cpu_share)));
  }
  for (const auto& sentinel : {record.sentinel_ns.before, record.sentinel_ns.after}) {
    if (sentinel && quiet > 0 && std::abs(*sentinel / quiet - 1) > limits.sentinel_off) {
      causes.push_back(absl::StrCat("fixed work beside it ran at another speed", over(limits.sentinel_off)));
      break;
    }
  }
  if (Pinned(arm) && record.noise.migrations.value_or(0) > 0) causes.push_back("a pinned task migrated");
  if (record.noise.major_faults.value_or(0) > 0) causes.push_back("pages came from disk");
  if (record.noise.throttled.value_or(0) > 0) causes.push_back("slowed down for heat or by a quota");
  const bench::Benchmark* row = arm == nullptr ? nullptr : RowOf(*arm);
  const bool waits = row != nullptr && row->waits;
  if (!waits && record.real_ns.value_or(limits.shortest_ns) < limits.shortest_ns) {
    causes.push_back("timed for under a millisecond");
  }
  if (record.machine_state == "mixed") causes.push_back("the machine changed between near and far");
  return causes;
}

}  // namespace

Screening::Screening(const Results& results, const ScreeningLimits& limits) : limits_(limits) {
  const double quiet = QuietSentinel(results);
  for (const Invocation& invocation : results.invocations) {
    for (const Record& record : invocation.records) {
      if (!Usable(record)) continue;
      ++measured_;
      const auto causes = Causes(record, FindArm(invocation, record.key), quiet, limits);
      if (causes.empty()) continue;
      disturbed_.insert(&record);
      for (const std::string& cause : causes) ++causes_[cause];
    }
  }
  if (measured_ > 0 && disturbed() > limits.disturbed_share * measured_) {
    leaves_out_ = false;
    distrust_.push_back(
        absl::StrCat(disturbed(), " of ", measured_, " measurements were disturbed (more than ",
                     Format(limits.disturbed_share, Unit::kShare, 2),
                     "), so none was left out: run it again on a quieter machine, or close what else runs here"));
  }
  if (!results.invocations.empty()) {
    const Context& context = results.invocations.front().context;
    if (!context.optimised) distrust_.push_back("the benchmarks were built without optimisation");
    if (!context.sanitizer.empty()) {
      distrust_.push_back(absl::StrCat("the benchmarks were built with ", context.sanitizer));
    }
  }
}

bool Screening::Keeps(const Record& record) const {
  if (!Usable(record)) return false;
  // Across a change of state there is nothing to compare with, however many records were disturbed.
  if (record.machine_state == "mixed") return false;
  return !leaves_out_ || disturbed_.count(&record) == 0;
}

}  // namespace regatta::reports
