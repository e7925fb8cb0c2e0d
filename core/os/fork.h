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

// The error of a call that could not make a process; says the way out where there is none left, or where the namespace
// of the children has lost its first process.
absl::Status NoProcessError(absl::string_view call, int error_number);

struct Forked {
  int32_t pid = 0;  // 0 in the child.
  Fd pidfd;         // In the parent.
};

// fork(), with everything that the C library does around it, plus a pidfd.
// ResourceExhausted: no processes, memory or descriptors left. A child that came to be before that was known is killed;
// it may have run for an instant.
absl::StatusOr<Forked> ForkWithPidfd();

// Makes a *sibling*: a copy of this process whose parent is this process's parent, which alone can wait for it.
//
// Bypasses the C library's fork: handlers of pthread_atfork don't run; the thread id that the library caches (robust
// and recursive mutexes store it) and the robust list are put right in the child. So only for a process that has one
// thread and holds no robust mutex.
//
// The kernel writes the child's pid to `*pid_in_shared_memory` before the child runs and before this returns, so that
// whoever shares it knows of the child even if this process is killed right here.
// FailedPrecondition: this process has threads or holds robust mutexes, the cached thread id can't be found, or the
// kernel or a sandbox refuses a call that this can't do without.
// ResourceExhausted: no processes, memory or descriptors left; nothing was made.
absl::StatusOr<Forked> CloneSibling(std::atomic<int32_t>* pid_in_shared_memory);

namespace fork_internal {
// Where the C library keeps the calling thread's id: by asking the kernel, and by searching the thread's descriptor and
// proving the find. Null: not found.
int32_t* CachedThreadIdFromKernel();
int32_t* CachedThreadIdBySearch();
}  // namespace fork_internal

}  // namespace regatta

#endif  // REGATTA_CORE_OS_FORK_H_
