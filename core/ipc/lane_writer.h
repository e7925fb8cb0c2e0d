// LaneWriter: the putting side of one lane.
//
// Internal to ipc. Its private memory holds only what Load derives from shared memory. So nothing is lost with a
// process that dies: the lane's next owner calls Load.
//
// Threads    Not thread-safe. The writer belongs to the thread that claimed it while no reservation is open, and to the
//            holder of the reservation while one is open. state_ hands it over: EndReservation releases it, Put and
//            Reserve acquire it.
#ifndef REGATTA_CORE_IPC_LANE_WRITER_H_
#define REGATTA_CORE_IPC_LANE_WRITER_H_

#include <atomic>
#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/ipc/queue_segment.h"
#include "core/shm/extent_pool.h"

namespace regatta {

class LaneWriter {
 public:
  // This process must own the lane, and the caller must hold the segment's lock.
  LaneWriter(QueueSegment& segment, uint32_t lane, Member self);

  absl::Status Put(absl::Span<const std::byte> bytes, Deadline deadline);
  // Returns memory for an item of `size` bytes. *extent is null if that memory is in the slot. Then any thread may call
  // Commit or Abandon once.
  absl::StatusOr<std::byte*> Reserve(uint64_t size, Deadline deadline, Extent** extent);
  // Both return false if the thread that had claimed the writer has ended meanwhile. The caller then owns the writer.
  bool Commit(uint32_t size, Extent* extent);
  bool Abandon();
  // Called when the thread that had claimed the writer ends. Returns false if a reservation is open. The end of that
  // reservation then gives up the lane.
  bool LeaveThread();
  // Gives up the lane. Its items can still be got.
  void LetGo();

 private:
  enum class State : uint32_t {
    kIdle,      // No reservation is open.
    kReserved,  // A reservation is open.
    kOrphaned,  // A reservation is open, and the thread that had claimed the writer has ended.
  };

  // The answer to the lock's holder who asks for the right to put one more item.
  enum class Credit { kGranted, kNone, kClosed, kOverwritten };

  bool idle() const { return state_.load(std::memory_order_acquire) == State::kIdle; }
  bool EndReservation();
  QueueSlot& slot() { return ring_[next_ & mask_]; }
  // If the lane has credit and a slot, marks item next_ as on its way. From then on no other process changes the lane's
  // rings and chunks.
  bool TryBegin() { return next_ < ready_until_ && Begin(); }
  bool Begin();
  void CancelBegin();
  uint64_t KnownHead() const;
  absl::Status BeginSlow(Deadline deadline);
  // The caller holds the lock.
  Credit GetCredit();
  bool TakeCredit();
  void Load();
  bool MaybeRoom() const;
  // Makes a slot for the item that is on its way. Gives back, in bounded steps, the rings that the getters have left.
  absl::Status MakeReady(Deadline deadline);
  absl::Status MoveToLargerRing(Deadline deadline);
  void MoveTo(uint64_t offset, uint32_t log2);
  absl::Status GrowRing();
  void Publish(uint32_t size, uint32_t place);

  // Whether the head has passed the item of an extent's state. Then no getter will claim the extent any more. Before,
  // the extent may still be needed: if the getter that read it died, the next getter reads it again. An owner may also
  // have died after it had marked the extent and before it put the item. Its successor puts an item of that number
  // again, with another extent.
  // An extent that a getter of a JoinableQueue left unfinished is freed by QueueSegment::Recover alone.
  bool IsPassed(uint64_t state) const {
    if (segment_.counts() && (state & Extent::kTag) == Extent::kOwned) return false;
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
  uint64_t ready_until_ = 0;  // Items below it have a slot. That slot and the next one have memory.
  // The first item in this ring. A getter that has not reached the ring has not got this item.
  uint64_t ring_begin_ = 0;
  uint64_t hop_ = 0;
  QueueSlot* ring_ = nullptr;
  uint64_t mask_ = 0;
  uint64_t grown_from_ = 0;   // The items whose slots in this ring got memory, or are known to have it: [from, until).
  uint64_t grown_until_ = 0;  // kWhole: all slots.
  uint32_t resets_seen_ = 0;
  uint32_t processor_ = ~0U;
  std::vector<std::pair<uint32_t, uint32_t>>
      old_rings_;  // Runs (first, count) to give back once getters have left them.
  ExtentPool extents_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_LANE_WRITER_H_
