#include "reports/sections/advice.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <set>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "reports/charts/quantity.h"
#include "reports/sections/names.h"

namespace regatta::reports {
namespace {

constexpr double kSizes[] = {100, 1'000, 10'000, 100'000, 1'000'000};  // of tasks, in nanoseconds
constexpr int kEnoughBlocks = 3;                                       // fewer show nothing
constexpr const char* kOneProcess = "one process";

// In one language only: what another does to its own loop says nothing of this one's.
bool IsChoice(const ArmInfo& arm) { return arm.system == "pool" || arm.system == "threads"; }

std::string Taken(const ArmInfo& arm) { return arm.system == "threads" ? "threads (oneTBB)" : "a pool of processes"; }

std::string Workers(int workers) { return Counted(workers, "worker", "workers"); }

Text OfOneProcess(const ChartPoint& point) {
  return Text(Format(point.y, Unit::kTimes)).Range(FormatRange(point.low, point.high, Unit::kTimes));
}

std::string How(const SweepFinding& sweep) {
  return absl::StrCat(Workers(sweep.workers), sweep.chunk == "auto" ? ", automatic chunks" : ", chunk ",
                      sweep.chunk == "auto" ? "" : sweep.chunk);
}

// A curve's speed-up at a size, on the line between the points about it over the log; nothing outside of what was
// measured.
std::optional<ChartPoint> At(const SweepFinding& sweep, double size) {
  for (size_t i = 0; i + 1 < sweep.points.size(); ++i) {
    const ChartPoint& a = sweep.points[i];
    const ChartPoint& b = sweep.points[i + 1];
    if (size < a.x || size > b.x || a.x >= b.x) continue;
    const double part = std::log(size / a.x) / std::log(b.x / a.x);
    const auto between = [&](double from, double to) { return from + part * (to - from); };
    return ChartPoint{size, between(a.y, b.y), between(a.low, b.low), between(a.high, b.high)};
  }
  return std::nullopt;
}

class AdviceFinder {
 public:
  AdviceFinder(const Analysis& analysis, const PoolFindings& findings) : analysis_(analysis), findings_(findings) {}

  std::vector<Advice> Find() {
    for (const bench::Benchmark& row : bench::kBenchmarks) {
      if (row.view == bench::View::kSweep) {
        Tasks();
        PythonTasks();
      }
      for (const bench::Advice& advice : row.advice) {
        if (*advice.work == '\0') continue;
        if (row.view == bench::View::kWorkload) {
          Workload(row, advice.work);
        } else {
          Systems(row, advice);
        }
      }
    }
    Processes();
    return std::move(advice_);
  }

 private:
  struct Choice {
    const SweepFinding* sweep = nullptr;
    ChartPoint at;
  };

  // Tasks of one size after the other; neighbours with the same advice become one row.
  void Tasks() {
    const SweepFinding* main = findings_.Main("1");
    if (main == nullptr) return;
    struct Row {
      Advice advice;
      double from, to;
      Text at_from, at_to;
    };
    std::vector<Row> rows;
    for (const double size : kSizes) {
      std::vector<Choice> choices;
      for (const SweepFinding& sweep : findings_.sweeps) {
        if (!IsChoice(*sweep.arm) || sweep.state != main->state || sweep.blocks < kEnoughBlocks) continue;
        if (const auto at = At(sweep, size)) choices.push_back({&sweep, *at});
      }
      if (choices.empty()) continue;
      std::sort(choices.begin(), choices.end(), [](const Choice& a, const Choice& b) { return a.at.y > b.at.y; });
      Advice advice = {.work = "", .take = "", .section = "pool", .heading = "speed-up over size"};
      const Choice& best = choices.front();
      Text figure = Text(Format(size, Unit::kNanoseconds, 1)).Say(": ").Append(OfOneProcess(best.at));
      if (best.at.low > 1) {
        advice.take = Taken(*best.sweep->arm);
        advice.how = How(*best.sweep);
        for (const Choice& other : choices) {
          if (other.sweep->arm->system == best.sweep->arm->system || other.at.high < best.at.low) continue;
          absl::StrAppend(&advice.take, " or ", Taken(*other.sweep->arm), ": not told apart here");
          if (advice.how != How(*other.sweep)) absl::StrAppend(&advice.how, "; ", How(*other.sweep));
          break;
        }
      } else {
        advice.take = best.at.high < 1 ? kOneProcess : "one process: nothing was shown to beat it";
        figure.Say(absl::StrCat(" by ", Taken(*best.sweep->arm), ", the best of the others"));
      }
      if (!rows.empty() && rows.back().advice.take == advice.take && rows.back().advice.how == advice.how) {
        rows.back().to = size;
        rows.back().at_to = figure;
      } else {
        rows.push_back({advice, size, size, figure, {}});
      }
    }
    for (Row& row : rows) {
      const std::string from = Format(row.from, Unit::kNanoseconds, 1);
      row.advice.work = row.from == row.to
                            ? absl::StrCat("Tasks of about ", from)
                            : absl::StrCat("Tasks of about ", from, " to ", Format(row.to, Unit::kNanoseconds, 1));
      row.advice.because = Text("Speed of one process, at ").Append(row.at_from);
      if (!row.at_to.runs().empty()) row.advice.because.Say("; at ").Append(row.at_to);
      advice_.push_back(std::move(row.advice));
    }
  }

  void Workload(const bench::Benchmark& row, const std::string& work) {
    const std::string workload = WorkloadOf(row);
    const auto pools = findings_.Pools(workload);
    if (pools.empty()) return;
    std::vector<const WorkloadFinding*> choices;
    for (const WorkloadFinding& finding : findings_.workloads) {
      if (finding.workload == workload && IsChoice(*finding.arm) && finding.state == pools.front()->state &&
          finding.speed_up.blocks >= kEnoughBlocks) {
        choices.push_back(&finding);
      }
    }
    if (choices.empty()) return;
    std::sort(choices.begin(), choices.end(),
              [](const WorkloadFinding* a, const WorkloadFinding* b) { return a->speed_up.value > b->speed_up.value; });
    Advice advice = {.work = work, .take = "", .section = "workers", .heading = "how many workers"};
    const auto won = std::find_if(choices.begin(), choices.end(),
                                  [](const WorkloadFinding* choice) { return choice->speed_up.interval.low > 1; });
    const WorkloadFinding& best = won == choices.end() ? *choices.front() : **won;
    advice.because = Text("Speed of one process: ").Append(Show(best.speed_up, Unit::kTimes));
    if (won == choices.end()) {
      advice.take = best.speed_up.interval.high < 1 ? kOneProcess : "one process: nothing was shown to beat it";
      advice.because.Say(
          absl::StrCat(" by ", Taken(*best.arm), ", ", Workers(best.workers), ", the best of the others"));
      advice_.push_back(std::move(advice));
      return;
    }
    advice.take = Taken(*best.arm);
    advice.how = Workers(best.workers);
    std::vector<std::string> level;  // that the best wasn't shown to beat, block by block
    for (const WorkloadFinding* other : choices) {
      if (other == &best) continue;
      const Estimate slower = analysis_.Ratio(other->arm->key, best.arm->key, TimePerOperation(), best.state);
      if (slower.measured() && slower.interval.low > 1) continue;
      level.push_back(other->arm->system == best.arm->system
                          ? Workers(other->workers)
                          : absl::StrCat(Taken(*other->arm), " with ", Workers(other->workers)));
    }
    if (!level.empty()) advice.because.Say(absl::StrCat("; not told apart from it: ", absl::StrJoin(level, ", ")));
    advice_.push_back(std::move(advice));
  }

  void PythonTasks() {
    for (const SweepFinding& sweep : findings_.sweeps) {
      if (sweep.arm->system != "cpython_pool" || sweep.chunk != "1" || sweep.blocks < kEnoughBlocks) continue;
      const CrossingEstimate& even = sweep.break_even;
      Advice advice = {
          .work = "Tasks in Python", .take = "", .how = How(sweep), .section = "pool", .heading = "speed-up over size"};
      const ChartPoint& largest = sweep.points.back();
      advice.because =
          Text(absl::StrCat("Speed of Python's own loop, at ", Format(largest.x, Unit::kNanoseconds, 2), ": "))
              .Append(OfOneProcess(largest));
      if (std::isinf(even.value) || largest.low <= 1) {
        advice.take = kOneProcess;
        advice.how = "";
      } else {
        advice.take = even.value == 0
                          ? "Python's Pool"
                          : absl::StrCat("Python's Pool from about ", Format(even.value, Unit::kNanoseconds, 2),
                                         " per task on, else one process");
      }
      advice_.push_back(std::move(advice));
      return;
    }
  }

  // Systems that do the same: the best one that isn't the limit, and by how much it beats the next.
  void Systems(const bench::Benchmark& row, const bench::Advice& wanted) {
    const std::vector<const ArmInfo*> arms = ArmsOf(analysis_.view(), row, wanted.arms);
    const Metric metric = FigureOf(row);
    const bool more_is_better = row.better == bench::Better::kHigher;
    std::string state;  // the one measured most
    int most = 0;
    for (const ArmInfo* arm : arms) {
      for (const std::string& of_arm : analysis_.view().States(arm->key)) {
        int blocks = 0;
        for (const ArmInfo* other : arms) blocks += analysis_.Value(other->key, metric, of_arm).blocks;
        if (blocks > most) std::tie(most, state) = std::pair(blocks, of_arm);
      }
    }
    struct Entry {
      const ArmInfo* arm;
      Estimate figure;
    };
    std::vector<Entry> entries;
    for (const ArmInfo* arm : arms) {
      const Estimate figure = analysis_.Value(arm->key, metric, state);
      if (arm->system != "ring" && figure.blocks >= kEnoughBlocks) entries.push_back({arm, figure});
    }
    if (entries.size() < 2) return;  // nothing to choose from
    std::sort(entries.begin(), entries.end(), [&](const Entry& a, const Entry& b) {
      return more_is_better ? a.figure.value > b.figure.value : a.figure.value < b.figure.value;
    });
    const Entry& best = entries.front();
    const Entry& next = entries[1];
    const bool only_by_copy = best.arm->system == "core_by_reference" && next.arm->system == "core";
    const std::string rival = only_by_copy ? "the same by copy" : SystemName(*next.arm);
    const Estimate ratio = more_is_better ? analysis_.Ratio(best.arm->key, next.arm->key, metric, state)
                                          : analysis_.Ratio(next.arm->key, best.arm->key, metric, state);
    Advice advice = {
        .work = wanted.work, .take = SystemName(*best.arm), .section = row.section.id, .heading = row.section.title};
    advice.how = PlacementName(best.arm->Field("placement"), state);
    advice.because = Show(best.figure, UnitOf(row));
    if (row.unit == bench::Unit::kNanoseconds) advice.because.Say(absl::StrCat(" per ", row.operation));
    if (ratio.measured() && ratio.interval.low > 1) {
      advice.because.Say("; ").Append(Show(ratio, Unit::kTimes)).Say(absl::StrCat(" better than ", rival));
    } else {
      absl::StrAppend(&advice.take, " or ", rival, ": not told apart here");
      advice.because.Say("; the other: ").Append(Show(next.figure, UnitOf(row)));
    }
    advice_.push_back(std::move(advice));
  }

  // What a process costs that is made for one task, beside a task of a pool that is there.
  void Processes() {
    const ArmInfo* best = nullptr;
    Estimate least;
    for (const ArmInfo* arm : analysis_.view().Select([](const ArmInfo& arm) {
           return RowOf(arm) == &bench::Row("process_create") && arm.Field("parent_mib") == "0";
         })) {
      const Estimate time = analysis_.Value(arm->key, TimePerOperation(), "");
      if (!time.measured() || (best != nullptr && time.value >= least.value)) continue;
      best = arm;
      least = time;
    }
    if (best == nullptr) return;
    for (const ArmInfo* pool : analysis_.view().Select([](const ArmInfo& arm) {
           return RowOf(arm) == &bench::Row("pool_round_trip") && arm.system == "core" &&
                  arm.Field("placement") == "other_core";
         })) {
      for (const std::string& state : analysis_.view().States(pool->key)) {
        const Estimate task = analysis_.Value(pool->key, Counter("p50_ns"), state);
        if (!task.measured()) continue;
        const bool pool_wins = task.interval.high < least.interval.low;
        advice_.push_back({.work = "A process for each task, or a pool",
                           .take = pool_wins ? "a pool of processes" : "not told apart here",
                           .how = "made once",
                           .because = Text("A task there and back ")
                                          .Append(Show(task, Unit::kNanoseconds))
                                          .Say("; to create and join a process, at best (")
                                          .Say(absl::StrCat(best->Field("method"), "), "))
                                          .Append(Show(least, Unit::kNanoseconds)),
                           .section = "processes",
                           .heading = "creating processes"});
        return;
      }
    }
  }

  const Analysis& analysis_;
  const PoolFindings& findings_;
  std::vector<Advice> advice_;
};

}  // namespace

std::vector<Advice> FindAdvice(const Analysis& analysis, const PoolFindings& findings) {
  if (!analysis.distrust().empty()) return {};
  return AdviceFinder(analysis, findings).Find();
}

void AddAdvice(const Analysis& analysis, const PoolFindings& findings, Section& section) {
  if (!analysis.distrust().empty()) {
    section.Add(Paragraph{Text()
                              .Strong("What to take: ")
                              .Say("the report gives no advice, because its figures can't be trusted. Run it again.")});
    return;
  }
  Table table = {absl::StrCat("What to take here", analysis.indicative() ? ", by a first look" : ""),
                 {{"For"}, {"Take"}, {"How"}, {"Because"}},
                 {}};
  for (const Advice& advice : FindAdvice(analysis, findings)) {
    Text because = advice.because;
    because.Say(" – ").Link(advice.heading, advice.section);
    table.rows.push_back({advice.work, Text().Strong(advice.take), advice.how, std::move(because)});
  }
  if (table.rows.empty()) return;
  section.Add(std::move(table));

  std::set<std::string> absent;
  for (const ArmInfo& arm : analysis.view().arms()) {
    if (arm.state == "absent") absent.insert(SystemName(arm));
  }
  Text note(
      "Speed alone doesn't decide between threads and processes. Threads share memory, and a crash of one thread ends "
      "all of them. A pool's worker that dies fails only its own task.");
  if (!absent.empty()) {
    note.Say(absl::StrCat(" Not installed here, and therefore not compared: ", absl::StrJoin(absent, ", "), "."));
  }
  section.Add(Paragraph{std::move(note)});
}

}  // namespace regatta::reports
