// JoinableQueue: a Queue that knows which of its items are done.
//
//   queue.Put(item);        // A producer.
//   item = queue.Get();     // A consumer.
//   Work(item);
//   queue.TaskDone();
//   queue.Join();           // Any process: blocks until all items are done.
//
// Done       An item is unfinished from Put until its getter calls TaskDone. Join blocks while any item is unfinished.
// Getter     The process that got an item must call TaskDone; any of its threads may. In a child of fork nothing that
//            its parent got is the child's to finish.
// Crash      A process may be killed at any instruction. The contract of Queue holds. The items that a dead process had
//            got and not finished are abandoned: they count as done, or they are put back for another getter
//            (IfGetterDies). A process that waits in Join or Get sees to that, at the latest a second later. Join
//            returns how many items were abandoned. One that is put back may be put back twice if the process that does
//            so dies, too; the number may then miss one.
// Handles    If a process lets go of its last handle, the items that it has got and not finished are abandoned.
// Cost       Each item lies in memory of its own until it is done, as the large items of a Queue do.
// The rest   Processes, threads, order, waiting, memory, values, copies: as for Queue.
// Format     queue_format.h, described in FORMAT.md.
#ifndef REGATTA_CORE_IPC_JOINABLE_QUEUE_H_
#define REGATTA_CORE_IPC_JOINABLE_QUEUE_H_

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/codec/codec.h"
#include "core/ipc/byte_queue.h"
#include "core/os/deadline.h"
#include "core/os/thrown.h"
#include "core/shm/shared_object.h"

namespace regatta {

// Attach, valid, descriptor, offset and CheckDescriptor: see ObjectHandle.
template <typename T>
class JoinableQueue : public ObjectHandle<JoinableQueue<T>, ByteQueue> {
 public:
  // capacity: items in the queue; 0 or less means no limit but memory. InvalidArgument: `if_getter_dies` is
  // kNotCounted. ResourceExhausted: no memory, descriptors or address space.
  static absl::StatusOr<JoinableQueue> Create(int64_t capacity = 0,
                                              IfGetterDies if_getter_dies = IfGetterDies::kCountsAsDone) {
    if (if_getter_dies == IfGetterDies::kNotCounted) {
      return absl::InvalidArgumentError("a JoinableQueue counts its items: give kCountsAsDone or kIsPutBack");
    }
    return JoinableQueue::Of(ByteQueue::Create(
        {.capacity = capacity, .fingerprint = ValuesFingerprint(), .if_getter_dies = if_getter_dies}));
  }

  // As Queue's.
  absl::Status Put(const T& item, Deadline deadline = Deadline::Never()) {
    return WithoutExceptions([&]() -> absl::Status {
      absl::StatusOr<QueueReservation> room = object_.Reserve(EncodedSize(item), deadline);
      if (!room.ok()) return room.status();
      if (absl::Status encoded = Encode(item, room->bytes()); !encoded.ok()) return encoded;
      room->Commit();
      return absl::OkStatus();
    });
  }
  absl::Status TryPut(const T& item) { return Put(item, Deadline::Now()); }
  // As Queue's. The item is this process's to finish. One that is gone with an error counts as done.
  absl::StatusOr<T> Get(Deadline deadline = Deadline::Never()) {
    QueueItem item;
    if (absl::Status got = object_.Get(&item, deadline); !got.ok()) return got;
    absl::StatusOr<T> value = WithoutExceptions([&]() -> absl::StatusOr<T> { return Decode<T>(item.bytes()); });
    value.ok() ? object_.Keep(std::move(item)) : object_.Drop(std::move(item));
    return value;
  }
  absl::StatusOr<T> TryGet() { return Get(Deadline::Now()); }

  // The item that this process got first, of those that it has not finished, is done. FailedPrecondition: this process
  // has finished all that it got.
  absl::Status TaskDone() { return object_.TaskDone(); }
  // Blocks until all items are done. Returns how many were abandoned since the queue was made. DeadlineExceeded: some
  // are unfinished at `deadline`. Unavailable: the same for Deadline::Now(). ResourceExhausted: this process had to
  // join the family of processes, and found no memory or descriptors. What a getter wrote before TaskDone is visible
  // after Join.
  absl::StatusOr<int64_t> Join(Deadline deadline = Deadline::Never()) { return object_.Join(deadline); }

  // As Queue's. An item that would be put back into a closed queue counts as done instead.
  absl::Status Close() { return object_.Close(); }
  bool closed() const { return object_.closed(); }
  int64_t size() const { return object_.size(); }
  bool empty() const { return object_.empty(); }
  bool full() const { return object_.full(); }
  int64_t capacity() const { return object_.capacity(); }

  static constexpr uint64_t ValuesFingerprint() {
    static_assert(!kCarriesDescriptors<T>, "a queue's items can't hold descriptors, queues or locks");
    return FingerprintOf("joinable", {TypeFingerprint<T>()});
  }

 private:
  using JoinableQueue::ObjectHandle::object_;
};

template <typename T>
struct Codec<JoinableQueue<T>> : ObjectCodec<JoinableQueue<T>> {
  static constexpr uint64_t kFingerprint = FingerprintOf("regatta.JoinableQueue/1", {TypeFingerprint<T>()});
};

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_JOINABLE_QUEUE_H_
