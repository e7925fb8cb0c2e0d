// Pool findings: what the workloads say about a pool against a single process. Read by the answer, the pool's section,
// the goals and the machine-readable summary, so that all of them say the same.

#ifndef REGATTA_REPORTS_SECTIONS_POOL_FINDINGS_H_
#define REGATTA_REPORTS_SECTIONS_POOL_FINDINGS_H_

#include <string>
#include <vector>

#include "reports/charts/chart.h"
#include "reports/sections/analysis.h"
#include "reports/statistics/crossing.h"

namespace regatta::reports {

// One curve of a grain sweep: a system with so many workers and such a chunk, in one machine state.
struct SweepFinding {
  const ArmInfo* arm = nullptr;
  std::string state;
  int workers = 0;
  std::string chunk;
  double processors = 0;           // used, the submitter's included
  int blocks = 0;                  // most at any point
  std::vector<ChartPoint> points;  // size of a task -> speed-up with its interval, by rising size
  CrossingEstimate break_even;     // in time of one task done serially
  CrossingEstimate metg50;         // in processor time spent per task, as Task Bench has it
  CrossingEstimate metg90;
};

// One workload under one system, against the same workload in one process of the same language.
struct WorkloadFinding {
  std::string workload;
  const ArmInfo* arm = nullptr;
  std::string state;
  int workers = 0;
  Estimate time;                             // of one run of the workload
  Estimate base;                             // the same in one process
  Estimate speed_up;                         // base / time
  Verdict verdict = Verdict::kInconclusive;  // of the speed-up, among all of these
  Estimate cpu;                              // its processor time over that of one process
  bool main_state = true;                    // the state in which it was measured most
};

struct PoolFindings {
  std::vector<SweepFinding> sweeps;
  // The serial loop against itself: how far from 1 a sweep strays where there is nothing to find.
  std::vector<SweepFinding> noise;
  std::vector<WorkloadFinding> workloads;

  // The pool's own curve at chunk 1 (or automatic chunks): that with as many workers as there are processors, else the
  // most; in the state measured most. Null where there is none.
  const SweepFinding* Main(const std::string& chunk) const;
  // Another system's curve with as many workers, the same chunk and in the same state as `sweep`. Null where there is
  // none.
  const SweepFinding* Beside(const SweepFinding& sweep, const std::string& system) const;
  // The pool's findings for a workload in the machine state measured most, the best speed-up first.
  std::vector<const WorkloadFinding*> Pools(const std::string& workload) const;

  int processors = 0;
};

PoolFindings FindPools(const Analysis& analysis);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_SECTIONS_POOL_FINDINGS_H_
