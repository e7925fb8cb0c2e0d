// CPU time of a whole family of processes, and what else used the processors meanwhile.
#ifndef REGATTA_BENCH_HARNESS_CPU_TIME_H_
#define REGATTA_BENCH_HARNESS_CPU_TIME_H_

#include <cstdint>
#include <unordered_map>
#include <vector>

#include "absl/status/statusor.h"
#include "bench/harness/run_result.h"

namespace regatta::bench {

// CPU time so far of this process and of all below it: children and their children, and those of its process group
// whose parent is gone; dead ones as soon as they are reaped. Nanoseconds. Costs a look at every process of the
// machine.
absl::StatusOr<int64_t> FamilyCpuNanos();

// Switches, page faults and migrations so far of the same family, thread by thread. What threads did that ended before
// now is counted of this process and of children that it has reaped; of the others' only the faults, for the kernel
// keeps no more.
absl::StatusOr<Usage> FamilyUsage();

// Reads the kernel's counters at the start and at the end of a stretch of time.
class NoiseMeter {
 public:
  // `cpus`: those whose use by others counts: to the nanosecond by processes that live on, by those that end meanwhile
  // only what the processors' coarse ticks surely show.
  explicit NoiseMeter(std::vector<int> cpus);
  Noise End() const;

 private:
  struct Other {
    int64_t cpu_ns = 0;
    int cpu = -1;  // Where it last ran.
  };
  struct Reading {
    bool known = false;
    int64_t at_ns = 0;
    int64_t total_ticks = 0;
    int64_t busy_ticks = 0;
    int64_t steal_ticks = 0;
    int64_t family_ns = -1;
    std::unordered_map<int, Other> others;  // By pid.
  };
  Reading Read() const;
  bool IsOurs(int cpu) const;
  int64_t OthersNanos(const Reading& end) const;
  static Noise ReadSelf();

  std::vector<int> cpus_;
  Reading begin_;
  Noise self_begin_;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_CPU_TIME_H_
