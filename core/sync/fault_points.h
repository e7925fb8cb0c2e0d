// The fault points of core/sync. Their names are stable: tests and storms select a point by its name.
#ifndef REGATTA_CORE_SYNC_FAULT_POINTS_H_
#define REGATTA_CORE_SYNC_FAULT_POINTS_H_

#include <array>

#include "core/os/fault_point.h"

namespace regatta {
namespace fault {

inline constexpr FaultPoint kWaitTokenTaken("wait_token_taken");
inline constexpr FaultPoint kWaitAnnounced("wait_announced");
inline constexpr FaultPoint kWaitWoken("wait_woken");
inline constexpr FaultPoint kNotifyDisarmed("notify_disarmed");
inline constexpr FaultPoint kEventSet("event_set");
inline constexpr FaultPoint kSemaphoreAcquired("semaphore_acquired");
inline constexpr FaultPoint kSemaphoreReleased("semaphore_released");
inline constexpr FaultPoint kBoundedPermitTaken("bounded_permit_taken");
inline constexpr FaultPoint kBoundedPermitReleased("bounded_permit_released");
inline constexpr FaultPoint kRLockTaken("rlock_taken");
inline constexpr FaultPoint kRLockDisowned("rlock_disowned");
inline constexpr FaultPoint kConditionReleased("condition_released");
inline constexpr FaultPoint kConditionAcquired("condition_acquired");
inline constexpr FaultPoint kWaiterJoins("waiter_joins");
inline constexpr FaultPoint kWaiterNotified("waiter_notified");
inline constexpr FaultPoint kWaiterWoken("waiter_woken");
inline constexpr FaultPoint kNotificationTakenOver("notification_taken_over");
inline constexpr FaultPoint kBarrierArrived("barrier_arrived");
inline constexpr FaultPoint kBarrierEnding("barrier_ending");
inline constexpr FaultPoint kBarrierMarked("barrier_marked");
inline constexpr FaultPoint kBarrierTurned("barrier_turned");

}  // namespace fault

// The points of what queues use, too: the queue's coverage test goes through them.
inline constexpr std::array kSyncFaultPoints = {
    fault::kWaitTokenTaken,
    fault::kWaitAnnounced,
    fault::kWaitWoken,
    fault::kNotifyDisarmed,
};
// Those of one type each: the test of that type goes through them.
inline constexpr std::array kEventFaultPoints = {fault::kEventSet};
inline constexpr std::array kSemaphoreFaultPoints = {fault::kSemaphoreAcquired, fault::kSemaphoreReleased};
inline constexpr std::array kBoundedSemaphoreFaultPoints = {fault::kBoundedPermitTaken, fault::kBoundedPermitReleased};
inline constexpr std::array kBarrierFaultPoints = {fault::kBarrierArrived, fault::kBarrierEnding, fault::kBarrierMarked,
                                                   fault::kBarrierTurned};
inline constexpr std::array kRLockFaultPoints = {fault::kRLockTaken, fault::kRLockDisowned};
inline constexpr std::array kConditionFaultPoints = {
    fault::kConditionReleased, fault::kConditionAcquired, fault::kWaiterJoins,
    fault::kWaiterNotified,    fault::kWaiterWoken,       fault::kNotificationTakenOver,
};

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_FAULT_POINTS_H_
