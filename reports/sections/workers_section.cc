#include "reports/sections/workers_section.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "reports/charts/quantity.h"
#include "reports/sections/names.h"
#include "reports/statistics/usl.h"

namespace regatta::reports {
namespace {

std::vector<std::string> Workloads() {
  std::vector<std::string> workloads;
  for (const bench::Benchmark& row : bench::kBenchmarks) {
    if (row.view == bench::View::kWorkload) workloads.push_back(WorkloadOf(row));
  }
  return workloads;
}

// The document's ten tasks waited 8.28 s together, by what they printed; the busiest of its three workers 3.25 s.
constexpr double kDocumentsWaits = 8.28;
constexpr double kDocumentsBusiest = 3.25;
constexpr int kDocumentsWorkers = 3;

// The pool's findings by rising number of workers.
std::vector<const WorkloadFinding*> ByWorkers(const PoolFindings& findings, const std::string& workload) {
  auto pools = findings.Pools(workload);
  std::sort(pools.begin(), pools.end(),
            [](const WorkloadFinding* a, const WorkloadFinding* b) { return a->workers < b->workers; });
  return pools;
}

double ProcessorsUsed(const Analysis& analysis, const WorkloadFinding& finding) {
  const auto used = [](const Record& record) { return record.processors_used; };
  const Estimate processors = analysis.Value(finding.arm->key, used, finding.state);
  return processors.measured() ? processors.value : 0;
}

void AddChart(const Analysis& analysis, const PoolFindings& findings, Section& section) {
  LineChart chart;
  std::set<std::string> states;
  std::vector<std::string> state_of;  // of each series
  for (const std::string& workload : Workloads()) {
    Series series = {WorkloadName(workload), {}};
    std::string state;
    for (const WorkloadFinding* finding : ByWorkers(findings, workload)) {
      series.points.push_back({static_cast<double>(finding->workers), finding->speed_up.value,
                               finding->speed_up.interval.low, finding->speed_up.interval.high});
      state = finding->state;
    }
    if (series.points.size() < 2) continue;
    chart.series.push_back(std::move(series));
    state_of.push_back(state);
    if (!state.empty()) states.insert(state);
  }
  if (chart.series.empty()) return;
  for (size_t i = 0; states.size() > 1 && i < state_of.size(); ++i) chart.series[i].name += InState(state_of[i]);
  chart.text = {"Speed-up over the number of workers",
                absl::StrCat("Regatta pool on ", Counted(findings.processors, "processor", "processors"),
                             states.size() == 1 ? InState(*states.begin()) : "", "; bands ", analysis.RangeName()),
                "Curves of the workloads: how many times as fast as one process a pool of so many workers is. The "
                "figures are in the table below the chart."};
  chart.x = {.label = "workers", .whole = true};
  chart.y = {.label = "speed-up: time of one process / time of the pool", .unit = Unit::kTimes, .from_zero = true};
  chart.across = {{1, "as fast as one process"}};
  const bool loop = !findings.Pools(WorkloadOf(bench::Row("workload/count_loop"))).empty();
  section.Add(Figure{"speed-up-over-workers", chart,
                     Text(loop ? "The count loop has three tasks of 1, 2 and 10 units, so its longest task bounds the "
                                 "speed-up at 13 / 10 = 1.3, however many workers there are. Tasks that wait need no "
                                 "processor: they gain with every worker, up to one for each task."
                               : "")});
}

std::string Numbers(const std::vector<const WorkloadFinding*>& findings) {
  std::vector<std::string> numbers;
  numbers.reserve(findings.size());
  for (const WorkloadFinding* finding : findings) numbers.push_back(absl::StrCat(finding->workers));
  if (numbers.size() < 2) return absl::StrJoin(numbers, "");
  const std::string last = numbers.back();
  numbers.pop_back();
  return absl::StrCat(absl::StrJoin(numbers, ", "), " and ", last);
}

// "Copying a folder: 2 workers (1.6x...); 3 and 4 overlap".
Text BestSentence(const BestWorkers& found) {
  const WorkloadFinding& best = *found.best;
  Text text = absl::StrCat("For ", WorkloadName(best.workload), ": ");
  text.Strong(Counted(best.workers, "worker", "workers")).Say(", ").Append(Show(best.speed_up, Unit::kTimes));
  text.Say(" the speed of one process");
  if (!found.level.empty()) {
    text.Say("; ").Strong(absl::StrCat(Numbers(found.level), found.level.size() == 1 ? " overlaps" : " overlap"));
    text.Say(" with it, block by block");
  } else {
    text.Say("; every other number was slower in the whole of its range");
  }
  if (best.speed_up.interval.low <= 1) text.Say(". Even so, it was not shown to beat one process");
  if (found.at_the_most_tried) {
    text.Say(". It is the most that was tried: more may be better still (")
        .Code("--workers")
        .Say(" of ")
        .Code("//bench")
        .Say(")");
  }
  return text.Say(".");
}

void AddBest(const Analysis& analysis, const PoolFindings& findings, Section& section) {
  Bullets bullets;
  for (const std::string& workload : Workloads()) {
    const BestWorkers found = FindBestWorkers(analysis, findings, workload);
    if (found.best != nullptr) bullets.items.push_back(BestSentence(found));
  }
  if (bullets.items.empty()) return;
  section.Add(Paragraph{
      Text("The number of processors alone doesn't tell the best number of workers. Try several numbers with the real "
           "work. ")
          .Say(analysis.indicative() ? "In this first look, the best numbers were:" : "The best numbers here were:")});
  section.Add(std::move(bullets));
}

void AddTable(const Analysis& analysis, const PoolFindings& findings, Section& section) {
  Table table = {"Speed-up and efficiency by number of workers",
                 {{"Work"},
                  {"Workers", true},
                  {"Speed-up", true},
                  {"Per processor", true},
                  {"Per worker", true},
                  {"CPU time", true},
                  {"Blocks", true}},
                 {}};
  for (const std::string& workload : Workloads()) {
    for (const WorkloadFinding* finding : ByWorkers(findings, workload)) {
      const double processors = ProcessorsUsed(analysis, *finding);
      const double speed_up = finding->speed_up.value;
      table.rows.push_back({absl::StrCat(WorkloadName(workload), InState(finding->state)),
                            absl::StrCat(finding->workers), Show(finding->speed_up, Unit::kTimes),
                            processors > 0 ? Format(speed_up / processors, Unit::kShare, 2) : "–",
                            finding->workers > 0 ? Format(speed_up / finding->workers, Unit::kShare, 2) : "–",
                            finding->cpu.measured() ? Format(finding->cpu.value, Unit::kTimes) : "–",
                            absl::StrCat(finding->speed_up.blocks)});
    }
  }
  if (table.rows.empty()) return;
  table.folded = true;
  section.Add(std::move(table));
  section.Add(
      Paragraph{Text("Efficiency is the speed-up over the processors used, the submitter's included, and over the "
                     "workers. CPU time is that of all processes, in units of the single process's.")});
}

// One sentence for all workloads where none has counts enough, else a sentence for each that has.
void AddScalingLaw(const PoolFindings& findings, Section& section) {
  Bullets fits;
  size_t most = 0;
  for (const std::string& workload : Workloads()) {
    std::vector<ScalingPoint> points;
    for (const WorkloadFinding* finding : findings.Pools(workload)) {
      points.push_back({static_cast<double>(finding->workers), finding->speed_up.value});
    }
    most = std::max(most, points.size());
    const auto fit = FitUsl(points);
    if (!fit) continue;
    const double peak = fit->Peak();
    fits.items.push_back(absl::StrCat(
        "Universal Scalability Law for ", WorkloadName(workload), ": contention ",
        Format(fit->contention, Unit::kShare, 2), ", coherency ", Format(fit->coherency, Unit::kShare, 2), ", ",
        std::isinf(peak) ? "no peak" : absl::StrCat("highest at ", Format(peak, Unit::kNumber, 2), " workers"),
        "; it strays from what was measured by up to ", Format(fit->worst_off, Unit::kShare, 2),
        ". A model: it says nothing of what wasn't tried."));
  }
  if (!fits.items.empty()) {
    section.Add(std::move(fits));
  } else if (most > 0) {
    section.Add(Paragraph{Text(absl::StrCat(
        "No Universal Scalability Law is fitted: it has three parameters, and ",
        Counted(static_cast<int>(most), "number of workers was", "numbers of workers were"), " tried on ",
        Counted(findings.processors, "processor", "processors"), "; with fewer than six it would fit anything."))});
  }
}

void AddDocuments(const PoolFindings& findings, Section& section) {
  Table table = {"The documents' pool beside ours: ten tasks that wait",
                 {{"Who"}, {"Workers", true}, {"serial / pool", true}},
                 {{"The document, from the times that it prints", absl::StrCat(kDocumentsWorkers),
                   Format(kDocumentsWaits / kDocumentsBusiest, Unit::kNumber)}}};
  for (const WorkloadFinding& finding : findings.workloads) {
    if (RowOf(*finding.arm) != &bench::Row("workload/waiting") || !finding.main_state ||
        finding.workers != kDocumentsWorkers)
      continue;
    table.rows.push_back({Text().Strong(absl::StrCat("Here: ", SystemName(*finding.arm), InState(finding.state))),
                          absl::StrCat(finding.workers), Show(finding.speed_up, Unit::kNumber)});
  }
  if (table.rows.size() < 2) return;
  section.Add(std::move(table));
  section.Add(
      Paragraph{Text("One of the documents has ten tasks of random waits done by a Pool of three, and says of that "
                     "number that it has to be found by load-testing. Its waits, 8.28 s together, kept the busiest of "
                     "its workers for 3.25 s; here the same waits pass in a hundredth of their times. Its other "
                     "ratios, of the count loop, stand under “One process or a pool”.")});
}

}  // namespace

BestWorkers FindBestWorkers(const Analysis& analysis, const PoolFindings& findings, const std::string& workload) {
  BestWorkers found;
  const auto pools = findings.Pools(workload);
  if (pools.size() < 2) return found;
  found.best = pools.front();
  int most = 0;
  for (const WorkloadFinding* pool : ByWorkers(findings, workload)) {
    most = std::max(most, pool->workers);
    if (pool == found.best) continue;
    const Estimate slower = analysis.Ratio(pool->arm->key, found.best->arm->key, TimePerOperation(), pool->state);
    if (!slower.measured() || slower.interval.low <= 1) found.level.push_back(pool);
  }
  found.at_the_most_tried = found.best->workers == most;
  return found;
}

Section WorkersSection(const Analysis& analysis, const PoolFindings& findings) {
  Section section = {"workers", "How many workers", {}};
  AddBest(analysis, findings, section);
  AddChart(analysis, findings, section);
  AddTable(analysis, findings, section);
  AddScalingLaw(findings, section);
  AddDocuments(findings, section);
  return section;
}

}  // namespace regatta::reports
