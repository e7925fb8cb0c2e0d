// Queue: a FIFO of values between processes.
//
// Processes  Any number may put and get. Pass a Queue to a child as an argument, or keep it across fork.
// Threads    Thread-safe. Up to 1,024 threads of all processes may be putting at one time.
// Order      One producer's items arrive in the order put; across producers none is promised.
// Crash      A process may die at any instruction. Then an item whose Put returned OK is got at most once, and exactly
//            once if its getter lives; an item whose Put never returned is got whole or not at all. Others are held up
//            for at most a second, and only if it died between its publishing and waking them.
// Waiting    A blocked call spins briefly, then sleeps and costs nothing. A negative timeout has passed already.
// Memory     Reserved at Put. No room: ResourceExhausted, and the queue stays usable.
// Values     What codec can encode, from 0 bytes to 1 GiB encoded, but no descriptors or objects that hold some. A
//            type's own codec runs under no lock. What it throws becomes an error of its item (Unknown, with type and
//            text). It must not put into the same queue (FailedPrecondition).
// In place   Reserve and GetInPlace write and read an item where it lies in shared memory (queue_loan.h).
// Copies     A Queue is a handle: copies are the same queue.
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

// Attach, valid, descriptor, offset and CheckDescriptor: see ObjectHandle.
template <typename T>
class Queue : public ObjectHandle<Queue<T>, ByteQueue> {
 public:
  // capacity: items; 0 or less means no limit but memory.
  // ResourceExhausted: no memory, descriptors or address space.
  static absl::StatusOr<Queue> Create(int64_t capacity = 0) {
    return Queue::Of(ByteQueue::Create({.capacity = capacity, .fingerprint = ValuesFingerprint()}));
  }

  // Blocks while full, until `deadline`. What the caller wrote before Put is visible after the matching Get.
  // On error nothing was put. Full (IsFull): still full. FailedPrecondition (IsClosed): closed. InvalidArgument: not
  // encodable. ResourceExhausted: no room in memory. Unknown: encoding it threw. Unavailable and not Full: a process
  // that is stopped, or gets no processor, has held up the queue until `deadline`, and for some milliseconds.
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
  // Without waiting.
  absl::Status TryPut(const T& item) { return Put(item, Deadline::Now()); }

  // Blocks while empty, until `deadline`. Empty (IsEmpty): still empty. FailedPrecondition (IsClosed): closed and
  // drained. DataLoss: the item can't be a T; it is gone. Unknown: decoding it threw; it is gone.
  absl::StatusOr<T> Get(Deadline deadline = Deadline::Never()) {
    QueueItem item;
    if (absl::Status got = object_.Get(&item, deadline); !got.ok()) return got;
    return WithoutExceptions([&]() -> absl::StatusOr<T> { return Decode<T>(item.bytes()); });
  }
  // Without waiting.
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

  // For everyone: puts fail from now on, getters take what is left and then fail. Closing twice is fine.
  absl::Status Close() { return object_.Close(); }
  bool closed() const { return object_.closed(); }

  // Hints: another process may put or get at any time. Only Get decides.
  int64_t size() const { return object_.size(); }
  bool empty() const { return object_.empty(); }
  bool full() const { return object_.full(); }
  // 0: no limit.
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
