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

}  // namespace fault

// The points of what queues use, too: the queue's coverage test goes through them.
inline constexpr std::array kSyncFaultPoints = {
    fault::kWaitTokenTaken,
    fault::kWaitAnnounced,
    fault::kWaitWoken,
    fault::kNotifyDisarmed,
};
// Those of the event, which no other layer uses yet: its own test goes through them.
inline constexpr std::array kEventFaultPoints = {fault::kEventSet};

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_FAULT_POINTS_H_
