// ByteQueue: a FIFO of byte strings between processes; what Queue<T> is made of.
//
// Processes  Any number may put and get. Pass it to a child by its descriptor (Attach), or keep it across fork.
// Threads    Thread-safe. Up to 1,024 threads of all processes may be putting at one time.
// Order      One thread's items arrive in the order put; across producers none is promised.
// Crash      A process may die at any instruction. Then an item whose Put returned OK is got at most once, and exactly
//            once if its getter lives; an item whose Put never returned is got whole or not at all. Others are held up
//            for at most a second, and only if it died between its publishing and waking them.
// Copies     Items up to 112 B travel in the ring; larger ones are written once into shared memory and read in place.
// Memory     Reserved at Put. No room: ResourceExhausted, and the queue stays usable. Memory that a backlog took is
//            given back once a getter has waited 50 ms, or by the producer as it goes on.
// Design     A lane (ring) per producing thread; getters claim an item by one CAS of the lane's head. No state exists
//            in which a death leaves an item half taken. A bound is kept exactly by handing out its items to lanes as
//            credit.
// Format     queue_format.h, described in FORMAT.md.
#ifndef REGATTA_CORE_IPC_BYTE_QUEUE_H_
#define REGATTA_CORE_IPC_BYTE_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/ipc/queue_format.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"

namespace regatta {

class QueueSegment;
class LaneWriter;

struct QueueOptions {
  // Items that may be in it at once; 0 or less means no limit but memory.
  int64_t capacity = 0;
  // Bytes of shared memory for items larger than 112 B and for backlogs; 0: as much as there is.
  uint64_t memory_limit = 0;
  // Tells types apart: Attach wants the same.
  uint64_t fingerprint = 0;
  // Other than kNotCounted: items are put by Reserve only.
  IfGetterDies if_getter_dies = IfGetterDies::kNotCounted;
};

// An item that was got; readable while this lives. Larger ones lie in the queue's memory and keep it until then.
// Belongs to the process that got it.
class QueueItem {
 public:
  QueueItem() = default;
  QueueItem(QueueItem&& other) noexcept { *this = std::move(other); }
  QueueItem& operator=(QueueItem&& other) noexcept;
  ~QueueItem() { Reset(); }

  absl::Span<const std::byte> bytes() const { return {extent_ == nullptr ? inline_ : data_, size_}; }
  void Reset();

 private:
  friend class ByteQueue;
  uint32_t size_ = 0;
  uint32_t fork_generation_ = 0;
  Extent* extent_ = nullptr;
  const std::byte* data_ = nullptr;
  std::shared_ptr<QueueSegment> segment_;
  alignas(16) std::byte inline_[kInlineBytes];
};

// Room for one item, to be written in place. Destroyed without Commit, nothing was put.
//
// Threads    Any thread may commit, abandon or destroy it, also after the thread that opened it has ended. While it is
//            open, the thread that opened it can't put anything else into the same queue (FailedPrecondition), so that
//            the order of that thread's items is kept.
// Processes  It belongs to the process that made it: in a child of fork it is void.
class QueueReservation {
 public:
  QueueReservation() = default;
  QueueReservation(QueueReservation&& other) noexcept { *this = std::move(other); }
  QueueReservation& operator=(QueueReservation&& other) noexcept;
  ~QueueReservation() { Abandon(); }

  absl::Span<std::byte> bytes() const { return bytes_; }
  // Puts the item. What the caller wrote before is visible to who gets it.
  void Commit();
  void Abandon();

 private:
  friend class ByteQueue;
  // Gives the writer up; null if there is none in this process.
  LaneWriter* Release();

  LaneWriter* writer_ = nullptr;
  uint32_t fork_generation_ = 0;
  Extent* extent_ = nullptr;
  absl::Span<std::byte> bytes_;
  std::shared_ptr<QueueSegment> segment_;
};

class ByteQueue {
 public:
  static constexpr ObjectType kType = QueueHeader::kType;

  ByteQueue() = default;  // Empty; assign one to it.

  // ResourceExhausted: no memory, descriptors or address space.
  static absl::StatusOr<ByteQueue> Create(const QueueOptions& options);
  // The queue at `offset` of `file`, which another process of the family made.
  // DataLoss: not a queue. FailedPrecondition: of another family. InvalidArgument: of another type.
  static absl::StatusOr<ByteQueue> Attach(Fd file, uint64_t offset, uint64_t fingerprint);

  // Blocks while full, until `deadline`. On error nothing was put: Full (IsFull), Closed (IsClosed), ResourceExhausted,
  // InvalidArgument (over 1 GiB). Unavailable and not Full: a process that is stopped, or gets no processor, held the
  // queue's lock until `deadline`, and for 20 ms. Most puts need no lock; some, with any deadline, find it taken for
  // the moment and get it then.
  absl::Status Put(absl::Span<const std::byte> bytes, Deadline deadline = Deadline::Never());
  absl::StatusOr<QueueReservation> Reserve(size_t bytes, Deadline deadline = Deadline::Never());

  // Blocks while empty, until `deadline`: Empty (IsEmpty). Closed once nothing is left. DataLoss: an item that can't be
  // what it claims; it is gone, the queue stays usable.
  absl::Status Get(QueueItem* item, Deadline deadline = Deadline::Never());

  // For a queue that counts unfinished items (JoinableQueue). After Keep, `item` is unfinished until TaskDone; after
  // Drop it is done. TaskDone finishes the item that this process has kept for the longest time. FailedPrecondition: it
  // has kept none. Join blocks until all items are finished, and returns how many were abandoned. DeadlineExceeded, or
  // for Deadline::Now() Unavailable: some are unfinished.
  void Keep(QueueItem item);
  void Drop(QueueItem item);
  absl::Status TaskDone();
  absl::StatusOr<int64_t> Join(Deadline deadline);

  // For everyone: puts fail from now on, getters take what is left and then get Closed. Closing twice is fine.
  absl::Status Close();
  bool closed() const;

  // Hints: true at some instant during the call, per lane.
  int64_t size() const;
  bool empty() const { return size() == 0; }
  bool full() const;
  int64_t capacity() const;
  // Bytes of shared memory taken for backlogs and larger items.
  uint64_t memory() const;

  // Where it lies in shared memory; still owned by the queue.
  const Fd& descriptor() const;
  uint64_t offset() const { return 0; }
  // FailedPrecondition: code of this process has closed the descriptor.
  absl::Status CheckDescriptor() const;
  bool valid() const { return segment_ != nullptr; }

 private:
  explicit ByteQueue(std::shared_ptr<QueueSegment> segment) : segment_(std::move(segment)) {}

  std::shared_ptr<QueueSegment> segment_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_BYTE_QUEUE_H_
