// QueueSegment: one process's view of a queue's shared memory: what putters, getters and repair have in common.
//
// Internal to ipc. Threads: what it says of each member. Shared memory is read as another process may have left it:
// numbers that address something are checked first.
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

// What a thread keeps for one queue.
struct QueueThread {
  uint64_t segment_number = 0;
  uint32_t fork_generation = 0;
  Member self = kNobody;
  LaneWriter* writer = nullptr;  // Once it has put something.
  uint32_t lane = 0;             // Where it looks first when getting.
  uint32_t streak = 0;           // Items in a row from that lane.
  uint32_t hits = 0;             // Looks in a row that found an item.
  uint32_t misses = 0;           // Looks that found none.
  // The ring it looked into last: its word in a lane's table, and what RingAt returned for it.
  uint64_t ring_word = 0;
  QueueSlot* ring = nullptr;
  uint64_t mask = 0;
  std::weak_ptr<QueueSegment> segment;
};

class QueueSegment : public GrowingObject<QueueHeader>, public std::enable_shared_from_this<QueueSegment> {
 public:
  static absl::StatusOr<std::shared_ptr<QueueSegment>> Create(const QueueOptions& options);
  // The one of this process, made if need be.
  static absl::StatusOr<std::shared_ptr<QueueSegment>> Attach(Fd file, uint64_t offset, uint64_t fingerprint);
  explicit QueueSegment(std::shared_ptr<Segment> segment);
  // Lets the lanes of this process go; those of a parent it was forked from stay.
  ~QueueSegment();

  QueueLane& lane(uint32_t index) const { return lanes_[index]; }
  // Lanes [0, lanes) may be looked at.
  uint32_t lanes() const {
    const uint32_t count = std::min(header_->lanes.load(std::memory_order_acquire), kQueueLanes);
    return count <= lanes_in_file_.load(std::memory_order_relaxed) ? count : LanesInFile(count);
  }
  // The ring of that number, or null if shared memory names an impossible one.
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
  // Fixed when the queue was made, and read once.
  uint64_t capacity() const { return capacity_; }  // 0: no limit.
  // Whether items are unfinished until their getter says that they are done.
  bool counts() const { return counts_; }
  // A ring used again may hold the mark of a move at this very item, made by an owner that died before putting it.
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
  // The next lane in use after `index`, going round, but not beyond `first`.
  uint32_t NextLane(uint32_t index, uint32_t first) const;

  // Items of the lane put, or on their way, and not yet got; of a dead owner those that can still be got.
  uint64_t Outstanding(const QueueLane& lane) const;
  // Items below this number were published by an owner that has died or gone.
  uint64_t Published(const QueueLane& lane) const;
  bool OwnerLives(const QueueLane& lane) const;
  // Number of the ring that item `next`, the lane's next to be put, goes to: `hop`, or the one after if an owner or
  // trimmer died between moving on and saying so. The lock is held.
  uint64_t SettledHop(const QueueLane& lane, uint64_t next) const;
  // Of all lanes.
  uint64_t size() const;
  // For who waits: an owner with an item on its way may be dead without the kernel having marked it. Finds that within
  // a second.
  void RecheckOwners() const;
  // Closed, and nothing is left or on its way.
  bool Drained() const;

  // The calling thread's place. Family::Self's errors.
  absl::StatusOr<QueueThread*> ThisThread();
  // The same where it used this queue last, else null.
  QueueThread* CachedThread() const {
    QueueThread* last = t_last_;
    if (last != nullptr && last->segment_number == number_ && IsForkGeneration(last->fork_generation)) [[likely]] {
      return last;
    }
    return nullptr;
  }
  // A lane of this process for the calling thread. ResourceExhausted: all lanes are in use, or no memory.
  absl::StatusOr<LaneWriter*> ClaimWriter(QueueThread* thread, Deadline deadline);
  // The calling thread ends: lets its lanes in all queues go.
  static void LeaveThread();
  // Gives up the lane of a writer that no thread and no reservation uses any more, and destroys the writer.
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

  // Gives the memory of lanes with nothing in them back, in steps. Ends when something has been put.
  void Trim(Member self);
  // For who finds nothing in many lanes: those without an owner and with nothing in them are looked at no more.
  void RetireLanes(Member self);

 private:
  absl::StatusOr<uint32_t> ClaimLane(Member self);
  // Nothing is in the lane and its owner can't put without the lock, which is held. Makes it use its base ring.
  void ResetLane(uint32_t index);
  bool IsRetirable(const QueueLane& lane) const { return !OwnerLives(lane) && Outstanding(lane) == 0; }
  // The lock is held.
  void Retire(uint32_t index);
  bool TrimStep(uint32_t* from);
  // Calls `visit(extent, lane, run)` for each extent that a getter owns. The lock is held.
  template <typename Visit>
  void ForEachOwned(Visit visit);
  absl::Status PutCopy(QueueThread* thread, absl::Span<const std::byte> bytes);
  // A number that changes with each put.
  uint64_t PutsSeen() const;

  // The first lane in use of [from, to); `to` if there is none.
  uint32_t FindLane(uint32_t from, uint32_t to) const;
  // Which of 64 lanes are in use, of those below `count`.
  uint64_t InUse(uint32_t word, uint32_t count) const {
    const uint64_t bits = header_->lanes_in_use[word].load(std::memory_order_acquire);
    const uint32_t valid = count - word * 64;
    return valid >= 64 ? bits : bits & ((uint64_t{1} << valid) - 1);
  }

  // Of one process: a child of fork starts anew, as the mutex may be held and the lanes are its parent's.
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
  // A nursery keeps the memory of a queue that its creator destroys. Frees it if no other process has used the queue.
  void FreeIfAlone() const;
  // FailedPrecondition: that has happened.
  absl::Status CheckUse() const;

  QueueLane* const lanes_;
  const uint64_t capacity_;
  const bool counts_;
  mutable std::atomic<uint32_t> lanes_in_file_{0};
  const uint64_t number_;  // Never used again.
  const uint32_t index_;   // Small, and free again after this object: threads find their place by it.
  std::atomic<Local*> local_{nullptr};
};

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_QUEUE_SEGMENT_H_
