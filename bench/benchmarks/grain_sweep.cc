// workload/grain_sweep: tasks from empty to 1 ms, each grain through the serial loop and through the system side by
// side. Finds where the system begins to win (break-even) and how small tasks may be (METG).
#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmarks/add_arms.h"
#include "bench/harness/granularity.h"
#include "bench/peers/cpython.h"
#include "bench/peers/task_pool.h"
#include "bench/tasks.h"
#include "bench/workload.h"
#include "core/os/deadline.h"

namespace regatta::bench {
namespace {

constexpr int64_t kGrainsNs[] = {0,     100,   200,   500,    1000,   2000,   5000,
                                 10000, 20000, 50000, 100000, 200000, 500000, 1000000};
// Tasks of one pass: up to 1,000 in flight, and at least so many that the last ones' unequal ends matter little.
constexpr int64_t kMostTasks = 1000;
constexpr int64_t kFewestTasks = 16;
constexpr int64_t kPassNs = 2'000'000;
// What is shorter is no measurement: passes are repeated until they take as long together.
constexpr int64_t kShortestNs = 1'000'000;
constexpr int kRounds = 3;

int64_t TasksOf(int64_t grain_ns) {
  return grain_ns == 0 ? kMostTasks : std::clamp(kPassNs / grain_ns, kFewestTasks, kMostTasks);
}

// How many steps of RunGrain a nanosecond holds, on this processor now.
double StepsPerNano() {
  constexpr int64_t kSteps = 500'000;
  int64_t best = std::numeric_limits<int64_t>::max();
  for (int i = 0; i < 5; ++i) {
    const int64_t began = MonotonicNanos();
    volatile uint64_t result = RunGrain({.value = 1, .steps = kSteps});
    static_cast<void>(result);
    best = std::min(best, MonotonicNanos() - began);
  }
  return static_cast<double>(kSteps) / static_cast<double>(best);
}

double Median(std::vector<int64_t>& values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return static_cast<double>(*middle);
}

// Nanoseconds of one pass of `map`, of as many as take kShortestNs together.
template <class Map>
absl::StatusOr<int64_t> TimeOfPass(Map map) {
  int64_t passes = 0;
  const int64_t began = MonotonicNanos();
  for (;;) {
    if (absl::Status mapped = map(); !mapped.ok()) return mapped;
    ++passes;
    const int64_t took = MonotonicNanos() - began;
    if (took >= kShortestNs) return took / passes;
  }
}

void SetCounters(std::span<const SweepPoint> sweep, int processors, Meter& meter) {
  if (const auto grain = BreakEvenNs(sweep); grain.has_value()) meter.SetCounter("break_even_ns", *grain);
  if (const auto metg = MetgNs(sweep, 0.5, processors); metg.has_value()) meter.SetCounter("metg50_ns", *metg);
  if (const auto metg = MetgNs(sweep, 0.9, processors); metg.has_value()) meter.SetCounter("metg90_ns", *metg);
}

template <TaskPool P>
class Sweep : public Fixture {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(const PoolShape& shape, int64_t chunk, int processors) {
    absl::StatusOr<std::unique_ptr<P>> pool = P::Create(shape);
    if (!pool.ok()) return pool.status();
    return std::unique_ptr<Fixture>(new Sweep(*std::move(pool), chunk, processors));
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    for (int64_t i = 0; i < operations; ++i) {
      if (absl::Status swept = OneSweep(meter); !swept.ok()) return swept;
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override { return pool_->Finish(); }

 private:
  Sweep(std::unique_ptr<P> pool, int64_t chunk, int processors)
      : pool_(std::move(pool)), chunk_(chunk), processors_(processors) {}

  absl::Status OneSweep(Meter& meter) {
    const double steps_per_nano = StepsPerNano();
    std::vector<SweepPoint> sweep;
    meter.Begin();
    for (const int64_t grain_ns : kGrainsNs) {
      absl::StatusOr<SweepPoint> point =
          OneGrain(grain_ns, static_cast<int64_t>(static_cast<double>(grain_ns) * steps_per_nano));
      if (!point.ok()) return point.status();
      sweep.push_back(*point);
      meter.AddSweepPoint(*point);
    }
    meter.End(1);
    SetCounters(sweep, processors_, meter);
    return absl::OkStatus();
  }

  absl::StatusOr<SweepPoint> OneGrain(int64_t grain_ns, int64_t steps) {
    std::vector<Grain> tasks(TasksOf(grain_ns));
    for (size_t i = 0; i < tasks.size(); ++i) tasks[i] = {.value = i + 1, .steps = steps};
    Serial serial;
    std::vector<uint64_t> expected, results;
    std::vector<int64_t> serial_ns, system_ns;
    for (int round = 0; round < kRounds; ++round) {
      absl::StatusOr<int64_t> alone = TimeOfPass([&] { return serial.Map(&RunGrain, tasks, chunk_, expected); });
      if (!alone.ok()) return alone.status();
      serial_ns.push_back(*alone);
      results.assign(tasks.size(), 0);
      absl::StatusOr<int64_t> pooled = TimeOfPass([&] { return pool_->Map(&RunGrain, tasks, chunk_, results); });
      if (!pooled.ok()) return pooled.status();
      system_ns.push_back(*pooled);
      if (results != expected) {
        return absl::DataLossError(absl::StrCat("tasks of ", grain_ns, " ns returned something else than serial"));
      }
    }
    return SweepPoint{.target_ns = static_cast<double>(grain_ns),
                      .tasks = static_cast<double>(tasks.size()),
                      .serial_ns = Median(serial_ns),
                      .system_ns = Median(system_ns)};
  }

  std::unique_ptr<P> pool_;
  const int64_t chunk_;
  const int processors_;
};

// CPython sweeps by itself; what the sweep says is computed here.
class CPythonSweep : public Fixture {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(PartnerWatch& watch, const PoolShape& shape, int64_t chunk,
                                                        int processors) {
    std::vector<int64_t> tasks;
    for (const int64_t grain_ns : kGrainsNs) tasks.push_back(TasksOf(grain_ns));
    absl::StatusOr<std::unique_ptr<Fixture>> driver =
        CPython::Start(watch, "grain_sweep", shape.cpus,
                       {{"workers", shape.workers},
                        {"chunk", chunk},
                        {"grains", std::vector<int64_t>(std::begin(kGrainsNs), std::end(kGrainsNs))},
                        {"tasks", tasks},
                        {"rounds", kRounds}});
    if (!driver.ok()) return driver.status();
    return std::unique_ptr<Fixture>(new CPythonSweep(*std::move(driver), processors));
  }
  absl::Status Run(int64_t operations, Meter& meter) override {
    for (int64_t i = 0; i < operations; ++i) {
      if (absl::Status run = driver_->Run(1, meter); !run.ok()) return run;
    }
    SetCounters(meter.sweep(), processors_, meter);
    return absl::OkStatus();
  }
  absl::Status Finish() override { return driver_->Finish(); }

