// For tests: runs a function in a child, and does other things with processes that tests need.
//
// Threads  Fork only while no other thread runs, except in tests of that very case.
// End      The child ends by _exit, so the test framework prints nothing in it. The destructor kills and reaps a child
//          that still runs.
#ifndef REGATTA_CORE_TESTING_FORKED_CHILD_H_
#define REGATTA_CORE_TESTING_FORKED_CHILD_H_

#include <cstdint>
#include <cstdio>
#include <functional>
#include <new>

#include "absl/functional/function_ref.h"
#include "absl/time/time.h"
#include "core/testing/watchdog.h"

// For the body of a child: if `condition` is false, prints it and returns 1.
#define REGATTA_CHILD_REQUIRE(condition)                                                             \
  do {                                                                                               \
    if (!(condition)) {                                                                              \
      std::fprintf(stderr, "%s:%d: in a child: %s does not hold\n", __FILE__, __LINE__, #condition); \
      return 1;                                                                                      \
    }                                                                                                \
  } while (false)

namespace regatta {

// The call that makes a process. Handlers of pthread_atfork run for kFork only.
enum class ForkCall { kFork, kUnderscoreFork, kClone };

class ForkedChild {
 public:
  static constexpr int kHung = 1000;

  // The child exits with the result of `body`.
  explicit ForkedChild(absl::FunctionRef<int()> body, ForkCall call = ForkCall::kFork);
  ForkedChild(ForkedChild&& other) noexcept;
  ForkedChild& operator=(ForkedChild&& other) noexcept;
  ~ForkedChild();

  int32_t pid() const { return pid_; }
  // Its exit code, or minus the signal that killed it. If it runs for longer than `watchdog`, Wait kills it, says so on
  // stderr, and returns kHung.
  int Wait(absl::Duration watchdog = kWatchdog);
  // True once the child has ended. Wait or the destructor reaps it.
  bool HasEnded() const;
  void Kill() const;
  // Stops the child, and returns when it has stopped.
  void Stop() const;
  // Returns when the child has stopped by itself.
  void AwaitStop() const;
  void Continue() const;

 private:
  int32_t pid_ = -1;
  int pidfd_ = -1;
};

// Whether the thread sleeps in the kernel.
bool IsAsleep(int32_t thread_id);
int32_t ThisThreadId();
// Polls until `condition` is true. Returns false if that does not happen within `watchdog`.
bool Eventually(const std::function<bool()>& condition, absl::Duration watchdog = kWatchdog);

// Waits until the child sleeps in the kernel. Returns false if it ends before that, or never sleeps.
bool FallsAsleep(const ForkedChild& child);

struct CpuUse {
  absl::Duration cpu;
  int64_t sleeps = 0;  // Voluntary context switches.
  int64_t faults = 0;  // Pages touched for the first time.
};
CpuUse CpuUseOfThisThread();

// Limits for a child: the number of descriptors, and the address space beyond what it uses now.
void LimitDescriptors(uint64_t count);
void LimitMoreAddressSpace(uint64_t bytes);
// From now on the system call with that number fails with `error_number` in this process.
void RefuseSystemCall(long number, int error_number);
// From now on signals by pidfd are forbidden (EPERM), as to a process of another user.
void RefuseSignals();
// From now on the kernel's part of AsymmetricFenceHeavy fails.
void RefuseMembarrier();
// From now on a signal interrupts this process about every `period`. Its handler does nothing, and system calls are not
// restarted. Children do not inherit this. Zero ends it.
void InterruptOften(absl::Duration period);
// From now on shared memory can't grow, as on a full machine.
void RefuseMemory();
// From now on all calls that make processes fail as if no processes were left. The second function refuses only clone3,
// which CloneSibling uses and fork() does not.
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
