// A condition in shared memory; FORMAT.md describes it in prose.
#ifndef REGATTA_CORE_SYNC_CONDITION_FORMAT_H_
#define REGATTA_CORE_SYNC_CONDITION_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "core/shm/shared_object.h"
#include "core/sync/locked_object.h"
#include "core/sync/rlock_format.h"
#include "core/sync/waiter_list.h"

namespace regatta {

struct ConditionLayout {
  static constexpr ObjectType kType = {0x31444e4f43474552, "condition"};  // "REGCOND1"

  ObjectHeader header;
  LockPlace lock_place;               // Never kNone.
  alignas(128) RLockLayout own_lock;  // Only of use together with the condition: its header is zero.
  alignas(64) WaiterList waiters;
};
static_assert(offsetof(ConditionLayout, own_lock) == 128 && offsetof(ConditionLayout, waiters) == 256);

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_CONDITION_FORMAT_H_
