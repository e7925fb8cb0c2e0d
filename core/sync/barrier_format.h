// A barrier in shared memory; FORMAT.md describes it in prose.
#ifndef REGATTA_CORE_SYNC_BARRIER_FORMAT_H_
#define REGATTA_CORE_SYNC_BARRIER_FORMAT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/shm/family.h"
#include "core/shm/lock_cell.h"
#include "core/shm/shared_object.h"
#include "core/sync/wait_point.h"

namespace regatta {

struct BarrierLayout {
  static constexpr ObjectType kType = {0x3152524142474552, "barrier"};  // "REGBARR1"
  static constexpr uint32_t kSlots = 955;                               // As many as let it lie in a bank.

  enum State : uint32_t {
    kFree = 0,  // The whole word is 0.
    kArrived = 1,
    kReleased = 2,  // The turn has ended well, but Wait has not returned yet. The same for kFailed.
    kFailed = 3,
  };
  static constexpr uint32_t Word(State state, Member member) { return state << kMemberBits | member; }
  static constexpr State StateOf(uint32_t word) { return static_cast<State>(word >> kMemberBits); }
  static constexpr Member MemberOf(uint32_t word) { return word & kMemberMask; }

  // Why a barrier is broken.
  enum Cause : uint32_t { kNotBroken = 0, kDeath = 1, kDeadline = 2, kAbort = 3, kAction = 4 };

  ObjectHeader header;
  uint32_t parties;
  // What follows, up to `turn`, is written by the process that holds `lock`.
  alignas(64) LockCell lock;
  // {Cause:30 << 2 | State:2} while a turn is being ended, else 0. If the process that ends it dies, the next holder of
  // `lock` goes on.
  std::atomic<uint32_t> ending;
  std::atomic<uint32_t> broken;    // Cause. Stays until Reset.
  std::atomic<int32_t> broken_by;  // The pid of the process that died, gave up, called Abort, or whose action failed.
  std::atomic<uint32_t> used;      // No slot from this one on was ever taken.
  std::atomic<uint32_t>
      slots[kSlots];  // A thread in Wait: {State:2 | Member:30}. It takes itself out without the lock.
  alignas(64) std::atomic<uint32_t> turn;  // How many have ended. It wraps.
  WaitPoint waiters;
};
static_assert(offsetof(BarrierLayout, slots) == 84 && offsetof(BarrierLayout, turn) == 3904 &&
              sizeof(BarrierLayout) == 4096);

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_BARRIER_FORMAT_H_
