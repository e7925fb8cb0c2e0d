// What the workloads have in common: which systems run them, with how many workers, where.
#ifndef REGATTA_BENCH_WORKLOAD_H_
#define REGATTA_BENCH_WORKLOAD_H_

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "bench/harness/arm.h"
#include "bench/harness/configuration.h"
#include "bench/peers/core_pool.h"
#include "bench/peers/task_pool.h"
#include "bench/peers/threads.h"
#include "bench/table/benchmarks.h"

namespace regatta::bench {

// One of the systems that a workload runs on.
enum class Runner { kSerial, kSerialAgain, kPool, kThreads, kCPythonSerial, kCPythonPool };
absl::string_view RunnerName(Runner runner);
bool IsCPython(Runner runner);

// One system with one number of workers. The serial systems have one, on the submitter's processor.
struct Entry {
  Runner runner;
  // cpus: as PoolShape has them; the serial runners have only the first. workers: 0 for CPython's serial runner.
  PoolShape shape;
  // The caller has filled in its key, its processors and whether it is available. The workload adds the code to run.
  Arm arm;
};
// `more_fields`: behind workers in the keys.
std::vector<Entry> WorkloadEntries(const Configuration& configuration, const Benchmark& row,
                                   const std::vector<std::pair<std::string, std::string>>& more_fields = {});

// Starts a workload on its runner: start.template operator()<Pool>(shape) for the pools of this language,
// start_cpython(shape) for CPython's.
template <class Start, class StartCPython>
absl::StatusOr<std::unique_ptr<Fixture>> StartOn(Runner runner, const PoolShape& shape, Start start,
                                                 StartCPython start_cpython) {
  switch (runner) {
    case Runner::kSerial:
    case Runner::kSerialAgain:
      return start.template operator()<Serial>(shape);
    case Runner::kThreads:
      return start.template operator()<Threads>(shape);
    case Runner::kPool:
      return start.template operator()<CorePool>(shape);
    case Runner::kCPythonSerial:
    case Runner::kCPythonPool:
      return start_cpython(shape);
  }
  return absl::InternalError("no such runner");
}

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_WORKLOAD_H_
