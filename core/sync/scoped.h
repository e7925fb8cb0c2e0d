// Scoped: acquires a Lock, RLock, Semaphore, BoundedSemaphore or Condition, and releases it on every way out of a
// scope.
//
//   absl::StatusOr<ScopedLock> held = ScopedLock::Acquire(lock);
//   if (!held.ok()) return held.status();
//
// Fork  In a child of fork a Scoped that the parent made releases nothing: the parent still holds it.
#ifndef REGATTA_CORE_SYNC_SCOPED_H_
#define REGATTA_CORE_SYNC_SCOPED_H_

#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "core/os/deadline.h"
#include "core/os/fork_generation.h"
#include "core/sync/acquired.h"

namespace regatta {

template <class L>
class Scoped {
 public:
  // Errors: those of L::Acquire.
  static absl::StatusOr<Scoped> Acquire(L lock, Deadline deadline = Deadline::Never()) {
    auto acquired = lock.Acquire(deadline);
    if (!acquired.ok()) return AsStatus(acquired);
    return Scoped(std::move(lock), HowOf(acquired));
  }
  Scoped(Scoped&& other) noexcept
      : lock_(std::exchange(other.lock_, L())), how_(other.how_), fork_generation_(other.fork_generation_) {}
  Scoped& operator=(Scoped&&) = delete;
  ~Scoped() {
    // An error is no error here: code inside the scope may have released it already.
    if (lock_.valid() && fork_generation_ == ForkGeneration()) lock_.Release().IgnoreError();
  }

  const Acquired& how() const { return how_; }

 private:
  Scoped(L lock, Acquired how) : lock_(std::move(lock)), how_(how), fork_generation_(ForkGeneration()) {}
  static absl::Status AsStatus(absl::Status status) { return status; }
  static absl::Status AsStatus(const absl::StatusOr<Acquired>& acquired) { return acquired.status(); }
  static Acquired HowOf(const absl::Status&) { return {}; }
  static Acquired HowOf(const absl::StatusOr<Acquired>& acquired) { return *acquired; }

  L lock_;
  Acquired how_;
  uint32_t fork_generation_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_SCOPED_H_
