#include "core/sync/semaphore.h"

#include "absl/strings/str_cat.h"
#include "core/shm/family.h"
#include "core/sync/fault_points.h"

namespace regatta {

absl::StatusOr<Semaphore> Semaphore::Create(int64_t permits) {
  if (permits < 0 || permits > kMostPermits) {
    return absl::InvalidArgumentError(
        absl::StrCat("a semaphore can't begin with ", permits, " permits: give 0 to ", kMostPermits));
  }
  absl::StatusOr<Semaphore> made = ObjectHandle::Create();
  if (made.ok()) made->object_->permits.store(static_cast<uint32_t>(permits), std::memory_order_relaxed);
  return made;
}

bool Semaphore::TryAcquire() {
  uint32_t seen = object_->permits.load(std::memory_order_relaxed);
  while (seen != 0) {
    if (object_->permits.compare_exchange_weak(seen, seen - 1, std::memory_order_acquire)) return true;
  }
  return false;
}

absl::Status Semaphore::Acquire(Deadline deadline) {
  if (TryAcquire()) return absl::OkStatus();
  if (deadline.is_now()) return absl::UnavailableError("the semaphore has no permit left");
  const absl::StatusOr<Member> self = Family::Self();
  if (!self.ok()) return self.status();
  const auto partner_here = [] { return false; };  // Any process may release, on any processor.
  if (!object_->waiters.Await([&] { return TryAcquire(); }, deadline, partner_here, *self, /*idle=*/[] {})) {
    return absl::DeadlineExceededError("the semaphore had no permit left until the deadline");
  }
  FaultPointHere(fault::kSemaphoreAcquired);
  // A Release of several permits wakes one waiter; that one wakes the next.
  if (value() != 0) object_->waiters.Notify();
  return absl::OkStatus();
}

absl::Status Semaphore::Release(int64_t permits) {
  if (permits < 1) {
    return absl::InvalidArgumentError(absl::StrCat("Release of ", permits, " permits: give 1 or more"));
  }
  uint32_t seen = object_->permits.load(std::memory_order_relaxed);
  do {
    if (permits > kMostPermits - static_cast<int64_t>(seen)) {
      return absl::OutOfRangeError(absl::StrCat("Release of ", permits, " permits beside ", seen,
                                                " that nobody has acquired: a semaphore holds at most ", kMostPermits));
    }
  } while (
      !object_->permits.compare_exchange_weak(seen, seen + static_cast<uint32_t>(permits), std::memory_order_acq_rel));
  FaultPointHere(fault::kSemaphoreReleased);
  object_->waiters.Notify();
  return absl::OkStatus();
}

}  // namespace regatta