 private:
  CPythonSweep(std::unique_ptr<Fixture> driver, int processors) : driver_(std::move(driver)), processors_(processors) {}
  std::unique_ptr<Fixture> driver_;
  const int processors_;
};

absl::StatusOr<std::unique_ptr<Fixture>> Start(PartnerWatch& watch, const Entry& entry, int64_t chunk) {
  const int processors = entry.arm.processors_used;
  return StartOn(
      entry.runner, entry.shape, [&]<class P>(const PoolShape& on) { return Sweep<P>::Start(on, chunk, processors); },
      [&](const PoolShape& on) { return CPythonSweep::Start(watch, on, chunk, processors); });
}

}  // namespace

template <>
void AddArms<RowIndex("workload/grain_sweep")>(const Benchmark& row, const Configuration& configuration,
                                               std::vector<Arm>& arms) {
  for (const int64_t chunk : {1, 0}) {
    for (Entry& entry : WorkloadEntries(configuration, row, {{"chunk", chunk == 0 ? "auto" : absl::StrCat(chunk)}})) {
      // The serial ones against themselves show the noise, once.
      if (entry.runner == Runner::kSerialAgain) continue;
      if (chunk == 0 && (entry.runner == Runner::kSerial || entry.runner == Runner::kCPythonSerial)) continue;
      Arm arm = entry.arm;
      arm.max_operations = arm.min_operations;
      arm.start = [entry, chunk](PartnerWatch& watch) { return Start(watch, entry, chunk); };
      arms.push_back(std::move(arm));
    }
  }
}

}  // namespace regatta::bench
