#include "reports/results/rows.h"

#include "absl/strings/str_cat.h"
#include "bench/table/arm_pattern.h"

namespace regatta::reports {

const bench::Benchmark* RowOf(const ArmInfo& arm) { return bench::FindRow(RowKey(arm)); }

bool HasView(const ArmInfo& arm, bench::View view) {
  const bench::Benchmark* row = RowOf(arm);
  return row != nullptr && row->view == view;
}

bool Matches(const ArmInfo& arm, std::string_view pattern, int processors) {
  const auto field = [&](std::string_view name) -> std::string_view {
    if (name.empty()) return arm.system;
    const auto found = arm.fields.find(std::string(name));
    return found == arm.fields.end() ? std::string_view() : found->second;
  };
  return bench::MatchesArm(pattern, field, processors);
}

std::string RowKey(const ArmInfo& arm) {
  return arm.workload.empty() ? arm.benchmark : absl::StrCat(arm.benchmark, "/", arm.workload);
}

}  // namespace regatta::reports
