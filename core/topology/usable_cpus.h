// How many processors' worth of work this process can do at once: affinity, cpuset and cgroup CPU quota together. Needs no
// topology. Reads files under /proc and /sys/fs/cgroup each time: ask once, not per call.
#ifndef REGATTA_CORE_TOPOLOGY_USABLE_CPUS_H_
#define REGATTA_CORE_TOPOLOGY_USABLE_CPUS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace regatta {

// The count of allowed processors, or the quota where that is less, a fraction rounded up: at least 1.
// What the kernel doesn't show limits nothing here; CpuQuota says why.
int UsableCpus();

// The smallest CPU quota, in processors (1.5), on the way from this process's cgroup to the root: cgroup v2's cpu.max
// and v1's cpu.cfs_quota_us over cpu.cfs_period_us. Infinity: none is set, or there are no cgroups. Levels above a
// container's own cgroup mount can't be seen from within it. `root` is the folder under which proc/ and the mount
// points of proc/self/mountinfo are looked up. DataLoss: one of the files isn't in the kernel's format. An errno: one
// exists and can't be read.
absl::StatusOr<double> CpuQuota(const std::string& root = "/");

// `allowed` processors under `quota`, as UsableCpus counts.
int UsableCpus(int allowed, double quota);

}  // namespace regatta

#endif  // REGATTA_CORE_TOPOLOGY_USABLE_CPUS_H_
