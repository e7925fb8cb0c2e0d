// Lock: mutual exclusion between processes that survives the death of its holder.
//
// Processes  Pass a Lock to a child as an argument, or keep it across fork. The holder is the process that acquired it,
//            until somebody releases it, whichever process or thread does.
// Threads    Thread-safe; two threads of one process exclude each other too. A thread's end releases nothing.
// Crash      A holder that dies, at any instruction, holds nothing any more: the next Acquire succeeds and says whose
//            place it took, as what the lock guards may be half changed. Within milliseconds; but within a second for
//            one that sleeps behind several others when one of them dies that was just woken, or got the lock after a
//            sleep.
// Order      None among waiters. What was written before Release is visible after the next Acquire.
// Copies     A Lock is a handle: copies are the same lock.
// Format     lock_format.h, described in FORMAT.md.
#ifndef REGATTA_CORE_SYNC_LOCK_H_
#define REGATTA_CORE_SYNC_LOCK_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/codec/codec.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/shm/shared_object.h"
#include "core/sync/lock_format.h"

namespace regatta {

// How a lock was acquired.
struct Acquired {
  // The process that died holding it, if one did; 0 if its pid is not known any more.
  std::optional<int32_t> previous_owner_died;
};

// Create, Attach, valid, descriptor, offset and CheckDescriptor: see ObjectHandle.
class Lock : public ObjectHandle<Lock, ObjectRef<LockLayout>> {
 public:
  // Waits for it until `deadline`. DeadlineExceeded: still held; with Deadline::Now(): Unavailable.
  absl::StatusOr<Acquired> Acquire(Deadline deadline = Deadline::Never());
  // FailedPrecondition: it is free.
  absl::Status Release();
  // The pid of the process that holds it; a hint. None: it is free.
  std::optional<int32_t> holder() const;
};

// Releases on every way out of a scope.
//   absl::StatusOr<ScopedLock> held = ScopedLock::Acquire(lock);
class ScopedLock {
 public:
  static absl::StatusOr<ScopedLock> Acquire(Lock lock, Deadline deadline = Deadline::Never());
  ScopedLock(ScopedLock&& other) noexcept
      : lock_(std::exchange(other.lock_, Lock())), how_(other.how_), fork_generation_(other.fork_generation_) {}
  ScopedLock& operator=(ScopedLock&&) = delete;
  // In a child of fork the lock is still the parent's.
  ~ScopedLock();

  const Acquired& how() const { return how_; }

 private:
  ScopedLock(Lock lock, Acquired how);
  Lock lock_;
  Acquired how_;
  uint32_t fork_generation_ = 0;
};

template <>
struct Codec<Lock> : ObjectCodec<Lock> {
  static constexpr uint64_t kFingerprint = FingerprintOf("regatta.Lock/2");
};

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_LOCK_H_
