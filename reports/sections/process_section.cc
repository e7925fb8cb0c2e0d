#include "reports/sections/process_section.h"

#include <set>

#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"
#include "reports/sections/names.h"
#include "reports/sections/race.h"

namespace regatta::reports {

Section ProcessSection(const Analysis& analysis) {
  Section section = {"processes", "Creating processes", {}};
  RaceForm form;
  // A large parent's fork takes so long that a block holds too few for quantiles.
  form.reading = TimePerOperation();
  form.figure_heading = "create and join";
  form.extra = {{"p50", Counter("p50_ns")}, {"p99", Counter("p99_ns")}};
  form.baselines = {{"fork/method:fork", "bare fork"}, {"fork/method:posix_spawn", "posix_spawn"}};
  form.name = [](const ArmInfo& arm) {
    const std::string method = arm.Field("method");
    return arm.system == "fork" ? absl::StrCat("bare ", method) : absl::StrCat(SystemName(arm), ", ", method);
  };

  std::set<int> parents;
  for (const ArmInfo& arm : analysis.view().arms()) {
    if (arm.benchmark == "process_create") parents.insert(FieldNumber(arm, "parent_mib", 0));
  }
  std::vector<Race> races;
  for (const int parent : parents) {
    const auto arms = analysis.view().Select([&](const ArmInfo& arm) {
      return arm.benchmark == "process_create" && FieldNumber(arm, "parent_mib", 0) == parent;
    });
    for (Race& race : FindRaces(analysis, arms, "", form)) {
      race.place =
          parent == 0 ? "small parent" : absl::StrCat("parent holding ", Format(parent * 1048576.0, Unit::kBytes));
      races.push_back(std::move(race));
    }
  }
  if (races.empty()) return section;
  BarChart chart = RaceChart(
      {"Create a process and join it", "parent and child as the scheduler places them",
       "Time to create and join a process, by system and method, for each size of the parent; "
       "the figures are in the tables below the chart."},
      absl::StrCat("mean time to create and join in a block, log scale; marks are medians over blocks, lines ",
                   analysis.RangeName()),
      races, form);
  if (HasValues(chart)) {
    section.Add(Figure{"process-creation", std::move(chart),
                       Text("A fork copies the parent's page tables, so it grows with the parent; a "
                            "forkserver and posix_spawn don't.")});
  }
  for (const Race& race : races) {
    section.Add(RaceTable(absl::StrCat("Create and join, ", race.place), race, form));
  }
  return section;
}

}  // namespace regatta::reports
