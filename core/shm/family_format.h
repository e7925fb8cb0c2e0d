// The family's table in shared memory. FORMAT.md describes it.
#ifndef REGATTA_CORE_SHM_FAMILY_FORMAT_H_
#define REGATTA_CORE_SHM_FAMILY_FORMAT_H_

#include <atomic>
#include <cstdint>

#include "core/os/life.h"

namespace regatta {

inline constexpr uint64_t kFamilyMagic = 0x32594c4d46474552;  // "REGFMLY2"
inline constexpr uint32_t kFamilyPlaces = 1U << 14;
inline constexpr uint32_t kFamilyStep = 32;  // A page of places.

struct alignas(128) FamilyPlace {
  // {state:8, generation:16 << 8, pid of the claimer << 32}. One word, so that a claim is one CAS.
  std::atomic<uint64_t> claim;
  int32_t pid;
  uint32_t clock;  // The time namespace of start_time.
  uint64_t start_time;
  std::atomic<int64_t> seen_running;  // When the kernel last answered a process that this one has not ended.
  Life life;
};

struct alignas(4096) FamilyTable {
  uint64_t magic;
  uint64_t id;
  std::atomic<uint32_t>
      next;  // Where the search for a free place begins, so that generations are spread over the places.
  std::atomic<uint32_t> backed;       // The number of places that have memory. Grows by kFamilyStep.
  std::atomic<uint32_t> full_fences;  // Not 0: some member can't fence asymmetrically (core/os/cpu.h).
  alignas(4096) FamilyPlace places[kFamilyPlaces];
};

enum class PlaceState : uint8_t {
  kFree = 0,
  kClaimed = 1,    // Being filled in by the claimer.
  kLive = 2,       // `life` shows whether it is alive.
  kByProcess = 3,  // No thread holds `life`, and the process goes on: ask the kernel (core/os/liveness.h).
  kDead = 4,       // Certainly dead.
};

}  // namespace regatta

#endif  // REGATTA_CORE_SHM_FAMILY_FORMAT_H_
