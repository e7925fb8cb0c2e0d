// The fault points of core/ipc. Their names are stable: tests and storms select a point by its name.
#ifndef REGATTA_CORE_IPC_FAULT_POINTS_H_
#define REGATTA_CORE_IPC_FAULT_POINTS_H_

#include <array>

#include "core/os/fault_point.h"

namespace regatta {
namespace fault {

inline constexpr FaultPoint kQueueLaneAdopted("queue_lane_adopted");
inline constexpr FaultPoint kQueueLaneMade("queue_lane_made");
inline constexpr FaultPoint kQueueLaneReset("queue_lane_reset");
inline constexpr FaultPoint kQueuePutBegun("queue_put_begun");
inline constexpr FaultPoint kQueuePutWritten("queue_put_written");
inline constexpr FaultPoint kQueuePutPublished("queue_put_published");
inline constexpr FaultPoint kQueueExtentWritten("queue_extent_written");
inline constexpr FaultPoint kQueueExtentQueued("queue_extent_queued");
inline constexpr FaultPoint kQueueRingMade("queue_ring_made");
inline constexpr FaultPoint kQueueRingMarked("queue_ring_marked");
inline constexpr FaultPoint kQueueCreditLowered("queue_credit_lowered");
inline constexpr FaultPoint kQueueCreditTaken("queue_credit_taken");
inline constexpr FaultPoint kQueueGetCopied("queue_get_copied");
inline constexpr FaultPoint kQueueGetClaimed("queue_get_claimed");
inline constexpr FaultPoint kQueueGetOwned("queue_get_owned");
inline constexpr FaultPoint kQueueGetHelped("queue_get_helped");
inline constexpr FaultPoint kQueueGetMoved("queue_get_moved");
inline constexpr FaultPoint kQueueClosing("queue_closing");
inline constexpr FaultPoint kConnectionRegistered("connection_registered");
inline constexpr FaultPoint kConnectionLeft("connection_left");
inline constexpr FaultPoint kConnectionPacketSent("connection_packet_sent");
inline constexpr FaultPoint kConnectionWritten("connection_written");
inline constexpr FaultPoint kConnectionPublished("connection_published");
inline constexpr FaultPoint kConnectionCopied("connection_copied");
inline constexpr FaultPoint kConnectionPacketTaken("connection_packet_taken");
inline constexpr FaultPoint kConnectionTaken("connection_taken");
inline constexpr FaultPoint kQueueTaskDone("queue_task_done");
inline constexpr FaultPoint kQueueItemRecovered("queue_item_recovered");
inline constexpr FaultPoint kQueueItemPutBack("queue_item_put_back");

}  // namespace fault

// Those of a JoinableQueue alone: its test goes through them.
inline constexpr std::array kJoinableQueueFaultPoints = {fault::kQueueTaskDone, fault::kQueueItemRecovered,
                                                         fault::kQueueItemPutBack};
// The others: the coverage tests go through them.
inline constexpr std::array kIpcFaultPoints = {
    fault::kQueueLaneAdopted, fault::kQueueLaneMade,     fault::kQueueLaneReset,     fault::kQueuePutBegun,
    fault::kQueuePutWritten,  fault::kQueuePutPublished, fault::kQueueExtentWritten, fault::kQueueExtentQueued,
    fault::kQueueRingMade,    fault::kQueueRingMarked,   fault::kQueueCreditLowered, fault::kQueueCreditTaken,
    fault::kQueueGetCopied,   fault::kQueueGetClaimed,   fault::kQueueGetOwned,      fault::kQueueGetHelped,
    fault::kQueueGetMoved,    fault::kQueueClosing,
};
inline constexpr std::array kConnectionFaultPoints = {
    fault::kConnectionRegistered, fault::kConnectionLeft,   fault::kConnectionPacketSent,  fault::kConnectionWritten,
    fault::kConnectionPublished,  fault::kConnectionCopied, fault::kConnectionPacketTaken, fault::kConnectionTaken,
};

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_FAULT_POINTS_H_
