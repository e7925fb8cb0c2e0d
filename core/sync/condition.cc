#include "core/sync/condition.h"

#include <cstddef>

#include "absl/strings/str_cat.h"
#include "core/shm/family.h"
#include "core/sync/fault_points.h"

namespace regatta {

absl::StatusOr<Condition> Condition::Create() { return WithOwnLock(ObjectHandle::Create()); }

absl::StatusOr<Condition> Condition::WithOwnLock(absl::StatusOr<Condition> condition) {
  if (condition.ok()) condition->lock_ = RLock(condition->object_.Part(&ConditionLayout::own_lock));
  return condition;
}

absl::StatusOr<Condition> Condition::CreateWith(AnyLock lock) {
  absl::StatusOr<Condition> made = ObjectHandle::Create();
  if (!made.ok()) return made;
  made->object_->lock_is_elsewhere = 1;
  made->lock_ = std::move(lock);
  return made;
}

absl::StatusOr<Condition> Condition::Create(Lock lock) {
  if (!lock.valid()) return NoObjectError(Lock::kType);
  return CreateWith(std::move(lock));
}

absl::StatusOr<Condition> Condition::Create(RLock lock) {
  if (!lock.valid()) return NoObjectError(RLock::kType);
  return CreateWith(std::move(lock));
}

absl::StatusOr<Condition> Condition::Attach(Fd descriptor, uint64_t offset) {
  absl::StatusOr<Condition> condition = ObjectHandle::Attach(std::move(descriptor), offset);
  if (condition.ok() && condition->lock_is_elsewhere()) {
    return absl::FailedPreconditionError(
        "the condition was created with a lock, which is not here: pass the Condition itself, its lock goes with it");
  }
  return WithOwnLock(std::move(condition));
}

absl::StatusOr<Acquired> Condition::Acquire(Deadline deadline) {
  return std::visit([&](auto& lock) { return lock.Acquire(deadline); }, lock_);
}

absl::Status Condition::Release() {
  return std::visit([](auto& lock) { return lock.Release(); }, lock_);
}

absl::Status Condition::CheckHeld(absl::string_view call) const {
  const bool held = std::visit([](const auto& lock) { return lock.IsMine(); }, lock_);
  if (held) return absl::OkStatus();
  return absl::FailedPreconditionError(absl::StrCat(call, " without the condition's lock: this ",
                                                    lock_.index() == 0 ? "thread" : "process",
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
  const uint32_t depth = std::visit([](auto& lock) { return lock.ReleaseAll(); }, lock_);
  FaultPointHere(fault::kConditionReleased);
  WaiterList::Slot* const notified = waiters.Await(joined, self, deadline);
  const absl::StatusOr<Acquired> acquired = std::visit([&](auto& lock) { return lock.AcquireAgain(depth); }, lock_);
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

// The descriptor and offset; then a byte, 0, or 1 and the lock that its creator gave, as a variant.
size_t Codec<Condition>::Size(const Condition& condition) {
  const size_t own = ObjectCodec<Condition>::Size(condition) + 1;
  return condition.valid() && condition.lock_is_elsewhere() ? own + EncodedSize(condition.lock_) : own;
}

void Codec<Condition>::Encode(const Condition& condition, Encoder& out) {
  ObjectCodec<Condition>::Encode(condition, out);
  if (!condition.valid()) return;
  out.Write(condition.lock_is_elsewhere());
  if (condition.lock_is_elsewhere()) out.Write(condition.lock_);
}

bool Codec<Condition>::Decode(Decoder& in, Condition& condition) {
  Fd descriptor;
  uint64_t offset = 0;
  bool lock_follows = false;
  if (!in.Read(descriptor) || !in.Read(offset) || !in.Read(lock_follows)) return false;
  if (!lock_follows) {
    absl::StatusOr<Condition> attached = Condition::Attach(std::move(descriptor), offset);
    if (!attached.ok()) return in.Fail(attached.status());
    condition = *std::move(attached);
    return true;
  }
  absl::StatusOr<Condition> attached = Condition::ObjectHandle::Attach(std::move(descriptor), offset);
  if (!attached.ok()) return in.Fail(attached.status());
  condition = *std::move(attached);
  return in.Read(condition.lock_);
}

}  // namespace regatta
