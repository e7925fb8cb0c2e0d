// The fault points of core/pool. Their names are stable: tests and storms select a point by its name.
#ifndef REGATTA_CORE_POOL_FAULT_POINTS_H_
#define REGATTA_CORE_POOL_FAULT_POINTS_H_

#include <array>

#include "core/os/fault_point.h"

namespace regatta {
namespace fault {

inline constexpr FaultPoint kPoolTaskPosted("pool_task_posted");
inline constexpr FaultPoint kPoolTrying("pool_trying");
inline constexpr FaultPoint kPoolTaken("pool_taken");
inline constexpr FaultPoint kPoolClaimed("pool_claimed");
inline constexpr FaultPoint kPoolResultWritten("pool_result_written");
inline constexpr FaultPoint kPoolDone("pool_done");
inline constexpr FaultPoint kPoolPublished("pool_published");
inline constexpr FaultPoint kPoolWorkerAttached("pool_worker_attached");
inline constexpr FaultPoint kPoolWorkerReady("pool_worker_ready");
inline constexpr FaultPoint kPoolResultReserved("pool_result_reserved");

}  // namespace fault

// Every point above: the coverage tests go through it.
inline constexpr std::array kPoolFaultPoints = {
    fault::kPoolTaskPosted,    fault::kPoolTrying,         fault::kPoolTaken,     fault::kPoolClaimed,
    fault::kPoolResultWritten, fault::kPoolDone,           fault::kPoolPublished, fault::kPoolWorkerAttached,
    fault::kPoolWorkerReady,   fault::kPoolResultReserved,
};

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_FAULT_POINTS_H_
