// The core's Queue, as the scenarios see it: the same calls, and the place of the seeded faults.
#ifndef REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_QUEUE_H_
#define REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_QUEUE_H_

#include <cstdint>
#include <memory>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "conformance/systems/core/subject/fault.h"
#include "core/codec/codec.h"
#include "core/ipc/queue.h"
#include "core/os/deadline.h"
#include "core/os/error.h"

namespace regatta::subject {

template <class T>
class Queue {
 public:
  Queue() = default;
  static absl::StatusOr<Queue> Create(int64_t capacity = 0) {
    if (Injected(Fault::kQueueBoundIgnored)) capacity = 0;
    if (Injected(Fault::kQueueBoundMadeUp) && capacity <= 0) capacity = 1000;
    absl::StatusOr<regatta::Queue<T>> queue = regatta::Queue<T>::Create(capacity);
    if (!queue.ok()) return queue.status();
    return Queue(*std::move(queue));
  }
  explicit Queue(regatta::Queue<T> queue) : queue_(std::move(queue)) {}

  absl::Status Put(const T& item, Deadline deadline = Deadline::Never()) {
    static int64_t puts = 0;
    const bool second = ++puts % 2 == 0;
    if (second && Injected(Fault::kQueueDropped)) return absl::OkStatus();
    if (second && Injected(Fault::kQueueDoubled)) queue_.TryPut(item).IgnoreError();  // The fault itself.
    if (deadline.is_now() && Injected(Fault::kQueueTryRefuses)) return FullError("queue", false);
    return Told(queue_.Put(Injected(Fault::kQueueTorn) ? Torn(item) : item, Mangled(deadline)), deadline);
  }
  absl::Status TryPut(const T& item) { return Put(item, Deadline::Now()); }

  absl::StatusOr<T> Get(Deadline deadline = Deadline::Never()) {
    if (deadline.is_now() && Injected(Fault::kQueueTryRefuses)) return EmptyError("queue", false);
    if (Injected(Fault::kQueueCloseDrops) && queue_.closed()) return ClosedError("queue");
    if (Injected(Fault::kQueueReordered)) return GetSecondFirst(deadline);
    if (Injected(Fault::kQueueSpins)) return GetSpinning(deadline);
    if (Injected(Fault::kQueueWakeForgotten)) return GetUnwoken(deadline);
    absl::StatusOr<T> item = queue_.Get(Mangled(deadline));
    if (!item.ok()) return Told(item.status(), deadline);
    return item;
  }
  absl::StatusOr<T> TryGet() { return Get(Deadline::Now()); }

  absl::Status Close() { return Injected(Fault::kQueueCloseIgnored) ? absl::OkStatus() : queue_.Close(); }
  bool closed() const { return queue_.closed(); }
  int64_t size() const { return queue_.size() + (kept_back_->has_value() ? 1 : 0); }
  bool empty() const { return !Injected(Fault::kQueueEmptyLies) && size() == 0; }
  bool full() const { return !Injected(Fault::kQueueFullLies) && queue_.full(); }
  int64_t capacity() const { return queue_.capacity(); }

  const regatta::Queue<T>& under_test() const { return queue_; }

 private:
  absl::StatusOr<T> GetSecondFirst(Deadline deadline) {
    if (kept_back_->has_value()) return *std::exchange(*kept_back_, std::nullopt);
    absl::StatusOr<T> first = queue_.Get(deadline);
    if (!first.ok()) return first;
    absl::StatusOr<T> second = queue_.TryGet();
    if (!second.ok()) return first;
    *kept_back_ = *std::move(first);
    return second;
  }
  absl::StatusOr<T> GetSpinning(Deadline deadline) {
    for (;;) {
      absl::StatusOr<T> item = queue_.TryGet();
      if (item.ok() || !IsEmpty(item.status()) || deadline.passed()) return item;
    }
  }
  // Sleeps where nobody puts anything.
  absl::StatusOr<T> GetUnwoken(Deadline deadline) {
    absl::StatusOr<T> item = queue_.TryGet();
    if (item.ok() || !IsEmpty(item.status())) return item;
    absl::StatusOr<regatta::Queue<T>> elsewhere = regatta::Queue<T>::Create();
    if (!elsewhere.ok()) return elsewhere.status();
    return elsewhere->Get(deadline);
  }
  static Deadline Mangled(Deadline deadline) {
    if (Injected(Fault::kQueueEarlyTimeout) && !deadline.is_never()) return Deadline::Now();
    if (Injected(Fault::kQueueNowaitWaits) && deadline.is_now()) return Deadline::Never();
    return deadline;
  }
  static absl::Status Told(absl::Status status, Deadline deadline) {
    if (absl::IsResourceExhausted(status) && Injected(Fault::kQueueNoMemoryUntold)) return absl::OkStatus();
    const bool full = IsFull(status);
    if (!full && !IsEmpty(status) && !IsClosed(status)) return status;
    if (Injected(Fault::kQueueWrongError)) return absl::InternalError("a seeded fault");
    if (!Injected(Fault::kQueueEarlyTimeout) || IsClosed(status)) return status;
    return full ? FullError("queue", !deadline.is_now()) : EmptyError("queue", !deadline.is_now());
  }

  regatta::Queue<T> queue_;
  std::shared_ptr<std::optional<T>> kept_back_ = std::make_shared<std::optional<T>>();
};

}  // namespace regatta::subject

template <class T>
struct regatta::Codec<regatta::subject::Queue<T>> {
  static constexpr uint64_t kFingerprint = TypeFingerprint<Queue<T>>();
  static constexpr bool kCarriesDescriptors = true;
  static size_t Size(const subject::Queue<T>& queue) { return EncodedSize(queue.under_test()); }
  static void Encode(const subject::Queue<T>& queue, Encoder& out) { out.Write(queue.under_test()); }
  static bool Decode(Decoder& in, subject::Queue<T>& queue) {
    Queue<T> inner;
    if (!in.Read(inner)) return false;
    queue = subject::Queue<T>(std::move(inner));
    return true;
  }
};

#endif  // REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_QUEUE_H_
