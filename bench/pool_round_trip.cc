#include "bench/pool_round_trip.h"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/peers/core_pool.h"
#include "bench/peers/cpython.h"
#include "bench/peers/task_pool.h"
#include "bench/peers/threads.h"
#include "bench/tasks.h"
#include "core/os/cpu.h"
#include "core/os/deadline.h"
#include "nlohmann/json.hpp"

namespace regatta::bench {
namespace {

constexpr int64_t kAsleepNs = 1'000'000;
constexpr int64_t kMostSamples = 1 << 20;

template <TaskPool P>
class PoolRoundTrips : public Race {
 public:
  static absl::StatusOr<std::unique_ptr<Race>> Start(PartnerWatch&, const Crew& crew, bool slept) {
    absl::StatusOr<std::unique_ptr<P>> pool = P::Create(crew);
    if (!pool.ok()) return pool.status();
    return std::unique_ptr<Race>(new PoolRoundTrips(*std::move(pool), slept));
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
    if (slept_) meter.ForgetCpu();
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

absl::StatusOr<std::unique_ptr<Race>> StartCPython(PartnerWatch& watch, const Crew& crew, bool slept) {
  const nlohmann::json wish = {
      {"benchmark", "pool_round_trip"}, {"cpus", crew.cpus}, {"workers", crew.workers}, {"slept", slept}};
  return CPython::Start(watch, wish.dump());
}

struct System {
  const char* name;
  int64_t batch;
  absl::StatusOr<std::unique_ptr<Race>> (*start)(PartnerWatch&, const Crew&, bool slept);
};

constexpr System kSystems[] = {
    {"core", 1000, &PoolRoundTrips<CorePool>::Start},
    {"threads", 100, &PoolRoundTrips<Threads>::Start},
    {"cpython", 20, &StartCPython},
};

}  // namespace

void AddPoolRoundTrip(const Course& course, std::vector<Arm>& arms) {
  std::vector<std::pair<int, Spot>> spots;
  for (Spot& spot : course.PoolPairs(1)) spots.emplace_back(1, std::move(spot));
  spots.emplace_back(2, course.Spread(2));
  if (course.wishes().pin) spots.emplace_back(2, course.Unpinned(2));
  for (const bool slept : {false, true}) {
    for (const System& system : kSystems) {
      for (const auto& [workers, spot] : spots) {
        Arm arm;
        arm.key = {.benchmark = slept ? "pool_round_trip_slept" : "pool_round_trip",
                   .workload = "",
                   .system = system.name,
                   .fields = {{"workers", absl::StrCat(workers)}, {"placement", spot.placement}}};
        course.MarkAbsent(arm, system.name);
        arm.unavailable = spot.unavailable;
        arm.cpus = spot.cpus;
        arm.processors_used = spot.processors_used;
        arm.batch = slept ? 5 : system.batch;
        arm.start = [&system, crew = Crew{.workers = workers, .cpus = spot.cpus}, slept](PartnerWatch& watch) {
          return system.start(watch, crew, slept);
        };
        arms.push_back(std::move(arm));
      }
    }
  }
}

}  // namespace regatta::bench
