// A lock in shared memory; FORMAT.md describes it in prose.
#ifndef REGATTA_CORE_SYNC_LOCK_FORMAT_H_
#define REGATTA_CORE_SYNC_LOCK_FORMAT_H_

#include <cstdint>

#include "core/shm/lock_cell.h"
#include "core/shm/shared_object.h"

namespace regatta {

struct LockLayout {
  static constexpr ObjectType kType = {0x324b434f4c474552, "lock"};  // "REGLOCK2"

  ObjectHeader header;
  alignas(64) LockCell cell;
};
static_assert(sizeof(LockLayout) == 128);

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_LOCK_FORMAT_H_
