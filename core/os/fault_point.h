// Fault points: named places at which a test can make this process die, so that every step of a protocol is proven
// against death (a "kill at each step", not at random times only).
//
// Cost       One relaxed load when none is armed; always compiled in.
// Processes  Arming is per process and inherited by fork.
// Adding     A name in the enum and in kFaultPointNames, a FaultPointHere at the place, and a test that kills there: the
//            storm's coverage test fails while any point was never killed at.
#ifndef REGATTA_CORE_OS_FAULT_POINT_H_
#define REGATTA_CORE_OS_FAULT_POINT_H_

#include <atomic>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"

namespace regatta {

// <layer><operation><the step just done>.
enum class FaultPoint : uint32_t {
  kNone = 0,
  kFamilyPlaceClaimed,
  kFamilyLifeHeld,
  kArenaGrown,
  kArenaTailMarked,
  kArenaHeadMarked,
  kArenaFreed,
  kWaitTokenTaken,
  kWaitAnnounced,
  kWaitWoken,
  kNotifyDisarmed,
  kLockReleased,
  kLockTakenOver,
  kLockWaiting,
  kQueueLocked,
  kQueueLaneAdopted,
  kQueueLaneMade,
  kQueueLaneReset,
  kQueuePutBegun,
  kQueuePutWritten,
  kQueuePutPublished,
  kQueueExtentWritten,
  kQueueExtentQueued,
  kQueueRingMade,
  kQueueRingMarked,
  kQueueCreditLowered,
  kQueueCreditTaken,
  kQueueGetCopied,
  kQueueGetClaimed,
  kQueueGetOwned,
  kQueueGetHelped,
  kQueueGetMoved,
  kQueueClosing,
  kProcessForked,
  kProcessSpawned,
  kProcessRequested,
  kProcessReplied,
  kProcessBootBegun,
  kProcessBooted,
  kProcessEndSeen,
  kProcessReaped,
  kNurseryRequested,
  kNurseryCloned,
  kNurseryReplied,
  kChildBegun,
  kChildBooted,
  kChildReady,
  kChildReturned,
  kChildFlushed,
  kPoolTaskPosted,
  kPoolTrying,
  kPoolTaken,
  kPoolClaimed,
  kPoolResultWritten,
  kPoolDone,
  kPoolPublished,
  kPoolWorkerAttached,
  kPoolWorkerReady,
  kPoolResultReserved,
  kCount,
};

// "queue_put_reserved" and the like; "none" for kNone.
absl::string_view FaultPointName(FaultPoint point);
std::optional<FaultPoint> FaultPointByName(absl::string_view name);

// The process kills itself with SIGKILL at its passage number skip + 1 of `point`. kNone disarms.
void ArmFaultPoint(FaultPoint point, uint32_t skip = 0);

namespace fault_point_internal {
inline std::atomic<uint32_t> g_armed{0};
void Passed(FaultPoint point);
}  // namespace fault_point_internal

// Marks the place.
inline void FaultPointHere(FaultPoint point) {
  if (fault_point_internal::g_armed.load(std::memory_order_relaxed) == static_cast<uint32_t>(point)) [[unlikely]] {
    fault_point_internal::Passed(point);
  }
}

}  // namespace regatta

#endif  // REGATTA_CORE_OS_FAULT_POINT_H_
