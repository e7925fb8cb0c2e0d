// For tests: a process that runs a function, and what a test wants to see and do with processes.
//
// Threads  Fork where no other thread runs, but for tests of exactly that.
// End      The child ends by _exit: nothing of the test framework runs in it. Left behind by a test, it is killed and
//          reaped.
#ifndef REGATTA_CORE_TESTING_FORKED_CHILD_H_
#define REGATTA_CORE_TESTING_FORKED_CHILD_H_

#include <cstdint>
#include <cstdio>
#include <functional>
#include <new>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "core/testing/watchdog.h"

// In a child's body: says what does not hold, and ends with code 1.
#define REGATTA_CHILD_REQUIRE(condition)                                                             \
  do {                                                                                               \
    if (!(condition)) {                                                                              \
      std::fprintf(stderr, "%s:%d: in a child: %s does not hold\n", __FILE__, __LINE__, #condition); \
      return 1;                                                                                      \
    }                                                                                                \
  } while (false)

namespace regatta {

// The call that makes a process. No handler of pthread_atfork runs for the last two.
enum class ForkCall { kFork, kUnderscoreFork, kClone };

class ForkedChild {
 public:
  static constexpr int kHung = 1000;

  // The child's exit code is what `body` returns.
  explicit ForkedChild(absl::FunctionRef<int()> body, ForkCall call = ForkCall::kFork);
  ForkedChild(ForkedChild&& other) noexcept;
  ForkedChild& operator=(ForkedChild&& other) noexcept;
  ~ForkedChild();

  int32_t pid() const { return pid_; }
  // Its exit code, or minus the signal that killed it. If it runs for longer than `watchdog`, Wait kills it, says so on
  // stderr, and returns kHung.
  int Wait(absl::Duration watchdog = kWatchdog);
  // True once it has ended; it is reaped by Wait or at the end.
  bool HasEnded() const;
  void Kill() const;
  // Returns when it has stopped.
  void Stop() const;
  // Returns when it has stopped by itself.
  void AwaitStop() const;
  void Continue() const;

 private:
  int32_t pid_ = -1;
  int pidfd_ = -1;
};

// Whether the thread sleeps in the kernel.
bool IsAsleep(int32_t thread_id);
int32_t ThisThreadId();
// Looks until `condition` holds; false if it doesn't within `watchdog`.
bool Eventually(const std::function<bool()>& condition, absl::Duration watchdog = kWatchdog);

// Waits until the child sleeps in the kernel; false if it ends before, or never sleeps.
bool FallsAsleep(const ForkedChild& child);

struct CpuUse {
  absl::Duration cpu;
  int64_t sleeps = 0;  // Voluntary context switches.
  int64_t faults = 0;  // Pages touched for the first time.
};
CpuUse CpuUseOfThisThread();

// For a child: at most so many descriptors, so much more address space than now, so large files.
void LimitDescriptors(uint64_t count);
void LimitMoreAddressSpace(uint64_t bytes);
// From now on the system call of that number fails with `error_number` in this process.
void RefuseSystemCall(long number, int error_number);
// Signals by pidfd are forbidden (EPERM), as to a process of another user.
void RefuseSignals();
// The kernel's part of AsymmetricFenceHeavy.
void RefuseMembarrier();
// From now on a signal interrupts this process, wherever it is, about every `period`: its handler does nothing, and
// restarts no system call. Not inherited by children; zero ends it.
void InterruptOften(absl::Duration period);
// Every growth of shared memory fails, as on a full /dev/shm or machine.
void RefuseMemory();
// Whatever makes processes fails as if there were none left; the second only what CloneSibling uses, and fork() does
// not.
void RefuseNewProcesses();
void RefuseClone3();

// Whether this process may become another user, such as 65534.
bool CanChangeUser();

// Zeroed memory that this process shares with the children it forks.
void* MapSharedBytes(size_t bytes);
void UnmapSharedBytes(void* at, size_t bytes);
template <typename T>
class Shared {
 public:
  Shared() : value_(new (MapSharedBytes(sizeof(T))) T()) {}
  Shared(const Shared&) = delete;
  ~Shared() { UnmapSharedBytes(value_, sizeof(T)); }
  T* operator->() const { return value_; }
  T& operator*() const { return *value_; }

 private:
  T* value_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_FORKED_CHILD_H_
