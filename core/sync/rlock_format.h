// A recursive lock in shared memory; FORMAT.md describes it in prose.
#ifndef REGATTA_CORE_SYNC_RLOCK_FORMAT_H_
#define REGATTA_CORE_SYNC_RLOCK_FORMAT_H_

#include <atomic>
#include <cstdint>

#include "core/shm/lock_cell.h"
#include "core/shm/shared_object.h"

namespace regatta {

struct RLockLayout {
  static constexpr ObjectType kType = {0x314b434c52474552, "recursive lock"};  // "REGRLCK1"

  ObjectHeader header;
  alignas(64) LockCell cell;
  // How often the owner has acquired it. Only the owner writes this field and the next one. Both are left over if the
  // owner has died.
  std::atomic<uint32_t> depth;
  // The thread that holds the lock: {its number in its process:34 << 30 | Member:30}; 0 if no thread holds it. A number
  // in a process is given once, and a Member too, so no thread finds the number of a dead one to be its own.
  std::atomic<uint64_t> owner;
};
static_assert(sizeof(RLockLayout) == 128);

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_RLOCK_FORMAT_H_
