// A value in shared memory; FORMAT.md describes it in prose.
#ifndef REGATTA_CORE_IPC_VALUE_FORMAT_H_
#define REGATTA_CORE_IPC_VALUE_FORMAT_H_

#include <cstddef>
#include <cstdint>

#include "core/shm/shared_object.h"
#include "core/sync/locked_object.h"
#include "core/sync/rlock_format.h"

namespace regatta {

template <size_t kBytes, size_t kAlignment>
struct ValueLayout {
  static constexpr ObjectType kType = {0x31554c4156474552, "value"};  // "REGVALU1"

  ObjectHeader header;
  LockPlace lock_place;
  alignas(kAlignment) std::byte bytes[kBytes];
  alignas(128) RLockLayout own_lock;  // Only of use together with the value: its header is zero.
};
static_assert(sizeof(ValueLayout<8, 8>) == 256);

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_VALUE_FORMAT_H_
