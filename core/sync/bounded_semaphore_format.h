// A bounded semaphore in shared memory; FORMAT.md describes it in prose.
#ifndef REGATTA_CORE_SYNC_BOUNDED_SEMAPHORE_FORMAT_H_
#define REGATTA_CORE_SYNC_BOUNDED_SEMAPHORE_FORMAT_H_

#include <atomic>
#include <cstdint>

#include "core/shm/family.h"
#include "core/shm/shared_object.h"
#include "core/sync/wait_point.h"

namespace regatta {

struct BoundedSemaphoreLayout {
  static constexpr ObjectType kType = {0x314d455342474552, "bounded semaphore"};  // "REGBSEM1"
  static constexpr uint32_t kMostPermits = 960;                                   // As many as let it lie in a bank.

  ObjectHeader header;
  uint32_t permits;
  alignas(64) std::atomic<uint32_t> hint;  // Where a search for a free permit begins. Any value is right.
  WaitPoint waiters;
  // By permit: the process that holds it, or kNobody. A permit whose holder is dead is free, too.
  std::atomic<Member> holders[kMostPermits];
};
static_assert(sizeof(BoundedSemaphoreLayout) == 4096);

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_BOUNDED_SEMAPHORE_FORMAT_H_
