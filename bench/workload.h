// What the workloads have in common: which systems run them, with how many workers, where.
#ifndef REGATTA_BENCH_WORKLOAD_H_
#define REGATTA_BENCH_WORKLOAD_H_

#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "bench/harness/arm.h"
#include "bench/harness/configuration.h"
#include "bench/peers/task_pool.h"
#include "bench/table/benchmarks.h"

namespace regatta::bench {

// One of the systems that a workload runs on.
enum class Runner { kSerial, kSerialAgain, kPool, kThreads, kCPythonSerial, kCPythonPool };
absl::string_view RunnerName(Runner runner);
bool IsCPython(Runner runner);

// Every system with every number of workers: the serial ones with one, on the submitter's processor.
struct Entry {
  Runner runner;
  PoolShape
      shape;  // cpus: as PoolShape has them; for the serial ones the first alone. workers: 0 for CPython's serial.
  // Key, processors and availability filled in; what it starts is the workload's.
  Arm arm;
};
// `more_fields`: behind workers in the keys.
std::vector<Entry> WorkloadEntries(const Configuration& configuration, const Benchmark& row,
                                   const std::vector<std::pair<std::string, std::string>>& more_fields = {});

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_WORKLOAD_H_
