// pool_empty_tasks: how many empty tasks a second go through a pool, with up to 1,000 in flight.
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmarks/add_arms.h"
#include "bench/peers/core_pool.h"
#include "bench/peers/cpython.h"
#include "bench/peers/task_pool.h"
#include "bench/peers/threads.h"
#include "bench/tasks.h"
#include "core/os/deadline.h"

namespace regatta::bench {
namespace {

constexpr int64_t kInFlight = 1000;

template <TaskPool P>
class EmptyTasks : public Fixture {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(PartnerWatch&, const PoolShape& shape, int64_t chunk) {
    absl::StatusOr<std::unique_ptr<P>> pool = P::Create(shape);
    if (!pool.ok()) return pool.status();
    return std::unique_ptr<Fixture>(new EmptyTasks(*std::move(pool), chunk));
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    const int64_t rounds = std::max<int64_t>(1, (operations + kInFlight - 1) / kInFlight);
    int64_t sum = 0;
    meter.Begin();
    for (int64_t round = 0; round < rounds; ++round) {
      for (Grain& task : tasks_) task.value = ++value_;
      const int64_t began = MonotonicNanos();
      if (absl::Status mapped = pool_->Map(&RunGrain, tasks_, chunk_, results_); !mapped.ok()) return mapped;
      sum += MonotonicNanos() - began;
      for (size_t i = 0; i < tasks_.size(); ++i) {
        if (results_[i] != tasks_[i].value) {
          return absl::DataLossError(
              absl::StrCat("task ", i, " returned ", results_[i], " instead of ", tasks_[i].value));
        }
      }
    }
    meter.Measured(sum);  // Without the checks.
    meter.End(rounds * kInFlight);
    return absl::OkStatus();
  }

  absl::Status Finish() override { return pool_->Finish(); }

 private:
  EmptyTasks(std::unique_ptr<P> pool, int64_t chunk) : pool_(std::move(pool)), chunk_(chunk), tasks_(kInFlight) {}

  std::unique_ptr<P> pool_;
  const int64_t chunk_;
  std::vector<Grain> tasks_;
  std::vector<uint64_t> results_;
  uint64_t value_ = 0;
};

absl::StatusOr<std::unique_ptr<Fixture>> StartCPython(PartnerWatch& watch, const PoolShape& shape, int64_t chunk) {
  return CPython::Start(watch, "pool_empty_tasks", shape.cpus,
                        {{"workers", shape.workers}, {"chunk", chunk}, {"in_flight", kInFlight}});
}

struct System {
  const char* name;
  absl::StatusOr<std::unique_ptr<Fixture>> (*start)(PartnerWatch&, const PoolShape&, int64_t chunk);
};

constexpr System kSystems[] = {
    {"core", &EmptyTasks<CorePool>::Start},
    {"threads", &EmptyTasks<Threads>::Start},
    {"cpython", &StartCPython},
};

}  // namespace

template <>
void AddArms<RowIndex("pool_empty_tasks")>(const Benchmark& row, const Configuration& configuration,
                                           std::vector<Arm>& arms) {
  std::vector<std::pair<int, ArmPlacement>> placements;
  for (ArmPlacement& placement : configuration.PoolPairs(1)) placements.emplace_back(1, std::move(placement));
  for (const int workers : configuration.worker_counts()) {
    if (workers == 1) continue;
    placements.emplace_back(workers, configuration.Spread(workers));
    if (workers == 2 && configuration.options().pin) placements.emplace_back(workers, configuration.Unpinned(workers));
  }
  for (const System& system : kSystems) {
    for (const auto& [workers, placement] : placements) {
      for (const int64_t chunk : {1, 16, 0}) {
        Arm arm = configuration.NewArm(row, system.name,
                                       {{"workers", absl::StrCat(workers)},
                                        {"chunk", chunk == 0 ? "auto" : absl::StrCat(chunk)},
                                        {"placement", placement.name}},
                                       placement);
        arm.min_operations = kInFlight;
        arm.start = [&system, shape = PoolShape{.workers = workers, .cpus = placement.cpus},
                     chunk](PartnerWatch& watch) { return system.start(watch, shape, chunk); };
        arms.push_back(std::move(arm));
      }
    }
  }
}

}  // namespace regatta::bench
