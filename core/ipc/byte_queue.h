// ByteQueue: a FIFO of byte strings between processes. Queue<T> consists of one.
//
// Processes  Any number may put and get. Pass the queue to a child by its descriptor (Attach), or keep it across fork.
// Threads    Thread-safe. Up to 1,024 threads of all processes may be putting at one time.
// Order      The items of one thread arrive in the order in which it put them. Items of different threads have no
//            order.
// Crash      A process may die at any instruction. An item whose Put returned OK is got at most once, and exactly once
//            if its getter lives. An item whose Put never returned is got whole or not at all. Other processes are
//            delayed by at most a second, and only if the process died after it published an item and before it woke
//            them.
// Copies     Items up to 112 B travel in the ring. Larger items are written once into shared memory and read in place.
// Memory     Put reserves it. If there is no room, Put returns ResourceExhausted and the queue stays usable. Memory of
//            a former backlog is given back once a getter has waited for 50 ms, or by the producer as it goes on.
// Design     Each producing thread has a lane (a ring). A getter claims an item by one CAS of the lane's head, so no
//            death leaves an item half taken. A bounded queue hands out its places to the lanes as credit, so the bound
//            is exact.
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
  // The number of items that the queue may hold. 0 or less means that only memory limits it.
  int64_t capacity = 0;
  // The bytes of shared memory for items larger than 112 B and for backlogs. 0: no limit.
  uint64_t memory_limit = 0;
  // Identifies the type of the items. Attach requires the same number.
  uint64_t fingerprint = 0;
  // Other than kNotCounted: items are put by Reserve only.
  IfGetterDies if_getter_dies = IfGetterDies::kNotCounted;
};

// An item that was got. Its bytes are readable as long as the QueueItem lives. A large item lies in the queue's memory
// and keeps that memory until then. A QueueItem belongs to the process that got it.
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

// Memory for one item, which the caller writes in place. If it is destroyed without Commit, nothing is put.
//
// Threads    Any thread may commit, abandon or destroy it, also after the thread that opened it has ended. While it is
//            open, the thread that opened it can't put anything else into the same queue (FailedPrecondition), so that
//            the order of that thread's items is kept.
// Processes  It belongs to the process that made it. In a child of fork it has no effect.
class QueueReservation {
 public:
  QueueReservation() = default;
  QueueReservation(QueueReservation&& other) noexcept { *this = std::move(other); }
  QueueReservation& operator=(QueueReservation&& other) noexcept;
  ~QueueReservation() { Abandon(); }

  absl::Span<std::byte> bytes() const { return bytes_; }
  // Puts the item. All writes before Commit are visible to the process that gets the item.
  void Commit();
  void Abandon();

 private:
  friend class ByteQueue;
  // Gives up the writer and returns it. Null if there is none in this process.
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

  ByteQueue() = default;  // An empty handle. Assign a queue to it.

  // ResourceExhausted: no memory, descriptors or address space.
  static absl::StatusOr<ByteQueue> Create(const QueueOptions& options);
  // Opens the queue at `offset` of `file`, which another process of the family made. DataLoss: it is not a queue.
  // FailedPrecondition: it belongs to another family. InvalidArgument: its items are of another type.
  static absl::StatusOr<ByteQueue> Attach(Fd file, uint64_t offset, uint64_t fingerprint);

  // Blocks while the queue is full, until `deadline`. On error nothing was put: Full (IsFull), Closed (IsClosed),
  // ResourceExhausted, InvalidArgument (over 1 GiB). Unavailable and not Full: a process that is stopped, or gets no
  // processor, held the queue's lock until `deadline`, and for at least 20 ms. Most puts need no lock. A put that needs
  // it waits for its holder for a moment, even with Deadline::Now().
  absl::Status Put(absl::Span<const std::byte> bytes, Deadline deadline = Deadline::Never());
  absl::StatusOr<QueueReservation> Reserve(size_t bytes, Deadline deadline = Deadline::Never());

  // Blocks while the queue is empty, until `deadline`. Empty (IsEmpty): it is still empty. Closed (IsClosed): it is
  // closed and drained. DataLoss: the item was damaged and is dropped; the queue stays usable.
  absl::Status Get(QueueItem* item, Deadline deadline = Deadline::Never());

  // For a queue that counts unfinished items (JoinableQueue). After Keep, `item` is unfinished until TaskDone; after
  // Drop it is done. TaskDone finishes the item that this process has kept for the longest time. FailedPrecondition: it
  // has kept none. Join blocks until all items are finished, and returns how many were abandoned. DeadlineExceeded, or
  // for Deadline::Now() Unavailable: some are unfinished.
  void Keep(QueueItem item);
  void Drop(QueueItem item);
  absl::Status TaskDone();
  absl::StatusOr<int64_t> Join(Deadline deadline);

  // Closes the queue for all processes. Every later Put fails; Get returns the items that are left, and then Closed.
  // Idempotent.
  absl::Status Close();
  bool closed() const;

  // Hints only: each lane had the value at some moment during the call.
  int64_t size() const;
  bool empty() const { return size() == 0; }
  bool full() const;
  int64_t capacity() const;
  // The bytes of shared memory that backlogs and larger items occupy.
  uint64_t memory() const;

  // The place of the queue in shared memory. The queue still owns the descriptor.
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
