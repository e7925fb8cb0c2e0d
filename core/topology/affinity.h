// Affinity: which processors a thread may run on, and pinning. Needs no topology.
//
// Processors  Are named by the kernel's number, as in /proc/cpuinfo and `taskset -c`. Lists in results ascend and name
//             each processor once. Lists in arguments may have any order.
// Threads     The kernel keeps an affinity for each thread. New threads and children inherit it from the thread that
//             makes them.
// Fork        All functions may be called in a child.
// Bounds      The kernel lets a process leave the processors that `taskset` gave it, but not its cpuset (cgroup). To
//             keep both bounds, take processors from Topology, which offers only processors that are allowed.
#ifndef REGATTA_CORE_TOPOLOGY_AFFINITY_H_
#define REGATTA_CORE_TOPOLOGY_AFFINITY_H_

#include <sched.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace regatta {

// Returns the processors on which the calling thread may run, at least one.
absl::StatusOr<std::vector<int>> CurrentAffinity();

// The same for the main thread of process `pid`. NotFound: there is no such process.
absl::StatusOr<std::vector<int>> AffinityOf(pid_t pid);

// Lets the calling thread run on exactly `cpus`. When this returns, the thread runs on one of them. On error the
// affinity is as before. InvalidArgument: `cpus` is empty, or names a processor that doesn't exist, is offline or lies
// outside of the cpuset; the message names it and the allowed ones. PermissionDenied: the system forbids pinning.
absl::Status PinThisThread(const std::vector<int>& cpus);

// The same for the main thread of process `pid`. It must be a child that has not been reaped; otherwise the kernel may
// have given the pid to another process. Threads that the process has already started keep their affinity. NotFound:
// there is no such process. PermissionDenied: the process belongs to another user.
absl::Status PinProcess(pid_t pid, const std::vector<int>& cpus);

// Returns the processor on which the calling thread runs (CurrentProcessor of core/os, in the type of these lists). A
// thread that is not pinned to one processor may have moved when the caller reads the result.
int CurrentCpu();

// Returns for example "0-3,8", or "none" if the list is empty.
std::string FormatCpus(std::vector<int> cpus);

}  // namespace regatta

#endif  // REGATTA_CORE_TOPOLOGY_AFFINITY_H_
