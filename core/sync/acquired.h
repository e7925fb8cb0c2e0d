// How a lock was acquired, or why it was not: what Lock, RLock, BoundedSemaphore and Condition return alike.
#ifndef REGATTA_CORE_SYNC_ACQUIRED_H_
#define REGATTA_CORE_SYNC_ACQUIRED_H_

#include <cstdint>
#include <optional>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "core/os/deadline.h"
#include "core/shm/family.h"

namespace regatta {

struct Acquired {
  // The pid of the process that died while it held the lock, if one did; 0 if the pid is not known any more.
  std::optional<int32_t> previous_owner_died;
};

// `previous_owner`: the process that died while it held the lock, or kNobody.
inline Acquired AcquiredFrom(Member previous_owner) {
  Acquired acquired;
  if (previous_owner != kNobody) [[unlikely]]
    acquired.previous_owner_died = Family::PidOf(previous_owner);
  return acquired;
}

// The error of an Acquire that found the lock held by `holder` until `deadline`.
inline absl::Status NotAcquired(Member holder, Deadline deadline) {
  const std::string text = absl::StrCat("the lock is held by process ", Family::PidOf(holder));
  return deadline.is_now() ? absl::UnavailableError(text) : absl::DeadlineExceededError(text);
}

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_ACQUIRED_H_
