// A queue's segment in shared memory. FORMAT.md describes it, and queue_format_test.cc compares the two.
//
//   [header 4 KiB][lanes][base rings][chunk table][chunks ...]
//
// The file is sparse: the header, the lanes and rings in use, and the chunks taken have memory.
#ifndef REGATTA_CORE_IPC_QUEUE_FORMAT_H_
#define REGATTA_CORE_IPC_QUEUE_FORMAT_H_

#include <atomic>
#include <cstddef>
#include <cstdint>

#include "core/shm/arena.h"
#include "core/shm/extent_pool.h"
#include "core/shm/segment.h"
#include "core/shm/shared_object.h"
#include "core/sync/wait_point.h"

namespace regatta {

inline constexpr uint32_t kQueueChunks = 1 << 20;
inline constexpr uint32_t kQueueLanes = 1024;
inline constexpr uint32_t kLaneRings = 64;
inline constexpr uint32_t kBaseRingLog2 = 8;
inline constexpr uint32_t kLargestRingLog2 = 22;
inline constexpr size_t kInlineBytes = 112;
inline constexpr uint64_t kLargestItem = uint64_t{1} << 30;

// One item of a lane's ring. Item t lies in slot t modulo the ring's size.
struct alignas(128) QueueSlot {
  // t + 1: the whole item t is here. kJump | (t + 1): item t and those after it are in the lane's next ring.
  std::atomic<uint64_t> sequence;
  std::atomic<uint32_t> size;   // Bytes of the item.
  std::atomic<uint32_t> place;  // kInline: in `bytes`. kExtent: the first 8 bytes of `bytes` are an extent's offset.
  std::byte bytes[kInlineBytes];

  // The offset of the extent. It is stored after the extent's state, and loaded before the state. A process that reads
  // the offset while the slot is written for another item therefore does not mistake the extent's earlier state for
  // that of its item.
  std::atomic<uint64_t>& extent() { return *reinterpret_cast<std::atomic<uint64_t>*>(bytes); }

  static constexpr uint64_t kJump = uint64_t{1} << 63;
  static constexpr uint32_t kInline = 0;
  static constexpr uint32_t kExtent = 1;
};
static_assert(sizeof(QueueSlot) == 128 && offsetof(QueueSlot, bytes) % 16 == 0);

// One producer's FIFO. Only its owner writes to it, except that consumers write `head` and the lock's holder repairs
// it.
struct alignas(1024) QueueLane {
  // {ring number modulo 256 << 56 | t}: item t is the next to be got.
  std::atomic<uint64_t> head;

  // The items below `used` are published, except that the last one may be on its way. The owner may publish items below
  // `limit`.
  alignas(128) std::atomic<uint64_t> used;
  std::atomic<uint64_t> limit;
  std::atomic<uint64_t> hop;        // The number of the ring to which the owner writes.
  std::atomic<uint32_t> processor;  // The one on which the owner last ran.

  // A Member. 0: the lane has no owner. Its items can still be got, and a process may take the lane.
  alignas(128) std::atomic<uint64_t> owner;
  std::atomic<uint32_t> resets;  // How often a process other than the owner changed its rings and chunks.

  // Ring number n modulo kLaneRings: {offset in the segment | log2 of its slots}.
  alignas(128) std::atomic<uint64_t> rings[kLaneRings];
};
static_assert(sizeof(QueueLane) == 1024);

// Which processes use a queue. This decides whether its creator may free the memory although a nursery has it mapped.
enum class QueueUse : uint32_t {
  kByCreator = 0,
  kByOthers = 1,   // Another process has put or got.
  kDestroyed = 2,  // The creator destroyed it while it was the only user. Its memory is gone.
};

// What becomes of an item whose getter dies before it has finished it.
enum class IfGetterDies : uint32_t {
  kNotCounted = 0,    // The queue is no JoinableQueue: an item is finished when it is got.
  kCountsAsDone = 1,  // The same for all items, which lie in extents. Their getters own these until the items are done.
  kIsPutBack = 2,
};

struct alignas(4096) QueueHeader {
  static constexpr ObjectType kType = {0x3245554555474552, "queue"};  // "REGUEUE2"

  ObjectHeader object;
  uint64_t capacity;     // Items; 0 is no limit.
  uint32_t chunk_limit;  // Chunks that may be taken at once.
  IfGetterDies if_getter_dies;

  alignas(64) std::atomic<uint32_t> lanes;  // Lanes [0, lanes) were ever used.
  std::atomic<uint32_t> closed;
  std::atomic<QueueUse> use;
  alignas(64) ArenaState arena;              // Its lock also guards lanes' owners, limits granted, and lanes_in_use.
  std::atomic<uint32_t> consumer_processor;  // The one on which an item was last got.
  alignas(64) WaitPoint items;               // Getters wait here.
  alignas(64) WaitPoint space;               // Putters of a bounded queue wait here.
  // One bit for each lane that has an owner or may hold items. The other lanes need not be examined.
  alignas(64) std::atomic<uint64_t> lanes_in_use[kQueueLanes / 64];
  // Of a JoinableQueue.
  alignas(64) WaitPoint finished;   // Who joins it waits here.
  std::atomic<uint64_t> abandoned;  // Items whose getter died before it had finished them.
};

// Offsets in the segment. Lanes, and each ring, lie in one window of it.
inline constexpr uint64_t kLanesOffset = sizeof(QueueHeader);
inline constexpr uint64_t kBaseRingBytes = sizeof(QueueSlot) << kBaseRingLog2;
inline constexpr uint64_t kBaseRingsOffset =
    (kLanesOffset + kQueueLanes * sizeof(QueueLane) + kBaseRingBytes - 1) / kBaseRingBytes * kBaseRingBytes;
constexpr uint64_t BaseRingOffset(uint32_t lane) { return kBaseRingsOffset + lane * kBaseRingBytes; }
inline constexpr ArenaPlace kQueueArena = ArenaPlace::From(BaseRingOffset(kQueueLanes), kQueueChunks);
static_assert(Segment::InOneWindow(0, kLanesOffset + kQueueLanes * sizeof(QueueLane)));

// The kind of chunk runs that are a lane's larger rings.
inline constexpr uint8_t kRingKind = ExtentPool::kEndOfKinds;

inline constexpr uint64_t kIndexMask = (uint64_t{1} << 56) - 1;
constexpr uint64_t PackHead(uint64_t hop, uint64_t index) { return hop << 56 | (index & kIndexMask); }

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_QUEUE_FORMAT_H_
