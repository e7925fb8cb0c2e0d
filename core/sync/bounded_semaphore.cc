#include "core/sync/bounded_semaphore.h"

#include <algorithm>
#include <atomic>

#include "absl/strings/str_cat.h"
#include "core/sync/fault_points.h"

namespace regatta {

absl::StatusOr<BoundedSemaphore> BoundedSemaphore::Create(int64_t permits) {
  if (permits < 1 || permits > kMostPermits) {
    return absl::InvalidArgumentError(absl::StrCat("a bounded semaphore can't have ", permits, " permits: give 1 to ",
                                                   kMostPermits, ", or use a Semaphore"));
  }
  absl::StatusOr<BoundedSemaphore> made = ObjectHandle::Create();
  if (made.ok()) made->object_->permits = static_cast<uint32_t>(permits);
  return made;
}

// Compared with the room for them, since another process may have written anything.
uint32_t BoundedSemaphore::permits() const {
  return std::clamp(object_->permits, uint32_t{1}, BoundedSemaphoreLayout::kMostPermits);
}

std::optional<Member> BoundedSemaphore::TryAcquire(Member self) {
  BoundedSemaphoreLayout& shared = *object_;
  const uint32_t permits = this->permits();
  uint32_t at = shared.hint.load(std::memory_order_relaxed) % permits;
  for (uint32_t i = 0; i < permits; ++i, at = at + 1 == permits ? 0 : at + 1) {
    Member holder = shared.holders[at].load(std::memory_order_relaxed);
    if (holder != kNobody && Family::IsAlive(holder)) continue;
    if (!shared.holders[at].compare_exchange_strong(holder, self, std::memory_order_acquire)) continue;
    FaultPointHere(fault::kBoundedPermitTaken);
    return holder;
  }
  return std::nullopt;
}

absl::StatusOr<Acquired> BoundedSemaphore::Acquire(Deadline deadline) {
  const absl::StatusOr<Member> self = Family::Self();
  if (!self.ok()) return self.status();
  std::optional<Member> taken = TryAcquire(*self);
  if (taken.has_value()) return AcquiredFrom(*taken);
  if (deadline.is_now()) return absl::UnavailableError("the bounded semaphore has no permit left");
  const auto ready = [&] {
    taken = TryAcquire(*self);
    return taken.has_value();
  };
  const auto partner_here = [] { return false; };  // Any process may release, on any processor.
  const auto ask_for_the_dead = [&] {
    for (uint32_t i = 0; i < permits(); ++i) Family::Recheck(object_->holders[i].load(std::memory_order_relaxed));
  };
  if (!object_->waiters.Await(ready, deadline, partner_here, *self, ask_for_the_dead)) {
    return absl::DeadlineExceededError("the bounded semaphore had no permit left until the deadline");
  }
  // The process that a Release woke may have died before it took the permit.
  if (value() != 0) object_->waiters.Notify();
  return AcquiredFrom(*taken);
}

absl::Status BoundedSemaphore::Release() {
  BoundedSemaphoreLayout& shared = *object_;
  const Member self = Family::SelfIfAny();
  for (const bool own : {true, false}) {
    for (uint32_t i = 0; i < permits(); ++i) {
      Member holder = shared.holders[i].load(std::memory_order_relaxed);
      if (holder == kNobody || (own ? holder != self : !Family::IsAlive(holder))) continue;
      if (!shared.holders[i].compare_exchange_strong(holder, kNobody, std::memory_order_release)) continue;
      FaultPointHere(fault::kBoundedPermitReleased);
      shared.hint.store(i, std::memory_order_relaxed);
      shared.waiters.Notify();
      return absl::OkStatus();
    }
  }
  return absl::FailedPreconditionError(absl::StrCat("Release of a bounded semaphore whose ", permits(),
                                                    " permits are all free: it was released more often ",
                                                    "than acquired"));
}

int64_t BoundedSemaphore::value() const {
  int64_t free = 0;
  for (uint32_t i = 0; i < permits(); ++i) {
    const Member holder = object_->holders[i].load(std::memory_order_relaxed);
    free += holder == kNobody || !Family::IsAlive(holder) ? 1 : 0;
  }
  return free;
}

}  // namespace regatta
