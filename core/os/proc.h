// What /proc shows of processes and threads.
//
// A result is a snapshot, which may be out of date when the caller reads it. It is exact only for the calling process
// if that has no other threads.
#ifndef REGATTA_CORE_OS_PROC_H_
#define REGATTA_CORE_OS_PROC_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace regatta {

struct ThreadEntry {
  int32_t tid = 0;
  std::string name;
};

// The number of threads of this process. Threads that are just ending count; those of a sanitizer do not. Costs one
// system call. FailedPrecondition: /proc isn't mounted, and the process may have several threads.
absl::StatusOr<int> ThreadCount();

// Whether this process certainly has only one thread. Does not read /proc if the C library knows the answer, as the
// first such read of a new process costs tens of microseconds.
bool IsSingleThreaded();

// The greatest possible number of a sanitizer's threads among the `count` threads of this process. The sanitizer itself
// takes care of these at a fork. 0 in a program that was built without ThreadSanitizer.
int SanitizerThreads(int count);

// The threads of this process that have not ended. The calling thread and those of a sanitizer are among them. A thread
// that was joined has ended.
absl::StatusOr<std::vector<ThreadEntry>> ListThreads();

// The state letter of a process's main thread, as in /proc/PID/stat: R for running or ready, S or D for waiting, T for
// stopped, Z for dead and not reaped. NotFound: there is no such process.
absl::StatusOr<char> ProcessStateLetter(int32_t pid);

// The parent of process `pid`. NotFound: there is no such process.
absl::StatusOr<int32_t> ParentOf(int32_t pid);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_PROC_H_
