#include "core/sync/rlock.h"

#include <atomic>

#include "absl/strings/str_cat.h"
#include "core/shm/family.h"
#include "core/sync/fault_points.h"

namespace regatta {
namespace {

// RLockLayout::owner for the calling thread of the process `self`.
uint64_t ThisThread(Member self) {
  constinit static std::atomic<uint64_t> threads{0};
  constinit thread_local uint64_t t_number = 0;
  if (t_number == 0) [[unlikely]]
    t_number = threads.fetch_add(1, std::memory_order_relaxed) + 1;
  return t_number << kMemberBits | self;
}

}  // namespace

// Only the owner writes its own number there, so a thread that reads its number owns the lock.
bool RLock::IsMine() const {
  const Member self = Family::SelfIfAny();
  return self != kNobody && object_->owner.load(std::memory_order_relaxed) == ThisThread(self);
}

absl::StatusOr<Acquired> RLock::Acquire(Deadline deadline) {
  RLockLayout& lock = *object_;
  if (IsMine()) {
    const uint32_t depth = lock.depth.load(std::memory_order_relaxed);
    if (depth == kMostLevels) return absl::ResourceExhaustedError("this thread has acquired the lock 2^32 - 1 times");
    lock.depth.store(depth + 1, std::memory_order_relaxed);
    return Acquired();
  }
  const absl::StatusOr<Member> self = Family::Self();
  if (!self.ok()) return self.status();
  const LockTaken taken = lock.cell.Acquire(*self, deadline);
  if (!taken.acquired) return NotAcquired(lock.cell.holder(), deadline);
  FaultPointHere(fault::kRLockTaken);
  lock.depth.store(1, std::memory_order_relaxed);
  lock.owner.store(ThisThread(*self), std::memory_order_relaxed);
  return AcquiredFrom(taken.previous_owner);
}

absl::Status RLock::Release() {
  if (!IsMine()) {
    const Member holder = object_->cell.holder();
    return absl::FailedPreconditionError(
        absl::StrCat("Release by a thread that doesn't own the lock: ",
                     holder == kNobody ? "no thread holds it"
                                       : absl::StrCat("a thread of process ", Family::PidOf(holder), " does")));
  }
  const uint32_t depth = object_->depth.load(std::memory_order_relaxed);
  if (depth > 1) {
    object_->depth.store(depth - 1, std::memory_order_relaxed);
  } else {
    ReleaseAll();
  }
  return absl::OkStatus();
}

uint32_t RLock::ReleaseAll() {
  const uint32_t depth = object_->depth.load(std::memory_order_relaxed);
  // First, so that another thread of this process that takes the cell does not find this one's number there.
  object_->owner.store(0, std::memory_order_relaxed);
  FaultPointHere(fault::kRLockDisowned);
  object_->cell.Release();
  return depth;
}

absl::StatusOr<Acquired> RLock::AcquireAgain(uint32_t depth) {
  absl::StatusOr<Acquired> acquired = Acquire();
  if (acquired.ok()) object_->depth.store(depth, std::memory_order_relaxed);
  return acquired;
}

uint32_t RLock::depth() const { return IsMine() ? object_->depth.load(std::memory_order_relaxed) : 0; }

std::optional<int32_t> RLock::holder() const {
  const Member holder = object_->cell.holder();
  if (holder == kNobody) return std::nullopt;
  return Family::PidOf(holder);
}

}  // namespace regatta
