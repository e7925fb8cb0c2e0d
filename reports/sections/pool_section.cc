#include <algorithm>
#include <cmath>
#include <iterator>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"
#include "reports/sections/answer.h"
#include "reports/sections/conformance_section.h"
#include "reports/sections/names.h"
#include "reports/sections/sections.h"

namespace regatta::reports {
namespace {

std::string SweepName(const SweepFinding& sweep) {
  return absl::StrCat(SystemName(*sweep.arm), ", ", Counted(sweep.workers, "worker", "workers"),
                      sweep.chunk == "auto" ? ", automatic chunks" : absl::StrCat(", chunk ", sweep.chunk));
}

// One chart for each machine state: curves of different states don't share one. Work that has no state is in each.
void AddGrainCharts(const Analysis& analysis, const PoolFindings& findings, Section& section) {
  std::map<std::string, std::vector<const SweepFinding*>> by_state;
  for (const SweepFinding& sweep : findings.sweeps) by_state[sweep.state];
  if (by_state.size() > 1) by_state.erase("");
  for (auto& [state, sweeps] : by_state) {
    for (const SweepFinding& sweep : findings.sweeps) {
      if (sweep.state == state || sweep.state.empty()) sweeps.push_back(&sweep);
    }
  }
  for (auto& [state, sweeps] : by_state) {
    LineChart chart;
    chart.text.title = "Speed-up over the size of a task";
    chart.text.subtitle = absl::StrCat("workers on ", Counted(findings.processors, "processor", "processors"),
                                       ", the submitter's included", InState(state), "; bands ", analysis.RangeName());
    chart.x = {.label = "time of one task in a single process", .unit = Unit::kNanoseconds, .logarithmic = true};
    chart.y = {.label = "speed-up: time of one process / time of the pool", .unit = Unit::kTimes, .from_zero = true};
    chart.across = {{1, "as fast as one process"}};
    // The palette has room for six; the last is for the noise.
    for (const SweepFinding* sweep : sweeps) {
      if (chart.series.size() + 1 == kSeriesColours) break;
      chart.series.push_back({SweepName(*sweep), sweep->points});
    }
    for (const SweepFinding& noise : findings.noise) {
      chart.series.push_back({"one process against itself (noise)", noise.points});
    }
    const SweepFinding* main = findings.Main("1");
    if (main != nullptr && main->state == state && main->break_even.value > 0 &&
        std::isfinite(main->break_even.value)) {
      chart.down = {
          {main->break_even.value, absl::StrCat("break-even ", Format(main->break_even.value, Unit::kNanoseconds, 2))}};
    }
    chart.text.description = absl::StrCat("Curves of ", chart.series.size(),
                                          " systems: how many times as fast as one process they do tasks of rising "
                                          "size. Above 1 the pool wins. The figures are in the table below the chart.");
    section.Add(
        Figure{absl::StrCat("speed-up-over-task-size", state.empty() ? "" : "-", state), chart,
               Text("Each point compares the same tasks in a serial loop and in the pool, side by side. Right of the "
                    "break-even point the pool is faster. Python's curve is relative to Python's own loop.")});
  }
}

// The state that all have, for a caption; "" where they differ, and then `each` is true: rows must name theirs.
template <typename Findings>
std::string SharedState(const Findings& findings, bool& each) {
  std::set<std::string> states;
  for (const auto& finding : findings) states.insert(finding.state);
  each = states.size() > 1;
  return states.size() == 1 ? *states.begin() : "";
}

void AddGrainTable(const PoolFindings& findings, Section& section) {
  if (findings.sweeps.empty()) return;
  bool each = false;
  const std::string shared = SharedState(findings.sweeps, each);
  Table table = {
      absl::StrCat("Break-even and METG", InState(shared)),
      {{"System"}, {"Break-even", true}, {"METG(50)", true}, {"METG(90)", true}, {"At the largest task", true}},
      {}};
  for (const SweepFinding& sweep : findings.sweeps) {
    const ChartPoint& largest = sweep.points.back();
    const std::string name = absl::StrCat(SweepName(sweep), each ? InState(sweep.state) : "");
    table.rows.push_back(
        {IsOurs(*sweep.arm) ? Text().Strong(name) : Text(name), ShowCrossing(sweep.break_even),
         ShowCrossing(sweep.metg50), ShowCrossing(sweep.metg90),
         Text(absl::StrCat(Format(largest.y, Unit::kTimes), " at ", Format(largest.x, Unit::kNanoseconds, 2)))
             .Range(FormatRange(largest.low, largest.high, Unit::kTimes))});
  }
  section.Add(std::move(table));
  section.Add(Paragraph{
      Text("Break-even is the serial time of a task from which on the pool is faster than one process. METG(50) is the "
           "smallest processor time per task at which at least half of the time of the processors used, the "
           "submitter's included, goes into the tasks. METG(90) is the same for 90 %.")});
}

Cell VerdictCell(Verdict verdict) {
  const Tone tone = verdict == Verdict::kFaster ? Tone::kGood : verdict == Verdict::kSlower ? Tone::kBad : Tone::kMuted;
  return Cell(std::string(VerdictName(verdict)), tone);
}

// A table for each workload.
void AddWorkloadTables(const Analysis& analysis, const PoolFindings& findings, Section& section) {
  std::vector<std::string> workloads;
  for (const ArmInfo& arm : analysis.view().arms()) {
    if (!HasView(arm, bench::View::kWorkload)) continue;
    if (std::find(workloads.begin(), workloads.end(), arm.workload) == workloads.end())
      workloads.push_back(arm.workload);
  }
  for (const std::string& workload : workloads) {
    std::vector<WorkloadFinding> found;
    std::copy_if(findings.workloads.begin(), findings.workloads.end(), std::back_inserter(found),
                 [&](const WorkloadFinding& finding) { return finding.workload == workload; });
    bool each = false;
    const std::string shared = SharedState(found, each);
    Table table = {absl::StrCat("One process and many: ", WorkloadName(workload), InState(shared)),
                   {{"System"},
                    {"Workers", true},
                    {"One process", true},
                    {"This", true},
                    {"Speed-up", true},
                    {"CPU time", true},
                    {"Blocks won", true},
                    {"Verdict"}},
                   {}};
    for (const WorkloadFinding& finding : found) {
      const std::string name = absl::StrCat(SystemName(*finding.arm), each ? InState(finding.state) : "");
      table.rows.push_back(
          {WithConformance(IsOurs(*finding.arm) ? Text().Strong(name) : Text(name), *finding.arm,
                           analysis.view().results().conformance),
           absl::StrCat(finding.workers), Format(finding.base.value, Unit::kNanoseconds),
           Format(finding.time.value, Unit::kNanoseconds), Show(finding.speed_up, Unit::kTimes),
           finding.cpu.measured() ? Format(finding.cpu.value, Unit::kTimes) : "–",
           absl::StrCat(std::lround(finding.speed_up.won * finding.speed_up.blocks), " of ", finding.speed_up.blocks),
           VerdictCell(finding.verdict)});
    }
    for (const ArmInfo& arm : analysis.view().arms()) {
      if (arm.workload != workload) continue;
      const std::string why = analysis.view().WhyMissing(arm.key);
      if (why.empty()) continue;
      Cell reason(why, Tone::kMuted);
      reason.rest_of_row = true;
      table.rows.push_back({SystemName(arm), arm.Field("workers"), reason});
    }
    if (!table.rows.empty()) section.Add(std::move(table));
  }
  if (workloads.empty()) return;
  section.Add(
      Paragraph{Text("Speed-up is the median over blocks of the ratio within a block; Python's is against Python's "
                     "single process. CPU time is that of all processes together, in units of the single process's.")});
}

void AddDocumentsRatios(const PoolFindings& findings, Section& section) {
  Table table = {"The documents' two ratios beside ours",
                 {{"Who"}, {"Work"}, {"serial / pool", true}, {"pool / serial", true}},
                 {}};
  struct Loop {
    const bench::Benchmark& row;
    const char* work;
    double printed;
  };
  bool measured = false;
  for (const Loop& loop : {Loop{bench::Row("workload/count_loop"), "the full loop", 0.669},
                           Loop{bench::Row("workload/count_loop_tenth"), "a tenth of it", 0.772}}) {
    table.rows.push_back({"The document, as it labels the figure", loop.work, Format(loop.printed, Unit::kNumber),
                          Format(1 / loop.printed, Unit::kNumber)});
    table.rows.push_back({"The document, as its words suggest", loop.work, Format(1 / loop.printed, Unit::kNumber),
                          Format(loop.printed, Unit::kNumber)});
    for (const WorkloadFinding& finding : findings.workloads) {
      if (RowOf(*finding.arm) != &loop.row || finding.arm->system == "threads" || !finding.main_state) continue;
      if (finding.arm->system == "pool" && &finding != findings.Pools(finding.workload).front()) continue;
      measured = true;
      const Estimate& ratio = finding.speed_up;
      table.rows.push_back(
          {Text().Strong(absl::StrCat("Here: ", SystemName(*finding.arm), ", ",
                                      Counted(finding.workers, "worker", "workers"), InState(finding.state))),
           loop.work, Show(ratio, Unit::kNumber),
           Text(Format(1 / ratio.value, Unit::kNumber))
               .Range(FormatRange(1 / ratio.interval.high, 1 / ratio.interval.low, Unit::kNumber))});
    }
  }
  if (!measured) return;
  section.Add(std::move(table));
  section.Add(
      Paragraph{Text("One of the documents times a count loop with arguments of 1, 2 and 10 units, serially and over a "
                     "Python Pool, and again with ten times less work. It prints 0.669 and 0.772 and calls them serial "
                     "/ pool; it also says that the pool was \"faster by half\", which fits pool / serial. Both "
                     "readings are shown. Its machine is unknown, so only the direction can be compared.")});
}

}  // namespace

Section PoolSection(const Analysis& analysis, const PoolFindings& findings) {
  Section section = {bench::kPool.id, bench::kPool.title, {}};
  AddGrainCharts(analysis, findings, section);
  AddGrainTable(findings, section);
  AddWorkloadTables(analysis, findings, section);
  AddDocumentsRatios(findings, section);
  return section;
}

}  // namespace regatta::reports
