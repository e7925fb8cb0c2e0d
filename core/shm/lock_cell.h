// LockCell: the word of a lock in shared memory. The lock survives the death of its holder.
//
// The holder is the process (a Member) that acquired the lock, until any process or thread releases it. A waiter sleeps
// on the word and on the holder's Life at once, so the kernel itself wakes it when the holder dies.
#ifndef REGATTA_CORE_SHM_LOCK_CELL_H_
#define REGATTA_CORE_SHM_LOCK_CELL_H_

#include <atomic>
#include <cstdint>

#include "core/os/deadline.h"
#include "core/shm/family.h"
#include "core/shm/fault_points.h"

namespace regatta {

struct LockTaken {
  bool acquired = false;            // False: the deadline passed.
  Member previous_owner = kNobody;  // The holder that died. The guarded data may be half changed.
};

class LockCell {
 public:
  // `self` is Family::Self.
  LockTaken Acquire(Member self, Deadline deadline) {
    uint32_t expected = 0;
    if (word_.compare_exchange_strong(expected, self, std::memory_order_acquire, std::memory_order_relaxed))
        [[likely]] {
      return {true, kNobody};
    }
    return AcquireSlow(self, deadline);
  }
  // Returns false if the lock was free.
  bool Release() {
    const uint32_t old = word_.exchange(0, std::memory_order_release);
    FaultPointHere(fault::kLockReleased);
    if ((old & kWaiters) != 0) [[unlikely]]
      WakeOne();
    return old != 0;
  }
  Member holder() const { return word_.load(std::memory_order_relaxed) & kMemberMask; }

 private:
  static constexpr uint32_t kWaiters = 1U << 31;

  LockTaken AcquireSlow(Member self, Deadline deadline);
  void WakeOne();

  std::atomic<uint32_t> word_;  // The holder, and kWaiters if a waiter may sleep. Zero means free.
};

}  // namespace regatta

#endif  // REGATTA_CORE_SHM_LOCK_CELL_H_
