// An array in shared memory; FORMAT.md describes it in prose.
#ifndef REGATTA_CORE_IPC_ARRAY_FORMAT_H_
#define REGATTA_CORE_IPC_ARRAY_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "core/shm/shared_object.h"
#include "core/sync/locked_object.h"
#include "core/sync/rlock_format.h"

namespace regatta {

struct ArrayLayout {
  static constexpr ObjectType kType = {0x3159525241474552, "array"};  // "REGARRY1"

  ObjectHeader header;
  LockPlace lock_place;
  uint64_t bytes;                     // Of all elements.
  uint64_t elements_at;               // From the begin of this object. All elements lie in one window of the segment.
  alignas(128) RLockLayout own_lock;  // Only of use together with the array: its header is zero.
};
static_assert(offsetof(ArrayLayout, bytes) == 32 && offsetof(ArrayLayout, own_lock) == 128 &&
              sizeof(ArrayLayout) == 256);

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_ARRAY_FORMAT_H_
