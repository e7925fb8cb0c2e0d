// Affinity: which processors a thread may run on, and pinning. Needs no topology.
//
// Processors  By the kernel's number, as in /proc/cpuinfo and `taskset -c`. Lists are ascending and without repeats in
//             results; in arguments any order will do.
// Threads     The kernel keeps an affinity per thread. New threads and children inherit it from the thread that makes
// them. Fork        May be called in a child. Bounds      The kernel lets a process leave the processors that `taskset`
// gave it, but not its cpuset (cgroup). Whoever
//             wants both kept takes processors from Topology, which offers only allowed ones.
#ifndef REGATTA_CORE_TOPOLOGY_AFFINITY_H_
#define REGATTA_CORE_TOPOLOGY_AFFINITY_H_

#include <sched.h>

#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace regatta {

// The processors that the calling thread may run on, at least one.
absl::StatusOr<std::vector<int>> CurrentAffinity();

// The same of the main thread of process `pid`. NotFound: there is none such.
absl::StatusOr<std::vector<int>> AffinityOf(pid_t pid);

// Lets the calling thread run on exactly `cpus` from now on; on return it runs on one of them.
// On error the affinity is as before. InvalidArgument: `cpus` is empty, or names one that doesn't exist, is offline or
// lies outside the cpuset; the message names it and the allowed ones. PermissionDenied: the system forbids pinning.
absl::Status PinThisThread(const std::vector<int>& cpus);

// The same for the main thread of process `pid`, a child not yet reaped (else the number may be another process's by
// now). Threads that it has already started keep theirs. NotFound: no such process. PermissionDenied: another user's.
absl::Status PinProcess(pid_t pid, const std::vector<int>& cpus);

// The processor that the caller runs on at this moment (CurrentProcessor of core/os, in the type of these lists); it
// may have moved by the time of reading, unless pinned to one.
int CurrentCpu();

// "0-3,8"; "none" if empty.
std::string FormatCpus(std::vector<int> cpus);

}  // namespace regatta

#endif  // REGATTA_CORE_TOPOLOGY_AFFINITY_H_
