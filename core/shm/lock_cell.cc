#include "core/shm/lock_cell.h"

#include "core/os/cpu.h"
#include "core/os/futex.h"

namespace regatta {
namespace {
constexpr int kLooks = 100;  // A short critical section on another processor ends within so many tries.
constexpr int64_t kTick = 1'000'000'000;
}  // namespace

LockTaken LockCell::AcquireSlow(Member self, Deadline deadline) {
  for (int i = 0; i < kLooks; ++i) {
    uint32_t expected = 0;
    if (word_.load(std::memory_order_relaxed) == 0 &&
        word_.compare_exchange_strong(expected, self, std::memory_order_acquire)) {
      return {true, kNobody};
    }
    CpuPause();
  }
  uint32_t mine = self;
  for (;;) {
    uint32_t seen = word_.load(std::memory_order_relaxed);
    const Member holder = seen & kMemberMask;
    if (holder == kNobody) {
      if (word_.compare_exchange_strong(seen, mine, std::memory_order_acquire)) return {true, kNobody};
      continue;
    }
    if (!Family::Recheck(holder)) {
      // Other waiters may sleep beside the dead holder. Keep the mark for them, and wake them.
      if (!word_.compare_exchange_strong(seen, self | kWaiters, std::memory_order_acquire)) continue;
      FaultPointHere(fault::kLockTakenOver);
      Family::WakeOthers(holder);
      return {true, holder};
    }
    if (deadline.passed()) return {false, kNobody};
    if ((seen & kWaiters) == 0 && !word_.compare_exchange_strong(seen, seen | kWaiters, std::memory_order_relaxed)) {
      continue;
    }
    mine = self | kWaiters;  // From now on other waiters may sleep behind this one.
    FaultPointHere(fault::kLockWaiting);
    Family::WaitBeside(holder, word_, holder | kWaiters,
                       Deadline::Earlier(deadline, Deadline::AtMonotonicNanos(MonotonicNanos() + kTick)));
  }
}

void LockCell::WakeOne() { FutexWake(word_, 1); }

}  // namespace regatta
