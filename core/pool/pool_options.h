// How a pool is made, and what it tells of itself.
#ifndef REGATTA_CORE_POOL_POOL_OPTIONS_H_
#define REGATTA_CORE_POOL_POOL_OPTIONS_H_

#include <cstdint>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "core/process/start_method.h"
#include "core/topology/placement.h"

namespace regatta {

struct PoolOptions {
  // Worker processes, 1 to 1,024. Absent: as many as this process has usable processors (affinity, cgroup quota).
  std::optional<int> workers = std::nullopt;
  // kFork: workers have this process's memory and descriptors as they were when the pool was made; needs a process
  // without foreign threads.
  // kSpawn, kForkserver: they are copies of a fresh process of this program, and inherit nothing.
  StartMethod method = StartMethod::kFork;
  // Which processor each worker is pinned to, seen from `submitter_cpu`.
  PinPolicy pin = PinPolicy::kNone;
  // The processor the pool is used from; absent: the one that Create runs on. For `pin` only.
  std::optional<int> submitter_cpu = std::nullopt;
  // Worker i runs on cpus[i modulo its size], instead of `pin`. Empty: `pin` decides.
  std::vector<int> cpus = {};
};

struct PoolStatistics {
  // FailedPrecondition: asked in a forked child of the pool's owner; the rest is empty then.
  absl::Status status;
  std::vector<int32_t> pids;     // Of the live workers.
  uint64_t tasks_done = 0;       // Resolved, whatever the outcome; a chunk counts once.
  uint64_t workers_started = 0;  // Replacements included.
  uint64_t workers_died = 0;     // That were replaced, or should have been.
  uint64_t tasks_retried = 0;
  uint64_t callbacks_failed = 0;  // That threw, where no error callback took the exception.
  absl::Status callback_error;    // What the last of these threw.
};

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_POOL_OPTIONS_H_
