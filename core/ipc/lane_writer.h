// LaneWriter: the putting side of one lane.
//
// Internal to ipc. It keeps in private memory what it can derive from shared memory (Load), so that a death needs no redo:
// the lane's next owner derives it again.
//
// Threads    Not thread-safe. The writer belongs to the thread that claimed it while no reservation is open, and to the holder
//            of the reservation while one is open. state_ hands it over: EndReservation releases it, Put and Reserve acquire it.
#ifndef REGATTA_CORE_IPC_LANE_WRITER_H_
#define REGATTA_CORE_IPC_LANE_WRITER_H_

#include <atomic>
#include <cstdint>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/ipc/queue_segment.h"
#include "core/shm/extent_pool.h"

namespace regatta {

class LaneWriter : private ArenaLock {
 public:
  // The lane is owned by this process; the segment's lock is held.
  LaneWriter(QueueSegment& segment, uint32_t lane, Member self);

  absl::Status Put(absl::Span<const std::byte> bytes, Deadline deadline);
  // Room for an item of `size` bytes; *extent is null if it is in the slot. Any thread may then call Commit or Abandon, once.
  absl::StatusOr<std::byte*> Reserve(uint64_t size, Deadline deadline, Extent** extent);
  // Both return false if the thread that had claimed the writer has ended meanwhile. The caller then owns the writer.
  bool Commit(uint32_t size, Extent* extent);
  bool Abandon();
  // The thread that had claimed the writer ends. Returns false if a reservation is open, whose end then gives up the lane.
  bool LeaveThread();
  // Gives the lane up; what is in it may still be got.
  void LetGo();

 private:
  enum class State : uint32_t {
    kIdle,      // No reservation is open.
    kReserved,  // One is open.
    kOrphaned,  // One is open, and the thread that had claimed the writer has ended.
  };

  bool idle() const { return state_.load(std::memory_order_acquire) == State::kIdle; }
  bool EndReservation();
  QueueSlot& slot() { return ring_[next_ & mask_]; }
  // Marks item next_ as on its way. False: no credit, or the ring is full.
  bool TryBegin();
  uint64_t KnownHead() const;
  absl::Status BeginSlow(Deadline deadline);
  // The lock is held.
  absl::Status Prepare();
  bool TakeCredit();
  void Load();
  absl::Status MoveToRing(uint32_t log2);
  bool MaybeRoom() const;
  void Publish(uint32_t size, uint32_t place);
  void Shrink();

  absl::Status LockArena() override { return segment_.Lock(self_, Deadline::Never()); }
  void UnlockArena() override { segment_.Unlock(); }
  // A getter that died before it moved the head leaves the next one to look at the extent.
  bool IsForgotten(uint64_t owned_state) const override { return IsPassed(owned_state); }
  // One whose item is still to be put, or to be got, is behind no head. A dead owner's that was never put has its number in common
  // with a later item's, and is as good as free once that one was got.
  bool IsStale(uint64_t queued_state) const override { return IsPassed(queued_state); }
  // Whether the head has passed the item of an extent's state.
  bool IsPassed(uint64_t state) const {
    const auto head = static_cast<uint32_t>(lane_.head.load(std::memory_order_acquire));
    return static_cast<int32_t>(head - static_cast<uint32_t>(state)) > 0;
  }

  QueueSegment& segment_;
  QueueLane& lane_;
  const uint32_t index_;
  const Member self_;
  std::atomic<State> state_{State::kIdle};
  const void* opener_ = nullptr;  // Identifies the thread that opened the reservation.
  uint64_t next_ = 0;
  uint64_t ring_begin_ = 0;  // The first item in this ring: a getter that isn't here yet has all of it before it.
  uint64_t known_head_ = 0;  // The first item in this ring that may not have been got.
  uint64_t hop_ = 0;
  QueueSlot* ring_ = nullptr;
  uint64_t mask_ = 0;
  uint32_t resets_seen_ = 0;
  uint32_t processor_ = ~0U;
  std::vector<uint32_t> old_rings_;  // Chunk runs to give back once getters have left them.
  ExtentPool extents_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_LANE_WRITER_H_
