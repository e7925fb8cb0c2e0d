#include "core/sync/lock.h"

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
  if (!taken.acquired) return NotAcquired(cell.holder(), deadline);
  return AcquiredFrom(taken.previous_owner);
}

absl::Status Lock::Release() {
  if (object_->cell.Release()) [[likely]]
    return absl::OkStatus();
  return absl::FailedPreconditionError("Release of a lock that nobody holds");
}

bool Lock::IsMine() const {
  const Member self = Family::SelfIfAny();
  return self != kNobody && object_->cell.holder() == self;
}

uint32_t Lock::ReleaseAll() {
  object_->cell.Release();
  return 1;
}

std::optional<int32_t> Lock::holder() const {
  const Member holder = object_->cell.holder();
  if (holder == kNobody) return std::nullopt;
  return Family::PidOf(holder);
}

}  // namespace regatta
