#include <utility>

#include "absl/strings/str_cat.h"
#include "reports/charts/quantity.h"
#include "reports/sections/names.h"
#include "reports/sections/sections.h"

namespace regatta::reports {
namespace {

constexpr const char* kNotMeasured = "not measured here";

class ClaimFinder {
 public:
  ClaimFinder(const Analysis& analysis, const PoolFindings& findings) : analysis_(analysis), findings_(findings) {}

  Table Find() {
    Add("A pool is faster than one process by half, on a loop of three unequal tasks (001)",
        {SpeedUp(bench::Row("workload/count_loop"), "cpython_pool"),
         SpeedUp(bench::Row("workload/count_loop"), "pool")});
    Add("Threads don't help work that computes, and may slow it (000, 001); so it is in Python, here are C++'s",
        {SpeedUp(bench::Row("workload/count_loop"), "threads")});
    Add("Work that reads and writes gains little from threads (000)",
        {SpeedUp(bench::Row("workload/folder_copy"), "threads"), SpeedUp(bench::Row("workload/folder_copy"), "pool")});
    Add("Making and ending processes is costly, and a pool saves it (003)", {Creation("cpython"), Creation("core")});
    Add("A queue lies in memory, so it is fast (003)", {Message("cpython"), Message("core")});
    Add("The right number of processes is found by load-testing (003)",
        {SpeedUp(bench::Row("workload/waiting"), "cpython_pool"), SpeedUp(bench::Row("workload/waiting"), "pool")});
    return std::move(table_);
  }

  bool any() const { return any_; }

 private:
  void Add(const std::string& claim, const std::vector<Text>& found) {
    Text all;
    for (const Text& one : found) {
      if (one.runs().empty()) continue;
      if (!all.runs().empty()) all.Say("; ");
      all.Append(one);
    }
    any_ |= !all.runs().empty();
    table_.rows.push_back({claim, all.runs().empty() ? Cell(kNotMeasured, Tone::kMuted) : Cell(std::move(all))});
  }

  // The best number of workers of a system against one process of its own language.
  Text SpeedUp(const bench::Benchmark& row, const std::string& system) const {
    const WorkloadFinding* best = nullptr;
    for (const WorkloadFinding& finding : findings_.workloads) {
      if (RowOf(*finding.arm) != &row || finding.arm->system != system || !finding.main_state) continue;
      if (best == nullptr || finding.speed_up.value > best->speed_up.value) best = &finding;
    }
    if (best == nullptr) return {};
    return Text(absl::StrCat(SystemName(*best->arm), ", ", Counted(best->workers, "worker", "workers"), ": "))
        .Append(Show(best->speed_up, Unit::kTimes))
        .Say(" the speed of one process");
  }

  // A process made for a task over a task of a pool that is there. Measured at different times: sizes, not a ratio of
  // blocks.
  Text Creation(const std::string& system) const {
    Estimate process;
    for (const ArmInfo* arm : analysis_.view().Select([&](const ArmInfo& arm) {
           return RowOf(arm) == &bench::Row("process_create") && arm.system == system &&
                  arm.Field("method") == "fork" && arm.Field("parent_mib") == "0";
         })) {
      process = analysis_.Value(arm->key, TimePerOperation(), "");
    }
    for (const ArmInfo* arm : analysis_.view().Select([&](const ArmInfo& arm) {
           return RowOf(arm) == &bench::Row("pool_round_trip") && arm.system == system &&
                  arm.Field("placement") == "other_core";
         })) {
      for (const std::string& state : analysis_.view().States(arm->key)) {
        const Estimate task = analysis_.Value(arm->key, Counter("p50_ns"), state);
        if (!process.measured() || !task.measured()) continue;
        return Text(absl::StrCat(SystemName(*arm), ": a process made and joined "))
            .Append(Show(process, Unit::kNanoseconds))
            .Say(", a task of the pool ")
            .Append(Show(task, Unit::kNanoseconds));
      }
    }
    return {};
  }

  Text Message(const std::string& system) const {
    const std::string queues = absl::StrCat(bench::Row("queue_round_trip").key, "/");
    const std::string rest = "/bytes:64/placement:other_core";
    const ArmInfo* queue = analysis_.view().Find(absl::StrCat(queues, system, rest));
    if (queue == nullptr) return {};
    for (const std::string& state : analysis_.view().States(queue->key)) {
      const Estimate ratio = analysis_.Ratio(queue->key, absl::StrCat(queues, "pipe", rest), Counter("p50_ns"), state);
      if (!ratio.measured()) continue;
      return Text(absl::StrCat(SystemName(*queue), ": ")).Append(Show(ratio, Unit::kTimes)).Say(" the time of a pipe");
    }
    return {};
  }

  const Analysis& analysis_;
  const PoolFindings& findings_;
  Table table_ = {"", {{"What the documents say"}, {"What this run found"}}, {}};
  bool any_ = false;
};

}  // namespace

Section DocumentsSection(const Analysis& analysis, const PoolFindings& findings) {
  Section section = {"documents", "What the documents say", {}};
  ClaimFinder claims(analysis, findings);
  Table table = claims.Find();
  if (!claims.any()) return section;
  section.Add(std::move(table));
  section.Add(Paragraph{Text("The numbers in parentheses name the documents. Their machines are unknown, so the report "
                             "compares directions and not sizes. The two ratios that they print are under ")
                            .Link("one process or a pool", "pool")
                            .Say(", and the times of their ten waiting tasks under ")
                            .Link("how many workers", "workers")
                            .Say(".")});
  return section;
}

}  // namespace regatta::reports
