// What /proc says of processes and threads.
//
// A snapshot that may be old by the time it is read, except about the calling thread's own process when it has no other
// threads.
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

// How many threads this process has, those included that are just ending and those of a sanitizer left out. One system
// call. FailedPrecondition: /proc isn't mounted, and there is not surely one thread only.
absl::StatusOr<int> ThreadCount();

// Whether this process surely has one thread; without a look into /proc where the C library knows, for a new process's
// first one costs tens of microseconds.
bool IsSingleThreaded();

// At most so many of this process's `count` threads are a sanitizer's own, which it takes care of itself at a fork. 0
// in a program that was built without ThreadSanitizer.
int SanitizerThreads(int count);

// The threads of this process that have not ended, the calling one and a sanitizer's included. A thread that was joined
// has ended.
absl::StatusOr<std::vector<ThreadEntry>> ListThreads();

// The state letter of a process's main thread as in /proc/PID/stat: R running or ready, S or D waiting, T stopped, Z
// dead and not yet reaped. NotFound: there is no such process.
absl::StatusOr<char> ProcessStateLetter(int32_t pid);

// The parent of process `pid`. NotFound: there is no such process.
absl::StatusOr<int32_t> ParentOf(int32_t pid);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_PROC_H_
