#include "core/os/futex.h"

#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cerrno>

#ifndef SYS_futex_waitv
#define SYS_futex_waitv 449
#endif

namespace regatta {
namespace {

// The layout of futex_waitv's entries (Linux 5.16). Headers older than Debian 12's lack it.
struct WaitEntry {
  uint64_t value;
  uint64_t address;
  uint32_t flags;
  uint32_t reserved;
};
constexpr uint32_t kSize32 = 2;
constexpr int64_t kFallbackNanos = 50'000'000;

timespec ToTimespec(Deadline deadline) {
  const int64_t nanos = deadline.monotonic_nanos();
  return {static_cast<time_t>(nanos / 1'000'000'000), static_cast<long>(nanos % 1'000'000'000)};
}

FutexResult ResultOf(long outcome) {
  if (outcome >= 0 || errno == EINTR) return FutexResult::kWoken;
  return errno == ETIMEDOUT ? FutexResult::kTimedOut : FutexResult::kChanged;
}

}  // namespace

FutexResult FutexWait(const std::atomic<uint32_t>& word, uint32_t expected, Deadline deadline) {
  const timespec until = ToTimespec(deadline);
  return ResultOf(syscall(SYS_futex, &word, FUTEX_WAIT_BITSET, expected, deadline.is_never() ? nullptr : &until,
                          nullptr, FUTEX_BITSET_MATCH_ANY));
}

FutexResult FutexWaitEither(const std::atomic<uint32_t>& first, uint32_t expected_first,
                            const std::atomic<uint32_t>& second, uint32_t expected_second, Deadline deadline) {
  static std::atomic<bool> available{true};
  if (available.load(std::memory_order_relaxed)) {
    const WaitEntry entries[2] = {{expected_first, reinterpret_cast<uint64_t>(&first), kSize32, 0},
                                  {expected_second, reinterpret_cast<uint64_t>(&second), kSize32, 0}};
    const timespec until = ToTimespec(deadline);
    const long outcome =
        syscall(SYS_futex_waitv, entries, 2, 0, deadline.is_never() ? nullptr : &until, CLOCK_MONOTONIC);
    if (outcome >= 0 || (errno != ENOSYS && errno != EPERM)) return ResultOf(outcome);
    available.store(false, std::memory_order_relaxed);
  }
  return FutexWait(first, expected_first,
                   Deadline::Earlier(deadline, Deadline::AtMonotonicNanos(MonotonicNanos() + kFallbackNanos)));
}

int FutexWake(const std::atomic<uint32_t>& word, int count) {
  const long woken = syscall(SYS_futex, &word, FUTEX_WAKE, count, nullptr, nullptr, 0);
  return woken < 0 ? 0 : static_cast<int>(woken);
}

}  // namespace regatta
