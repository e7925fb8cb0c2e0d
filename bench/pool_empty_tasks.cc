#include "bench/pool_empty_tasks.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/peers/core_pool.h"
#include "bench/peers/cpython.h"
#include "bench/peers/task_pool.h"
#include "bench/peers/threads.h"
#include "bench/tasks.h"
#include "core/os/deadline.h"
#include "nlohmann/json.hpp"

namespace regatta::bench {
namespace {

constexpr int64_t kInFlight = 1000;

template <TaskPool P>
class EmptyTasks : public Race {
 public:
  static absl::StatusOr<std::unique_ptr<Race>> Start(PartnerWatch&, const Crew& crew, int64_t chunk) {
    absl::StatusOr<std::unique_ptr<P>> pool = P::Create(crew);
    if (!pool.ok()) return pool.status();
    return std::unique_ptr<Race>(new EmptyTasks(*std::move(pool), chunk));
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

absl::StatusOr<std::unique_ptr<Race>> StartCPython(PartnerWatch& watch, const Crew& crew, int64_t chunk) {
  const nlohmann::json wish = {{"benchmark", "pool_empty_tasks"},
                               {"cpus", crew.cpus},
                               {"workers", crew.workers},
                               {"chunk", chunk},
                               {"in_flight", kInFlight}};
  return CPython::Start(watch, wish.dump());
}

struct System {
  const char* name;
  absl::StatusOr<std::unique_ptr<Race>> (*start)(PartnerWatch&, const Crew&, int64_t chunk);
};

constexpr System kSystems[] = {
    {"core", &EmptyTasks<CorePool>::Start},
    {"threads", &EmptyTasks<Threads>::Start},
    {"cpython", &StartCPython},
};

}  // namespace

void AddPoolEmptyTasks(const Course& course, std::vector<Arm>& arms) {
  std::vector<std::pair<int, Spot>> spots;
  for (Spot& spot : course.PoolPairs(1)) spots.emplace_back(1, std::move(spot));
  for (const int workers : course.worker_counts()) {
    if (workers == 1) continue;
    spots.emplace_back(workers, course.Spread(workers));
    if (workers == 2 && course.wishes().pin) spots.emplace_back(workers, course.Unpinned(workers));
  }
  for (const System& system : kSystems) {
    for (const auto& [workers, spot] : spots) {
      for (const int64_t chunk : {1, 16, 0}) {
        Arm arm;
        arm.key = {.benchmark = "pool_empty_tasks",
                   .workload = "",
                   .system = system.name,
                   .fields = {{"workers", absl::StrCat(workers)},
                              {"chunk", chunk == 0 ? "auto" : absl::StrCat(chunk)},
                              {"placement", spot.placement}}};
        course.MarkAbsent(arm, system.name);
        arm.unavailable = spot.unavailable;
        arm.cpus = spot.cpus;
        arm.processors_used = spot.processors_used;
        arm.batch = kInFlight;
        arm.rate = true;
        arm.start = [&system, crew = Crew{.workers = workers, .cpus = spot.cpus}, chunk](PartnerWatch& watch) {
          return system.start(watch, crew, chunk);
        };
        arms.push_back(std::move(arm));
      }
    }
  }
}

}  // namespace regatta::bench
