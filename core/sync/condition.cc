#include "core/sync/condition.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "core/shm/family.h"
#include "core/sync/fault_points.h"

namespace regatta {

absl::StatusOr<Condition> Condition::Create() { return GiveLock(ObjectHandle::Create(), OwnLock()); }
absl::StatusOr<Condition> Condition::Create(Lock lock) { return GiveLock(ObjectHandle::Create(), std::move(lock)); }
absl::StatusOr<Condition> Condition::Create(RLock lock) { return GiveLock(ObjectHandle::Create(), std::move(lock)); }

absl::Status Condition::CheckHeld(absl::string_view call) const {
  if (LockIsMine()) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(call, " without the condition's lock: this ",
                                                    lock_is_recursive() ? "thread" : "process",
                                                    " must call Acquire first"));
}

absl::StatusOr<Waited> Condition::Wait(Deadline deadline) {
  if (absl::Status held = CheckHeld("Wait"); !held.ok()) return held;
  const Member self = Family::SelfIfAny();
  WaiterList& waiters = object_->waiters;
  WaiterList::Slot* const joined = waiters.Join(self);
  if (joined == nullptr) {
    return absl::ResourceExhaustedError(
        absl::StrCat("Wait: ", kMostWaiters, " threads wait for the condition, and no more can"));
  }
  const uint32_t depth = ReleaseAll();
  FaultPointHere(fault::kConditionReleased);
  WaiterList::Slot* const notified = waiters.Await(joined, self, deadline);
  const absl::StatusOr<Acquired> acquired = AcquireAgain(depth);
  if (!acquired.ok()) return acquired.status();
  FaultPointHere(fault::kConditionAcquired);
  if (notified != nullptr) waiters.Leave(*notified);
  return Waited{notified != nullptr, acquired->previous_owner_died};
}

absl::Status Condition::Notify(int64_t waiters) {
  if (waiters < 1) {
    return absl::InvalidArgumentError(absl::StrCat("Notify of ", waiters, " waiters: give 1 or more"));
  }
  if (absl::Status held = CheckHeld("Notify"); !held.ok()) return held;
  object_->waiters.Notify(waiters);
  return absl::OkStatus();
}

absl::Status Condition::NotifyAll() {
  if (absl::Status held = CheckHeld("NotifyAll"); !held.ok()) return held;
  object_->waiters.NotifyAll();
  return absl::OkStatus();
}

}  // namespace regatta
