// The fault points of core/process. Their names are stable: tests and storms select a point by its name.
#ifndef REGATTA_CORE_PROCESS_FAULT_POINTS_H_
#define REGATTA_CORE_PROCESS_FAULT_POINTS_H_

#include <array>

#include "core/os/fault_point.h"

namespace regatta {
namespace fault {

inline constexpr FaultPoint kProcessForked("process_forked");
inline constexpr FaultPoint kProcessSpawned("process_spawned");
inline constexpr FaultPoint kProcessRequested("process_requested");
inline constexpr FaultPoint kProcessReplied("process_replied");
inline constexpr FaultPoint kProcessBootBegun("process_boot_begun");
inline constexpr FaultPoint kProcessBooted("process_booted");
inline constexpr FaultPoint kProcessEndSeen("process_end_seen");
inline constexpr FaultPoint kProcessReaped("process_reaped");
inline constexpr FaultPoint kNurseryRequested("nursery_requested");
inline constexpr FaultPoint kNurseryCloned("nursery_cloned");
inline constexpr FaultPoint kNurseryReplied("nursery_replied");
inline constexpr FaultPoint kChildBegun("child_begun");
inline constexpr FaultPoint kChildBooted("child_booted");
inline constexpr FaultPoint kChildReady("child_ready");
inline constexpr FaultPoint kChildReturned("child_returned");
inline constexpr FaultPoint kChildFlushed("child_flushed");

}  // namespace fault

// All points above. process_fault_test requires a death at each of them.
inline constexpr std::array kProcessFaultPoints = {
    fault::kProcessForked,    fault::kProcessSpawned, fault::kProcessRequested, fault::kProcessReplied,
    fault::kProcessBootBegun, fault::kProcessBooted,  fault::kProcessEndSeen,   fault::kProcessReaped,
    fault::kNurseryRequested, fault::kNurseryCloned,  fault::kNurseryReplied,   fault::kChildBegun,
    fault::kChildBooted,      fault::kChildReady,     fault::kChildReturned,    fault::kChildFlushed,
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_FAULT_POINTS_H_
