// What the owner of a pool does for one task, in instructions, printed as counted_paths does: stepped one by one, as
// callgrind can't run a pool (valgrind 3.19 knows no pidfd_open). A task's are the difference between 20 tasks and 10.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "core/os/cpu.h"
#include "core/pool/pool.h"
#include "core/process/runtime.h"
#include "core/testing/forked_child.h"
#include "core/testing/single_step.h"
#include "core/topology/affinity.h"

namespace regatta::bench {
namespace {

constexpr int kFew = 10;
constexpr int kMore = 20;
constexpr int kWarmUp = 200;  // Slots, queues and the allocator's stocks have their size then.

// Where the worker is while the owner posts.
struct Gate {
  std::atomic<bool> come{false};
  std::atomic<bool> open{false};
};
Gate* g_gate = nullptr;
int g_worker_cpu = 0;

int PassGate() {
  g_gate->come = true;
  while (!g_gate->open) CpuPause();
  return 0;
}
int Square(int x) { return x * x; }

void Require(bool holds, const absl::Status& why) {
  if (holds) return;
  std::fprintf(stderr, "stepped paths: %s\n", why.ToString().c_str());
  std::abort();
}

// In a child that is stepped: posts `tasks` while the only worker is busy, or takes their results in when it has done
// all and sleeps.
int Owner(int tasks, bool submitting) {
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 1, .cpus = {g_worker_cpu}});
  Require(pool.ok(), pool.status());
  const int32_t worker = pool->statistics().pids.at(0);
  std::vector<AsyncResult<int>> results(kWarmUp);
  const auto post = [&](int count) {
    for (int i = 0; i < count; ++i) {
      absl::StatusOr<AsyncResult<int>> result = pool->ApplyAsync(Square, i);
      if (!result.ok()) Require(false, result.status());
      results[i] = *std::move(result);
    }
  };
  const auto take = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const absl::StatusOr<int> value = results[i].Get();
      if (!value.ok() || *value != i * i) Require(false, value.status());
    }
  };
  post(kWarmUp);
  take(kWarmUp);
  const auto busy = pool->ApplyAsync(PassGate);
  Require(busy.ok(), busy.status());
  while (!g_gate->come) CpuPause();
  if (submitting) BeginSteps();
  post(tasks);
  if (submitting) EndSteps();
  g_gate->open = true;
  // The pool isn't asked: it would take in what is there already.
  Require(Eventually([worker] { return IsAsleep(worker); }), absl::InternalError("the worker comes to no end"));
  if (!submitting) BeginSteps();
  take(tasks);
  if (!submitting) EndSteps();
  Require(busy->Get().ok(), absl::InternalError("the worker did not pass the gate"));
  return 0;
}

uint64_t StepsOnce(int tasks, bool submitting) {
  const Shared<Gate> gate;
  g_gate = &*gate;
  SteppedChild owner([&] { return Owner(tasks, submitting); });
  Require(owner.Step(10'000'000) == SteppedChild::At::kEnd,
          absl::InternalError("the owner sleeps where it should not"));
  const uint64_t steps = owner.process().steps();
  Require(owner.Finish() == 0, absl::InternalError("the owner failed"));
  return steps;
}

// The fewest of three: the pool's own thread may hold a lock when the owner comes for it.
uint64_t Steps(int tasks, bool submitting) {
  uint64_t fewest = StepsOnce(tasks, submitting);
  for (int i = 0; i < 2; ++i) fewest = std::min(fewest, StepsOnce(tasks, submitting));
  return fewest;
}

int Main(int argc, char** argv) {
  Init(&argc, &argv);
  const absl::StatusOr<std::vector<int>> usable = CurrentAffinity();
  Require(usable.ok(), usable.status());
  const SteppedHere here;
  // Where the owner isn't, if there is such a place: it is in no hurry to leave the gate.
  for (const int cpu : *usable) {
    if (g_worker_cpu = cpu; cpu != CurrentCpu()) break;
  }
  for (const bool submitting : {true, false}) {
    const double each = static_cast<double>(Steps(kMore, submitting) - Steps(kFew, submitting)) / (kMore - kFew);
    std::printf("pool_task/%s\tsteps\t%g\t\n", submitting ? "submit" : "collect", each);
  }
  return 0;
}

}  // namespace
}  // namespace regatta::bench

int main(int argc, char** argv) { return regatta::bench::Main(argc, argv); }
