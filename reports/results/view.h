// View: figures of a run, selected by arm and machine state, ready for statistics.
//
// State   Work across cores is measured in one of two machine states, near and far. A figure belongs to the state in
//         which it was measured; two arms are paired only within a block and a state. Work on one processor has no
//         state and pairs with either.
// Blocks  A block of one invocation is one place to compare arms in. Invocations that measured the same arms are
//         repeats of one comparison.
#ifndef REGATTA_REPORTS_RESULTS_VIEW_H_
#define REGATTA_REPORTS_RESULTS_VIEW_H_

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "reports/results/results.h"
#include "reports/results/screening.h"
#include "reports/statistics/bootstrap.h"
#include "reports/statistics/crossing.h"

namespace regatta::reports {

// Returns one figure of a record; nothing where the record has none.
using Metric = std::function<std::optional<double>(const Record&)>;

// A counter by name; the time and the CPU time of one operation.
Metric Counter(std::string name);
Metric TimePerOperation();
Metric CpuPerOperation();
// The median of a record's own operations, or, where it had too few to give one, their mean.
Metric TypicalTime();
// One of the counts of Usage, by operation.
Metric UsagePerOperation(double bench::Usage::*count);

class View {
 public:
  // `results` must outlive the view.
  explicit View(const Results& results);

  const Results& results() const { return results_; }
  const Screening& screening() const { return screening_; }

  // Every arm once, in the order first listed. One that was ready in any invocation is ready.
  const std::vector<ArmInfo>& arms() const { return arms_; }
  const ArmInfo* Find(const std::string& key) const;
  // The arms of a benchmark (and workload) for which `matches` holds.
  std::vector<const ArmInfo*> Select(const std::function<bool(const ArmInfo&)>& matches) const;

  // How often the comparison that was repeated most was run, each time in a fresh invocation.
  int repeats() const { return repeats_; }

  // How many measurements of one arm may be used: of that with fewest (but some), and of that with most. 0, 0: of none.
  std::pair<int, int> FewestAndMostBlocks() const;

  // The machine states in which `key` was measured, that with most records first; {""} for work on one processor, empty
  // when nothing of it may be used.
  std::vector<std::string> States(const std::string& key) const;

  // The metric of `key` by block, from records in `state` or in none.
  Sample Figures(const std::string& key, const Metric& metric, const std::string& state) const;

  // A sweep's curve in `state`: at each target grain, task size and log speed-up by block.
  // `size` turns a point of the sweep into the size of a task.
  using SweepSize = std::function<double(const SweepPoint&, const Record&)>;
  std::map<double, MeasuredPoint> Sweep(const std::string& key, const std::string& state, const SweepSize& size) const;

  // The latencies of `key`, of all blocks together.
  bench::LatencyHistogram Latencies(const std::string& key, const std::string& state) const;

  // Why `key` has no figure: its arm's reason, its failure's error, or what disturbed it. "" when it has.
  std::string WhyMissing(const std::string& key) const;

 private:
  struct Entry {
    BlockId id;
    const Record* record;
  };

  const Results& results_;
  Screening screening_;
  std::vector<ArmInfo> arms_;
  int repeats_ = 0;
  std::map<std::string, std::vector<Entry>> kept_;
};

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RESULTS_VIEW_H_
