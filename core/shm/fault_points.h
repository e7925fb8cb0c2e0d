// The fault points of core/shm. Their names are stable: tests and storms select a point by its name.
#ifndef REGATTA_CORE_SHM_FAULT_POINTS_H_
#define REGATTA_CORE_SHM_FAULT_POINTS_H_

#include <array>

#include "core/os/fault_point.h"

namespace regatta {
namespace fault {

inline constexpr FaultPoint kFamilyPlaceClaimed("family_place_claimed");
inline constexpr FaultPoint kFamilyLifeHeld("family_life_held");
inline constexpr FaultPoint kLockReleased("lock_released");
inline constexpr FaultPoint kLockTakenOver("lock_taken_over");
inline constexpr FaultPoint kLockWaiting("lock_waiting");
inline constexpr FaultPoint kArenaLocked("arena_locked");
inline constexpr FaultPoint kArenaGrown("arena_grown");
inline constexpr FaultPoint kArenaTailMarked("arena_tail_marked");
inline constexpr FaultPoint kArenaHeadMarked("arena_head_marked");
inline constexpr FaultPoint kArenaFreed("arena_freed");

}  // namespace fault

// All points above. queue_death_test requires a death at each of them.
inline constexpr std::array kShmFaultPoints = {
    fault::kFamilyPlaceClaimed, fault::kFamilyLifeHeld, fault::kLockReleased, fault::kLockTakenOver,
    fault::kLockWaiting,        fault::kArenaLocked,    fault::kArenaGrown,   fault::kArenaTailMarked,
    fault::kArenaHeadMarked,    fault::kArenaFreed,
};

}  // namespace regatta

#endif  // REGATTA_CORE_SHM_FAULT_POINTS_H_
