// A pool's board in shared memory: where its owner posts tasks and its workers post results. FORMAT.md says it in
// prose.
//
//   [header 4 KiB][task ring][worker lines][slots][done rings][chunk table][chunks ...]
//
// Each part, or each done ring, lies in one window of the segment.
//
// The truth about a task is the state word of its slot; the rings only say where to look. Sparse: memory stands behind
// what is in use.
#ifndef REGATTA_CORE_POOL_BOARD_FORMAT_H_
#define REGATTA_CORE_POOL_BOARD_FORMAT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/process/function_id.h"
#include "core/shm/arena.h"
#include "core/shm/segment.h"
#include "core/shm/shared_object.h"
#include "core/sync/wait_point.h"

namespace regatta {

inline constexpr uint32_t kBoardChunks = 1 << 20;
inline constexpr uint32_t kTaskSlots = 4096;
inline constexpr uint32_t kTaskRing = 2 * kTaskSlots;  // Room for entries that a death doubled.
inline constexpr uint32_t kMostWorkers = 1024;
inline constexpr uint32_t kInlineArguments = 72;
inline constexpr uint32_t kInlineResult = 104;
inline constexpr uint64_t kLargestResult = uint64_t{1} << 30;
// Bytes of arguments or results from which on a chunk is split.
inline constexpr uint64_t kChunkPiece = uint64_t{64} << 20;

enum class TaskPhase : uint8_t {
  kFree = 0,
  kQueued = 1,
  kRunning = 2,    // Claimed by `worker`.
  kDone = 3,       // `worker` has written the result.
  kCancelled = 4,  // By the owner, before anybody claimed it.
};

// {phase:8, worker:16 << 8, attempts:8 << 24, serial:32 << 32}. The serial changes with every task of the slot.
struct TaskWord {
  TaskPhase phase = TaskPhase::kFree;
  uint16_t worker = 0;
  uint8_t attempts = 0;
  uint32_t serial = 0;

  uint64_t Pack() const {
    return uint64_t{static_cast<uint8_t>(phase)} | uint64_t{worker} << 8 | uint64_t{attempts} << 24 |
           uint64_t{serial} << 32;
  }
  static TaskWord Unpack(uint64_t word) {
    return {static_cast<TaskPhase>(word & 0xff), static_cast<uint16_t>(word >> 8), static_cast<uint8_t>(word >> 24),
            static_cast<uint32_t>(word >> 32)};
  }
};

struct alignas(256) TaskSlot {
  // What is to be done; written by the owner while the slot is free.
  std::atomic<uint64_t> state;
  FunctionId function;
  uint32_t items;                                    // 0: one call. n: a chunk of n calls, each {size:32, arguments}.
  uint32_t arguments_size;                           // Bytes, encoded.
  uint64_t arguments_at;                             // 0: below. Else the offset of an Extent in the segment.
  uint32_t descriptors;                              // That travel beside the arguments; asked of the owner.
  alignas(8) std::byte arguments[kInlineArguments];  // The first 8 in the line of what is above.

  // What became of it; written by the worker while running. The owner reads this line and not the state's.
  alignas(128) uint32_t result_serial;  // The state's, when the rest is written.
  uint32_t outcome;                     // absl::StatusCode. OK: the result follows; else an encoded absl::Status.
  uint64_t result_at;                   // 0: below. Else the offset of an Extent.
  uint32_t result_size;
  uint32_t result_parts;  // 0: the result is in one piece. n: of a chunk, a list of n ResultPart.
  std::byte result[kInlineResult];
};
static_assert(sizeof(TaskSlot) == 256);

// A piece of a chunk's results: the outcomes of its next `items` calls, in an extent of their own.
struct ResultPart {
  uint64_t at;
  uint32_t size;
  uint32_t items;
};

struct alignas(128) WorkerLine {
  std::atomic<uint64_t> trying;  // 1 + the slot that it may have taken from the task ring without having claimed it.
  std::atomic<uint32_t> ready;   // It has come so far as to ask for tasks.
  std::atomic<uint32_t> member;
};

// What a worker has done, in order: entry n is {n + 1 :32 << 32 | slot}.
struct alignas(64) DoneRing {
  std::atomic<uint64_t> entries[kTaskSlots];
};

struct alignas(4096) BoardHeader {
  static constexpr ObjectType kType = {0x33445242'4c474552, "pool's board"};  // "REGLBRD3"

  ObjectHeader object;

  alignas(64) std::atomic<uint32_t> stop;  // Workers end when they see it.
  std::atomic<uint32_t> owner_processor;   // That the owner last posted on.
  alignas(64) ArenaState arena;
  alignas(64) std::atomic<uint64_t> ring_head;         // Next entry of the task ring to be taken.
  alignas(64) std::atomic<uint32_t> worker_processor;  // That a worker last posted a result on.
  alignas(64) WaitPoint tasks;                         // Workers wait here.
  alignas(64) WaitPoint results;                       // The owner's threads.
};

// The task ring: entry n is {n + 1 :32 << 32 | slot}.
inline constexpr uint64_t kRingOffset = sizeof(BoardHeader);
inline constexpr uint64_t kWorkersOffset = kRingOffset + kTaskRing * sizeof(uint64_t);
inline constexpr uint64_t kSlotsOffset = kWorkersOffset + kMostWorkers * sizeof(WorkerLine);
inline constexpr uint64_t kDoneOffset =
    (kSlotsOffset + kTaskSlots * sizeof(TaskSlot) + sizeof(DoneRing) - 1) / sizeof(DoneRing) * sizeof(DoneRing);
inline constexpr ArenaPlace kBoardArena = ArenaPlace::From(kDoneOffset + kMostWorkers * sizeof(DoneRing), kBoardChunks);
static_assert(Segment::InOneWindow(0, kSlotsOffset + kTaskSlots * sizeof(TaskSlot)));

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_BOARD_FORMAT_H_
