// An event in shared memory; FORMAT.md describes it in prose.
#ifndef REGATTA_CORE_SYNC_EVENT_FORMAT_H_
#define REGATTA_CORE_SYNC_EVENT_FORMAT_H_

#include <atomic>
#include <cstdint>

#include "core/shm/shared_object.h"
#include "core/sync/wait_point.h"

namespace regatta {

struct EventLayout {
  static constexpr ObjectType kType = {0x31544e5645474552, "event"};  // "REGEVNT1"
  static constexpr uint64_t kIsSet = 1;
  static constexpr uint64_t kOnce = 2;

  ObjectHeader header;
  // {times that it became set:63 << 1 | whether it is set}. The number shows a waiter that the event was set, although
  // another process has cleared it since. It never wraps.
  alignas(64) std::atomic<uint64_t> state;
  WaitPoint waiters;
};
static_assert(sizeof(EventLayout) == 256);

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_EVENT_FORMAT_H_
