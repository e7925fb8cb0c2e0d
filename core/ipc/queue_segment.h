// QueueSegment: one process's view of a queue's shared memory, with what putters, getters and repair have in common.
//
// Internal to ipc. The comment of each member says which threads may use it. Shared memory is not trusted: numbers that
// address something are checked first.
#ifndef REGATTA_CORE_IPC_QUEUE_SEGMENT_H_
#define REGATTA_CORE_IPC_QUEUE_SEGMENT_H_

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/ipc/byte_queue.h"
#include "core/ipc/queue_format.h"
#include "core/os/fd.h"
#include "core/os/mutex.h"
#include "core/shm/family.h"
#include "core/shm/growing_object.h"
#include "core/shm/segment.h"

namespace regatta {

class LaneWriter;

// The state of one thread for one queue.
struct QueueThread {
  uint64_t segment_number = 0;
  uint32_t fork_generation = 0;
  Member self = kNobody;
  LaneWriter* writer = nullptr;  // Null until the thread puts something.
  uint32_t lane = 0;             // The lane that Get tries first.
  uint32_t streak = 0;           // The number of successive items from that lane.
  uint32_t hits = 0;             // The number of successive tries that found an item.
  uint32_t misses = 0;           // The number of tries that found none.
  // The ring that it used last: its word in a lane's table, and the result of RingAt for it.
  uint64_t ring_word = 0;
  QueueSlot* ring = nullptr;
  uint64_t mask = 0;
  std::weak_ptr<QueueSegment> segment;
};

class QueueSegment : public GrowingObject<QueueHeader>, public std::enable_shared_from_this<QueueSegment> {
 public:
  static absl::StatusOr<std::shared_ptr<QueueSegment>> Create(const QueueOptions& options);
  // Returns this process's object for the queue, and makes it if there is none.
  static absl::StatusOr<std::shared_ptr<QueueSegment>> Attach(Fd file, uint64_t offset, uint64_t fingerprint);
  explicit QueueSegment(std::shared_ptr<Segment> segment);
  // Gives up the lanes of this process. Those of the parent from which it was forked stay.
  ~QueueSegment();

  QueueLane& lane(uint32_t index) const { return lanes_[index]; }
  // The lanes [0, lanes) may be examined.
  uint32_t lanes() const {
    const uint32_t count = std::min(header_->lanes.load(std::memory_order_acquire), kQueueLanes);
    return count <= lanes_in_file_.load(std::memory_order_relaxed) ? count : LanesInFile(count);
  }
  // The ring with that number. Null if the word in shared memory is impossible.
  QueueSlot* Ring(const QueueLane& lane, uint64_t hop, uint64_t* mask) const {
    return RingAt(lane.rings[hop % kLaneRings].load(std::memory_order_acquire), mask);
  }
  // The same for a word of a lane's table of rings.
  QueueSlot* RingAt(uint64_t word, uint64_t* mask) const {
    const uint64_t log2 = word & 63;
    const uint64_t offset = word & ~uint64_t{63};
    if (log2 < kBaseRingLog2 || log2 > kLargestRingLog2 || offset % sizeof(QueueSlot) != 0) [[unlikely]] {
      return nullptr;
    }
    *mask = (uint64_t{1} << log2) - 1;
    return reinterpret_cast<QueueSlot*>(segment_->At(offset, sizeof(QueueSlot) << log2));
  }
  // Fixed when the queue was made, and read once. 0 means no limit.
  uint64_t capacity() const { return capacity_; }
  // Whether items are unfinished until their getter says that they are done.
  bool counts() const { return counts_; }
  // Removes the mark of a move from the slot of `item`. A ring that is used again may hold such a mark, if an owner
  // died before it put the item.
  void ClearMark(uint64_t ring_offset, uint64_t log2, uint64_t item);

  // Calls `visit(index)` for each lane that is in use.
  template <typename Visit>
  void ForEachLane(Visit visit) const {
    const uint32_t count = lanes();
    for (uint32_t word = 0; word * 64 < count; ++word) {
      for (uint64_t bits = InUse(word, count); bits != 0; bits &= bits - 1) {
        visit(word * 64 + static_cast<uint32_t>(std::countr_zero(bits)));
      }
    }
  }
  // The next lane in use after `index`, in a circle that ends at `first`.
  uint32_t NextLane(uint32_t index, uint32_t first) const;

