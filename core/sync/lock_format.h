// A lock's segment in shared memory; FORMAT.md says it in prose.
#ifndef REGATTA_CORE_SYNC_LOCK_FORMAT_H_
#define REGATTA_CORE_SYNC_LOCK_FORMAT_H_

#include <cstdint>

#include "core/sync/lock_cell.h"

namespace regatta {

inline constexpr uint64_t kLockMagic = 0x314b434f4c474552;  // "REGLOCK1"

struct LockData {
  uint64_t magic;
  uint64_t family;  // Family::Id
  alignas(64) LockCell cell;
};
static_assert(sizeof(LockData) == 128);

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_LOCK_FORMAT_H_
