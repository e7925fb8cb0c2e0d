// The two ways in which the core copies this process.
#ifndef REGATTA_CORE_OS_FORK_H_
#define REGATTA_CORE_OS_FORK_H_

#include <atomic>
#include <cstdint>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "core/os/fd.h"

namespace regatta {

// The error of a call that could not make a process. The message says what to do if no processes are left, or if the
// first process of the PID namespace has ended.
absl::Status NoProcessError(absl::string_view call, int error_number);

struct Forked {
  int32_t pid = 0;  // 0 in the child.
  Fd pidfd;         // In the parent.
};

// Calls fork(), with all that the C library does around it, and opens a pidfd of the child.
// ResourceExhausted: no processes, memory or descriptors left. If the pidfd could not be opened, the child is killed;
// it may have run for an instant.
absl::StatusOr<Forked> ForkWithPidfd();

// Makes a *sibling*: a copy of this process whose parent is this process's parent. Only that parent can wait for it.
//
// CloneSibling bypasses the C library's fork. Handlers of pthread_atfork do not run. In the child it corrects the
// thread id that the C library caches (robust and recursive mutexes store it) and the robust list. Therefore the
// process must have one thread and hold no robust mutex.
//
// The kernel writes the child's pid to `*pid_in_shared_memory` before the child runs and before this function returns.
// A process that shares this memory thus knows of the child even if the calling process is killed at this moment.
// FailedPrecondition: this process has threads or holds robust mutexes; the cached thread id was not found; or the
// kernel or a sandbox refuses a necessary call.
// ResourceExhausted: no processes, memory or descriptors left. Nothing was made.
absl::StatusOr<Forked> CloneSibling(std::atomic<int32_t>* pid_in_shared_memory);

namespace fork_internal {
// The address at which the C library caches the calling thread's id. The first function asks the kernel; the second
// searches the thread's descriptor and verifies what it finds. Null: not found.
int32_t* CachedThreadIdFromKernel();
int32_t* CachedThreadIdBySearch();
}  // namespace fork_internal

}  // namespace regatta

#endif  // REGATTA_CORE_OS_FORK_H_
