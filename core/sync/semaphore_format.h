// A semaphore in shared memory; FORMAT.md describes it in prose.
#ifndef REGATTA_CORE_SYNC_SEMAPHORE_FORMAT_H_
#define REGATTA_CORE_SYNC_SEMAPHORE_FORMAT_H_

#include <atomic>
#include <cstdint>

#include "core/shm/shared_object.h"
#include "core/sync/wait_point.h"

namespace regatta {

struct SemaphoreLayout {
  static constexpr ObjectType kType = {0x31414d4553474552, "semaphore"};  // "REGSEMA1"

  ObjectHeader header;
  alignas(64) std::atomic<uint32_t> permits;  // Those that no process has acquired; below 2^31.
  WaitPoint waiters;
};
static_assert(sizeof(SemaphoreLayout) == 256);

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_SEMAPHORE_FORMAT_H_
