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
    absl::StatusOr<regatta::Queue<T>> queue =
        regatta::Queue<T>::Create(Injected(Fault::kQueueBoundIgnored) ? 0 : capacity);
    if (!queue.ok()) return queue.status();
    return Queue(*std::move(queue));
  }
  explicit Queue(regatta::Queue<T> queue) : queue_(std::move(queue)) {}

  absl::Status Put(const T& item, Deadline deadline = Deadline::Never()) {
    static int64_t puts = 0;
    const bool second = ++puts % 2 == 0;
    if (second && Injected(Fault::kQueueDropped)) return absl::OkStatus();
    if (second && Injected(Fault::kQueueDoubled)) queue_.TryPut(item).IgnoreError();  // The fault itself.
    return Told(queue_.Put(Injected(Fault::kQueueTorn) ? Torn(item) : item, Sooner(deadline)), deadline);
  }
  absl::Status TryPut(const T& item) { return Put(item, Deadline::Now()); }

  absl::StatusOr<T> Get(Deadline deadline = Deadline::Never()) {
    if (!Injected(Fault::kQueueReordered)) {
      absl::StatusOr<T> item = queue_.Get(Sooner(deadline));
      if (!item.ok()) return Told(item.status(), deadline);
      return item;
    }
    if (kept_back_->has_value()) return *std::exchange(*kept_back_, std::nullopt);
    absl::StatusOr<T> first = queue_.Get(deadline);
    if (!first.ok()) return first;
    absl::StatusOr<T> second = queue_.TryGet();
    if (!second.ok()) return first;
    *kept_back_ = *std::move(first);
    return second;
  }
  absl::StatusOr<T> TryGet() { return Get(Deadline::Now()); }

  absl::Status Close() { return queue_.Close(); }
  bool closed() const { return queue_.closed(); }
  int64_t size() const { return queue_.size() + (kept_back_->has_value() ? 1 : 0); }
  bool empty() const { return size() == 0; }
  bool full() const { return !Injected(Fault::kQueueFullLies) && queue_.full(); }
  int64_t capacity() const { return queue_.capacity(); }

  const regatta::Queue<T>& under_test() const { return queue_; }

 private:
  static Deadline Sooner(Deadline deadline) {
    return Injected(Fault::kQueueEarlyTimeout) && !deadline.is_never() ? Deadline::Now() : deadline;
  }
  static absl::Status Told(absl::Status status, Deadline deadline) {
    const bool full = IsFull(status);
    if (!full && !IsEmpty(status)) return status;
    if (Injected(Fault::kQueueWrongError)) return absl::InternalError("a seeded fault");
    if (!Injected(Fault::kQueueEarlyTimeout)) return status;
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
