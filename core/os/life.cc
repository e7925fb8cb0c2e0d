#include "core/os/life.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstring>
#include <new>

#include "core/os/error.h"
#include "core/os/futex.h"

namespace regatta {
namespace {

// Whether the kernel and the C library agree on this thread's robust list. After a raw clone they do not: the kernel
// has no list, and the library still has the parent's, so that another lock() would write into the parent's mutexes.
bool DeathWouldBeMarked() {
  pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
  pthread_mutex_lock(&mutex);
  const bool id_is_true = mutex.__data.__owner == gettid();
  pthread_mutex_unlock(&mutex);
  robust_list_head* list = nullptr;
  size_t size = 0;
  return id_is_true && (syscall(SYS_get_robust_list, 0, &list, &size) != 0 || list != nullptr);
}

}  // namespace

std::atomic<uint32_t>& Life::word() const {
  // In glibc the futex word comes first. Its owner bits follow the kernel's robust-futex ABI.
  static_assert(offsetof(pthread_mutex_t, __data.__lock) == 0);
  return *reinterpret_cast<std::atomic<uint32_t>*>(const_cast<pthread_mutex_t*>(&mutex));
}

bool Life::IsHeld(uint32_t word) { return (word & FUTEX_TID_MASK) != 0 && (word & FUTEX_OWNER_DIED) == 0; }

absl::Status Life::Hold() {
  if (!DeathWouldBeMarked()) {
    return absl::FailedPreconditionError(
        "the kernel marks no death of a process that a raw clone made: make it by fork()");
  }
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  int error;
  do {
    std::memset(&mutex, 0, sizeof(mutex));
    error = pthread_mutex_init(&mutex, &attributes);
    // A process that still takes the place for the last holder's may set the waiters' bit here, so that lock() would
    // sleep.
    if (error == 0) error = pthread_mutex_trylock(&mutex);
  } while (error == EBUSY);
  pthread_mutexattr_destroy(&attributes);
  return error == 0 ? absl::OkStatus() : ErrnoError("pthread_mutex_trylock", error);
}

void Life::Release() { pthread_mutex_unlock(&mutex); }

void Life::WaitBeside(const std::atomic<uint32_t>& other, uint32_t expected, Deadline deadline) {
  // Without the waiters' bit the kernel marks the word but wakes no sleeper.
  const uint32_t seen = word().fetch_or(FUTEX_WAITERS, std::memory_order_acq_rel) | FUTEX_WAITERS;
  if (!IsHeld(seen)) {
    // No thread holds it, although the process may live. Nothing would wake this thread at its death, so it polls.
    constexpr int64_t kPoll = 50'000'000;
    FutexWait(other, expected, Deadline::Earlier(deadline, Deadline::AtMonotonicNanos(MonotonicNanos() + kPoll)));
    return;
  }
  FutexWaitEither(other, expected, word(), seen, deadline);
}

void Life::WakeOthers() { FutexWake(word(), INT_MAX); }

}  // namespace regatta