  // The number of items of the lane that are put or on their way, and not yet got. For a dead owner, only items that
  // can still be got.
  uint64_t Outstanding(const QueueLane& lane) const;
  // The items below this number were published by an owner that has died or has given up the lane.
  uint64_t Published(const QueueLane& lane) const;
  bool OwnerLives(const QueueLane& lane) const;
  // The number of the ring for item `next`, the lane's next item: `hop`, or the ring after it if an owner or trimmer
  // died after it moved on and before it stored that. The caller holds the lock.
  uint64_t SettledHop(const QueueLane& lane, uint64_t next) const;
  // The number of items in all lanes.
  uint64_t size() const;
  // Called by waiters. An owner with an item on its way may be dead without the kernel having marked it; this finds
  // such a death within a second.
  void RecheckOwners() const;
  // Whether the queue is closed, and no item is left or on its way.
  bool Drained() const;

  // The state of the calling thread. Errors: as Family::Self.
  absl::StatusOr<QueueThread*> ThisThread();
  // The same if the thread used this queue last. Otherwise null.
  QueueThread* CachedThread() const {
    QueueThread* last = t_last_;
    if (last != nullptr && last->segment_number == number_ && IsForkGeneration(last->fork_generation)) [[likely]] {
      return last;
    }
    return nullptr;
  }
  // Claims a lane for the calling thread. ResourceExhausted: all lanes are in use, or no memory is left.
  absl::StatusOr<LaneWriter*> ClaimWriter(QueueThread* thread, Deadline deadline);
  // Called when a thread ends: gives up its lanes in all queues.
  static void LeaveThread();
  // Gives up the lane of a writer that neither a thread nor a reservation uses any more, and destroys the writer.
  void ReturnWriter(LaneWriter* writer);

  // For a queue that counts unfinished items: those that are in the queue, or whose extent a getter owns.
  void Keep(Extent* extent);
  // The extent that this process has kept for the longest time, or null.
  Extent* TakeKept();
  // Frees the extent of an item that is done.
  void Finish(Extent* extent);
  // Whether no item was unfinished at some moment of the call. False also if the lock was held for long.
  bool AllFinished(Member self);
  // Counts the items of dead getters as abandoned, and frees them or puts them back.
  void Recover(QueueThread* thread);

  // Gives back the memory of empty lanes, in steps. Stops when an item has been put.
  void Trim(Member self);
  // Called by a getter that finds many lanes empty. Empty lanes without an owner are not examined any more.
  void RetireLanes(Member self);

 private:
  absl::StatusOr<uint32_t> ClaimLane(Member self);
  // Makes an empty lane use its base ring. The caller holds the lock, without which the lane's owner can't put.
  void ResetLane(uint32_t index);
  bool IsRetirable(const QueueLane& lane) const { return !OwnerLives(lane) && Outstanding(lane) == 0; }
  // The caller holds the lock.
  void Retire(uint32_t index);
  bool TrimStep(uint32_t* from);
  // Calls `visit(extent, lane, run)` for each extent that a getter owns. The lock is held.
  template <typename Visit>
  void ForEachOwned(Visit visit);
  absl::Status PutCopy(QueueThread* thread, absl::Span<const std::byte> bytes);
  // A number that changes with each put.
  uint64_t PutsSeen() const;

  // The first lane in use of [from, to). `to` if there is none.
  uint32_t FindLane(uint32_t from, uint32_t to) const;
  // A bit for each of 64 lanes that is in use and below `count`.
  uint64_t InUse(uint32_t word, uint32_t count) const {
    const uint64_t bits = header_->lanes_in_use[word].load(std::memory_order_acquire);
    const uint32_t valid = count - word * 64;
    return valid >= 64 ? bits : bits & ((uint64_t{1} << valid) - 1);
  }

  // The state of one process. A child of fork makes a new one, as the mutex may be held and the lanes are its parent's.
  struct Local {
    uint32_t fork_generation = 0;
    Mutex mutex;
    std::vector<std::unique_ptr<LaneWriter>> writers ABSL_GUARDED_BY(mutex);
    std::deque<Extent*> kept ABSL_GUARDED_BY(mutex);
  };
  Local& ThisProcess();

  static inline thread_local constinit QueueThread* t_last_ = nullptr;

  static absl::StatusOr<std::shared_ptr<QueueSegment>> ViewOf(absl::StatusOr<std::shared_ptr<Segment>> segment);
  uint32_t LanesInFile(uint32_t count) const;
  // Frees the memory of a queue that its creator destroys and that no other process has used. A nursery would keep it.
  void FreeIfAlone() const;
  // FailedPrecondition: FreeIfAlone has freed the memory.
  absl::Status CheckUse() const;

  QueueLane* const lanes_;
  const uint64_t capacity_;
  const bool counts_;
  mutable std::atomic<uint32_t> lanes_in_file_{0};
  const uint64_t number_;  // Never used again.
  const uint32_t index_;   // A small number, by which threads find their state. It is used again after this object.
  std::atomic<Local*> local_{nullptr};
};

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_QUEUE_SEGMENT_H_
