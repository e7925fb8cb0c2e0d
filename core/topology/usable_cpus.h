// How many processors this process can keep busy. Affinity, cpuset and the cgroup's CPU quota limit that. Needs no
// topology. Each call reads files under /proc and /sys/fs/cgroup: call it once and keep the result.
#ifndef REGATTA_CORE_TOPOLOGY_USABLE_CPUS_H_
#define REGATTA_CORE_TOPOLOGY_USABLE_CPUS_H_

#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace regatta {

// Returns the number of allowed processors, or the quota if that is less; a fraction is rounded up, so the result is at
// least 1. A limit that the kernel doesn't show is not considered; the errors of CpuQuota say why.
int UsableCpus();

// Returns the smallest CPU quota, in processors (for example 1.5), of this process's cgroup and those above it. Cgroup
// v2 has it in cpu.max; v1 has it as cpu.cfs_quota_us divided by cpu.cfs_period_us. Infinity: no quota is set, or there
// are no cgroups. A process in a container can't see the levels above the container's own cgroup mount. The function
// looks for proc/ and for the mount points of proc/self/mountinfo in the folder `root`. DataLoss: a file isn't in the
// kernel's format. An errno: a file exists and can't be read.
absl::StatusOr<double> CpuQuota(const std::string& root = "/");

// Returns what UsableCpus returns for so many allowed processors and such a quota.
int UsableCpus(int allowed, double quota);

}  // namespace regatta

#endif  // REGATTA_CORE_TOPOLOGY_USABLE_CPUS_H_
