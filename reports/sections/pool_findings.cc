#include "reports/sections/pool_findings.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <tuple>

#include "reports/sections/names.h"

namespace regatta::reports {
namespace {

bool IsBase(const ArmInfo& arm) {
  return arm.system == "serial" || arm.system == "serial_again" || arm.system == "cpython_serial";
}

// The single process that an arm is compared with: that of its own language.
const ArmInfo* BaseOf(const Analysis& analysis, const ArmInfo& arm) {
  const std::string base = arm.system.starts_with("cpython") ? "cpython_serial" : "serial";
  const auto found = analysis.view().Select([&](const ArmInfo& other) {
    return other.benchmark == arm.benchmark && other.workload == arm.workload && other.system == base;
  });
  return found.empty() ? nullptr : found.front();
}

double SerialGrain(const SweepPoint& point, const Record&) { return point.serial_ns / point.tasks; }

// Task Bench's granularity: processor time from first to last, over tasks.
double Granularity(const SweepPoint& point, const Record& record) {
  return point.system_ns * record.processors_used.value_or(1) / point.tasks;
}

std::vector<MeasuredPoint> Points(const std::map<double, MeasuredPoint>& curve) {
  std::vector<MeasuredPoint> points;
  for (const auto& [target, point] : curve) points.push_back(point);
  return points;
}

SweepFinding FindSweep(const Analysis& analysis, const ArmInfo& arm, const std::string& state) {
  SweepFinding finding;
  finding.arm = &arm;
  finding.state = state;
  finding.workers = FieldNumber(arm, "workers", 0);
  finding.chunk = arm.Field("chunk");
  const BootstrapOptions& bootstrap = analysis.bootstrap();
  const auto processors = [](const Record& record) { return record.processors_used; };
  finding.processors = std::max(1.0, analysis.Value(arm.key, processors, state).value);

  const auto curve = analysis.view().Sweep(arm.key, state, SerialGrain);
  for (const auto& [target, point] : curve) {
    const Estimate speed_up = EstimateRatio(point.log_speed_up, bootstrap);
    const double size = EstimateMedian(point.size, bootstrap).value;
    if (size <= 0) continue;
    finding.points.push_back({size, speed_up.value, speed_up.interval.low, speed_up.interval.high});
    finding.blocks = std::max(finding.blocks, speed_up.blocks);
  }
  std::sort(finding.points.begin(), finding.points.end(),
            [](const ChartPoint& a, const ChartPoint& b) { return a.x < b.x; });
  finding.break_even = EstimateCrossing(Points(curve), 1, bootstrap);
  const auto granular = Points(analysis.view().Sweep(arm.key, state, Granularity));
  finding.metg50 = EstimateCrossing(granular, 0.5 * finding.processors, bootstrap);
  finding.metg90 = EstimateCrossing(granular, 0.9 * finding.processors, bootstrap);
  return finding;
}

void FindSweeps(const Analysis& analysis, PoolFindings& findings) {
  for (const ArmInfo& arm : analysis.view().arms()) {
    if (!HasView(arm, bench::View::kSweep) || arm.system == "cpython_serial") continue;
    for (const std::string& state : analysis.view().States(arm.key)) {
      SweepFinding finding = FindSweep(analysis, arm, state);
      if (finding.points.empty()) continue;
      (arm.system == "serial" ? findings.noise : findings.sweeps).push_back(std::move(finding));
    }
  }
}

// Ours first, then the others by name, so that charts and tables agree.
void SortSweeps(std::vector<SweepFinding>& sweeps) {
  std::stable_sort(sweeps.begin(), sweeps.end(), [](const SweepFinding& a, const SweepFinding& b) {
    return std::tuple(!IsOurs(*a.arm), a.arm->system, a.workers, a.chunk) <
           std::tuple(!IsOurs(*b.arm), b.arm->system, b.workers, b.chunk);
  });
}

void FindWorkloads(const Analysis& analysis, PoolFindings& findings) {
  for (const ArmInfo& arm : analysis.view().arms()) {
    if (!HasView(arm, bench::View::kWorkload) || IsBase(arm)) continue;
    const ArmInfo* base = BaseOf(analysis, arm);
    if (base == nullptr) continue;
    bool main_state = true;
    for (const std::string& state : analysis.view().States(arm.key)) {
      WorkloadFinding finding;
      finding.workload = arm.workload;
      finding.arm = &arm;
      finding.state = state;
      finding.workers = FieldNumber(arm, "workers", 0);
      // Both from the blocks that have both, as the speed-up is.
      Sample time = analysis.view().Figures(arm.key, TimePerOperation(), state);
      Sample alone = analysis.view().Figures(base->key, TimePerOperation(), state);
      std::erase_if(time, [&](const auto& figure) { return alone.count(figure.first) == 0; });
      std::erase_if(alone, [&](const auto& figure) { return time.count(figure.first) == 0; });
      finding.time = EstimateMedian(time, analysis.bootstrap());
      finding.base = EstimateMedian(alone, analysis.bootstrap());
      finding.speed_up = analysis.Ratio(base->key, arm.key, TimePerOperation(), state);
      finding.cpu = analysis.Ratio(arm.key, base->key, CpuPerOperation(), state);
      finding.main_state = main_state;
      main_state = false;
      if (finding.speed_up.measured()) findings.workloads.push_back(std::move(finding));
    }
  }
  std::vector<Estimate> speed_ups;
  for (const WorkloadFinding& finding : findings.workloads) speed_ups.push_back(finding.speed_up);
  const std::vector<Verdict> verdicts = analysis.JudgeSpeedUps(speed_ups);
  for (size_t i = 0; i < verdicts.size(); ++i) findings.workloads[i].verdict = verdicts[i];
}

}  // namespace

const SweepFinding* PoolFindings::Main(const std::string& chunk) const {
  const SweepFinding* best = nullptr;
  const auto distance = [&](const SweepFinding& finding) { return std::abs(finding.workers - processors); };
  for (const SweepFinding& finding : sweeps) {
    if (finding.arm->system != "pool" || finding.chunk != chunk) continue;
    if (best == nullptr || distance(finding) < distance(*best) ||
        (distance(finding) == distance(*best) && finding.blocks > best->blocks)) {
      best = &finding;
    }
  }
  return best;
}

const SweepFinding* PoolFindings::Beside(const SweepFinding& sweep, const std::string& system) const {
  for (const SweepFinding& other : sweeps) {
    if (other.arm->system == system && other.workers == sweep.workers && other.chunk == sweep.chunk &&
        other.state == sweep.state) {
      return &other;
    }
  }
  return nullptr;
}

std::vector<const WorkloadFinding*> PoolFindings::Pools(const std::string& workload) const {
  std::map<std::string, int> blocks;  // of each machine state, over all numbers of workers
  for (const WorkloadFinding& finding : workloads) {
    if (finding.arm->system == "pool" && finding.workload == workload) blocks[finding.state] += finding.speed_up.blocks;
  }
  std::vector<const WorkloadFinding*> pools;
  if (blocks.empty()) return pools;
  const std::string& state = std::max_element(blocks.begin(), blocks.end(), [](const auto& a, const auto& b) {
                               return a.second < b.second;
                             })->first;
  for (const WorkloadFinding& finding : workloads) {
    if (finding.arm->system == "pool" && finding.workload == workload && finding.state == state) {
      pools.push_back(&finding);
    }
  }
  std::stable_sort(pools.begin(), pools.end(), [](const WorkloadFinding* a, const WorkloadFinding* b) {
    return a->speed_up.value > b->speed_up.value;
  });
  return pools;
}

PoolFindings FindPools(const Analysis& analysis) {
  PoolFindings findings;
  if (!analysis.view().results().invocations.empty()) {
    const Context& context = analysis.view().results().invocations.front().context;
    findings.processors =
        context.allowed_cpus.empty() ? context.processors : static_cast<int>(context.allowed_cpus.size());
  }
  FindSweeps(analysis, findings);
  SortSweeps(findings.sweeps);
  FindWorkloads(analysis, findings);
  return findings;
}

}  // namespace regatta::reports
