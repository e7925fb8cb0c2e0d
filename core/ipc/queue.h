// Queue: a FIFO of values between processes.
//
// Processes  Any number may put and get. Pass a Queue to a child as an argument, or keep it across fork.
// Threads    Thread-safe. Up to 1,024 threads of all processes may be putting at one time.
// Order      The items of one thread arrive in the order in which it put them. Items of different threads have no
//            order.
// Crash      A process may die at any instruction. An item whose Put returned OK is got at most once, and exactly once
//            if its getter lives. An item whose Put never returned is got whole or not at all. Other processes are
//            delayed by at most a second, and only if the process died after it published an item and before it woke
//            them.
// Waiting    A blocked call spins briefly, then sleeps, which costs nothing. A negative timeout has passed already.
// Memory     Put reserves it. If there is no room, Put returns ResourceExhausted and the queue stays usable.
// Values     All types that the codec knows, except descriptors and objects that hold descriptors. An encoded item may
//            have up to 1 GiB. A user's codec runs while no lock is held. An exception that it throws becomes the error
//            of its item (Unknown, with type and text). It must not put into the same queue (FailedPrecondition).
// In place   Reserve and GetInPlace write and read an item where it lies in shared memory (queue_loan.h).
// Copies     A Queue is a handle. Copies are the same queue.
// Format     queue_format.h, described in FORMAT.md.
#ifndef REGATTA_CORE_IPC_QUEUE_H_
#define REGATTA_CORE_IPC_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/codec/codec.h"
#include "core/ipc/byte_queue.h"
#include "core/ipc/queue_loan.h"
#include "core/os/deadline.h"
#include "core/os/thrown.h"
#include "core/shm/shared_object.h"

namespace regatta {

// ObjectHandle has Attach, valid, descriptor, offset and CheckDescriptor.
template <typename T>
class Queue : public ObjectHandle<Queue<T>, ByteQueue> {
 public:
  // `capacity` is the number of items that the queue may hold. 0 or less means that only memory limits it.
  // ResourceExhausted: no memory, descriptors or address space left.
  static absl::StatusOr<Queue> Create(int64_t capacity = 0) {
    return Queue::Of(ByteQueue::Create({.capacity = capacity, .fingerprint = ValuesFingerprint()}));
  }

  // Blocks while the queue is full, until `deadline`. The caller's writes before Put are visible after the matching
  // Get. On error nothing was put. Full (IsFull): the queue is still full. FailedPrecondition (IsClosed): it is closed.
  // InvalidArgument: the item can't be encoded. ResourceExhausted: no memory left. Unknown: the item's codec threw.
  // Unavailable and not Full: a process that is stopped, or gets no processor, has held the queue's lock until
  // `deadline`, and for at least some milliseconds.
  absl::Status Put(const T& item, Deadline deadline = Deadline::Never()) {
    return WithoutExceptions([&]() -> absl::Status {
      if constexpr (kFixedSize<T> != kVariable && kFixedSize<T> <= kInlineBytes) {
        std::byte bytes[kInlineBytes];
        EncodeFixed(item, bytes);
        return object_.Put({bytes, kFixedSize<T>}, deadline);
      } else {
        absl::StatusOr<QueueReservation> room = object_.Reserve(EncodedSize(item), deadline);
        if (!room.ok()) return room.status();
        if (absl::Status encoded = Encode(item, room->bytes()); !encoded.ok()) return encoded;
        room->Commit();
        return absl::OkStatus();
      }
    });
  }
  // The same without blocking.
  absl::Status TryPut(const T& item) { return Put(item, Deadline::Now()); }

  // Blocks while the queue is empty, until `deadline`. Empty (IsEmpty): it is still empty. FailedPrecondition
  // (IsClosed): it is closed and drained. DataLoss: the item is no T. Unknown: the item's codec threw. With both, the
  // item is lost.
  absl::StatusOr<T> Get(Deadline deadline = Deadline::Never()) {
    QueueItem item;
    if (absl::Status got = object_.Get(&item, deadline); !got.ok()) return got;
    return WithoutExceptions([&]() -> absl::StatusOr<T> { return Decode<T>(item.bytes()); });
  }
  // The same without blocking.
  absl::StatusOr<T> TryGet() { return Get(Deadline::Now()); }

  // Room for an item that is written in place (queue_loan.h): of one T, or of `count` elements. Errors: Put's.
  absl::StatusOr<Loan<T>> Reserve(Deadline deadline = Deadline::Never()) requires(ItemLayout<T>::kOne) {
    return Lend(sizeof(T), deadline);
  }
  absl::StatusOr<Loan<T>> Reserve(int64_t count, Deadline deadline = Deadline::Never()) requires(ItemLayout<T>::kMany) {
    constexpr int64_t kMost = kLargestItem / sizeof(typename ItemLayout<T>::Element);
    if (count < 0 || count > kMost) {
      return absl::InvalidArgumentError(absl::StrCat("Reserve of ", count, " elements: give 0 to ", kMost));
    }
    return Lend(sizeof(uint64_t) + static_cast<size_t>(count) * sizeof(typename ItemLayout<T>::Element), deadline);
  }
  // The next item, to be read in place. Errors: Get's.
  absl::StatusOr<Borrowed<T>> GetInPlace(Deadline deadline = Deadline::Never()) requires(ItemLayout<T>::kOne ||
                                                                                         ItemLayout<T>::kMany) {
    Borrowed<T> borrowed;
    if (absl::Status got = object_.Get(&borrowed.item_, deadline); !got.ok()) return got;
    if (!borrowed.IsWhole()) return absl::DataLossError("an item of the queue is not of its type; it was dropped");
    return borrowed;
  }

  // Closes the queue for all processes. Every later Put fails; Get returns the items that are left, and then fails.
  // Idempotent.
  absl::Status Close() { return object_.Close(); }
  bool closed() const { return object_.closed(); }

  // Hints only, as another process may put or get at any time.
  int64_t size() const { return object_.size(); }
  bool empty() const { return object_.empty(); }
  bool full() const { return object_.full(); }
  // 0 means no limit.
  int64_t capacity() const { return object_.capacity(); }

  static constexpr uint64_t ValuesFingerprint() {
    static_assert(
        !kCarriesDescriptors<T>,
        "a queue's items can't hold descriptors, queues or locks: pass those as arguments of the process or task");
    return TypeFingerprint<T>();
  }

 private:
  using Queue::ObjectHandle::object_;

  absl::StatusOr<Loan<T>> Lend(size_t bytes, Deadline deadline) {
    absl::StatusOr<QueueReservation> room = object_.Reserve(bytes, deadline);
    if (!room.ok()) return room.status();
    return Loan<T>(*std::move(room));
  }
};

template <typename T>
struct Codec<Queue<T>> : ObjectCodec<Queue<T>> {
  static constexpr uint64_t kFingerprint = FingerprintOf("regatta.Queue/2") ^ (TypeFingerprint<T>() << 1);
};

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_QUEUE_H_
