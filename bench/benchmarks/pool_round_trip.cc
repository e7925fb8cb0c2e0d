// pool_round_trip: one empty task to a worker and its result back. pool_round_trip_slept: the same, when the workers
// have been asleep.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
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
#include "core/os/cpu.h"
#include "core/os/deadline.h"

namespace regatta::bench {
namespace {

constexpr int64_t kAsleepNs = 1'000'000;
constexpr int64_t kMostSamples = 1 << 20;

template <TaskPool P>
class PoolRoundTrips : public Fixture {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(PartnerWatch&, const PoolShape& shape, bool slept) {
    absl::StatusOr<std::unique_ptr<P>> pool = P::Create(shape);
    if (!pool.ok()) return pool.status();
    return std::unique_ptr<Fixture>(new PoolRoundTrips(*std::move(pool), slept));
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    LatencyHistogram latencies;
    for (int64_t done = 0; done < operations;) {
      const int64_t part = std::min(operations - done, kMostSamples);
      if (absl::Status run = RunPart(part, meter); !run.ok()) return run;
      latencies.Add(std::span(samples_).first(part));
      done += part;
    }
    meter.MergeLatencies(latencies);
    return absl::OkStatus();
  }

  absl::Status Finish() override { return pool_->Finish(); }

 private:
  PoolRoundTrips(std::unique_ptr<P> pool, bool slept) : pool_(std::move(pool)), slept_(slept), samples_(kMostSamples) {}

  absl::Status RunPart(int64_t tasks, Meter& meter) {
    meter.Begin();
    if (absl::Status first = OneTask(); !first.ok()) return first;  // Untimed: it may wake the workers.
    int64_t sum = 0;
    int64_t left = MonotonicNanos();
    for (int64_t i = 0; i < tasks; ++i) {
      if (slept_) {
        // Spinning, so that this processor stays awake.
        const int64_t since = left;
        while (left - since < kAsleepNs) {
          CpuPause();
          left = MonotonicNanos();
        }
      }
      if (absl::Status task = OneTask(); !task.ok()) return task;
      const int64_t back = MonotonicNanos();
      samples_[i] = back - left;
      sum += back - left;
      left = back;
    }
    meter.Measured(sum);
    if (slept_) meter.DiscardCpuTime();
    meter.End(tasks);
    return absl::OkStatus();
  }

  absl::Status OneTask() {
    const uint64_t value = ++value_;
    absl::StatusOr<uint64_t> result = pool_->Apply(&RunGrain, Grain{.value = value, .steps = 0});
    if (!result.ok()) [[unlikely]]
      return result.status();
    if (*result != value) [[unlikely]] {
      return absl::DataLossError(absl::StrCat("the task returned ", *result, " instead of ", value));
    }
    return absl::OkStatus();
  }

  std::unique_ptr<P> pool_;
  const bool slept_;
  std::vector<int64_t> samples_;
  uint64_t value_ = 0;
};

absl::StatusOr<std::unique_ptr<Fixture>> StartCPython(PartnerWatch& watch, const PoolShape& shape, bool slept) {
  return CPython::Start(watch, "pool_round_trip", shape.cpus, {{"workers", shape.workers}, {"slept", slept}});
}

struct System {
  const char* name;
  int64_t min_operations;
  absl::StatusOr<std::unique_ptr<Fixture>> (*start)(PartnerWatch&, const PoolShape&, bool slept);
};

constexpr System kSystems[] = {
    {"core", 1000, &PoolRoundTrips<CorePool>::Start},
    {"threads", 100, &PoolRoundTrips<Threads>::Start},
    {"cpython", 20, &StartCPython},
};

void AddRoundTrips(const Benchmark& row, const Configuration& configuration, bool slept, std::vector<Arm>& arms) {
  std::vector<std::pair<int, ArmPlacement>> placements;
  for (ArmPlacement& placement : configuration.PoolPairs(1)) placements.emplace_back(1, std::move(placement));
  placements.emplace_back(2, configuration.Spread(2));
  if (configuration.options().pin) placements.emplace_back(2, configuration.Unpinned(2));
  for (const System& system : kSystems) {
    for (const auto& [workers, placement] : placements) {
      Arm arm = configuration.NewArm(row, system.name,
                                     {{"workers", absl::StrCat(workers)}, {"placement", placement.name}}, placement);
      arm.min_operations = slept ? 5 : system.min_operations;
      arm.start = [&system, shape = PoolShape{.workers = workers, .cpus = placement.cpus}, slept](PartnerWatch& watch) {
        return system.start(watch, shape, slept);
      };
      arms.push_back(std::move(arm));
    }
  }
}

}  // namespace

template <>
void AddArms<RowIndex("pool_round_trip")>(const Benchmark& row, const Configuration& configuration,
                                          std::vector<Arm>& arms) {
  AddRoundTrips(row, configuration, /*slept=*/false, arms);
}

template <>
void AddArms<RowIndex("pool_round_trip_slept")>(const Benchmark& row, const Configuration& configuration,
                                                std::vector<Arm>& arms) {
  AddRoundTrips(row, configuration, /*slept=*/true, arms);
}

}  // namespace regatta::bench
