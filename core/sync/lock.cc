#include "core/sync/lock.h"

#include "absl/strings/str_cat.h"
#include "core/shm/family.h"

namespace regatta {

absl::StatusOr<Acquired> Lock::Acquire(Deadline deadline) {
  Member self = Family::SelfIfAny();
  if (self == kNobody) [[unlikely]] {
    const absl::StatusOr<Member> taken = Family::Self();
    if (!taken.ok()) return taken.status();
    self = *taken;
  }
  LockCell& cell = object_->cell;
  const LockTaken taken = cell.Acquire(self, deadline);
  if (!taken.acquired) {
    const std::string text = absl::StrCat("the lock is held by process ", Family::PidOf(cell.holder()));
    return deadline.is_now() ? absl::UnavailableError(text) : absl::DeadlineExceededError(text);
  }
  Acquired acquired;
  if (taken.previous_owner != kNobody) [[unlikely]]
    acquired.previous_owner_died = Family::PidOf(taken.previous_owner);
  return acquired;
}

absl::Status Lock::Release() {
  if (object_->cell.Release()) [[likely]]
    return absl::OkStatus();
  return absl::FailedPreconditionError("Release of a lock that nobody holds");
}

std::optional<int32_t> Lock::holder() const {
  const Member holder = object_->cell.holder();
  if (holder == kNobody) return std::nullopt;
  return Family::PidOf(holder);
}

absl::StatusOr<ScopedLock> ScopedLock::Acquire(Lock lock, Deadline deadline) {
  const absl::StatusOr<Acquired> how = lock.Acquire(deadline);
  if (!how.ok()) return how.status();
  return ScopedLock(std::move(lock), *how);
}

ScopedLock::ScopedLock(Lock lock, Acquired how)
    : lock_(std::move(lock)), how_(how), fork_generation_(Family::fork_generation()) {}

ScopedLock::~ScopedLock() {
  // Somebody may have released it already: who holds it is the process's business, not the scope's.
  if (lock_.valid() && fork_generation_ == Family::fork_generation()) lock_.Release().IgnoreError();
}

}  // namespace regatta
