// RLock: a recursive lock between processes that survives the death of its holder.
//
// Owner      The thread that acquired the RLock owns it. That thread may acquire it again, and must release it as
//            often. Other threads, of this process too, block.
// Processes  Pass an RLock to a process or a pool's task as an argument, or keep it across fork. A child of fork does
//            not own what its parent owns.
// Threads    Thread-safe. The end of a thread releases nothing: end it only after it has released.
// Crash      A process may be killed at any instruction. If it owned the RLock, the next Acquire succeeds and returns
//            its pid, since the data that the lock guards may be half changed. That takes milliseconds. The worst case
//            is one second: a waiter died after it was woken and before it acquired.
// Order      What a process writes before its last Release is visible after the next Acquire. Waiters acquire in no
//            particular order.
// Cost       Acquire and Release without contention make no system call. Acquire by the owner makes no locked
//            instruction either.
// Copies     An RLock is a handle: copies are the same lock.
// Format     rlock_format.h, described in FORMAT.md.
#ifndef REGATTA_CORE_SYNC_RLOCK_H_
#define REGATTA_CORE_SYNC_RLOCK_H_

#include <cstdint>
#include <optional>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/codec/codec.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/shm/shared_object.h"
#include "core/sync/acquired.h"
#include "core/sync/rlock_format.h"
#include "core/sync/scoped.h"

namespace regatta {

// Create, Attach, valid, descriptor, offset and CheckDescriptor: see ObjectHandle. No thread holds a new lock.
class RLock : public ObjectHandle<RLock, ObjectRef<RLockLayout>> {
 public:
  static constexpr uint32_t kMostLevels = ~uint32_t{0};

  RLock() = default;

  // Blocks until this thread owns the lock. DeadlineExceeded: another thread still held it at `deadline`. Unavailable:
  // the same for Deadline::Now(), which does not block. ResourceExhausted: this thread has acquired it kMostLevels
  // times, or this process had to join the family of processes, and found no memory or descriptors.
  absl::StatusOr<Acquired> Acquire(Deadline deadline = Deadline::Never());
  // Undoes one Acquire; the last one frees the lock. FailedPrecondition: this thread does not own the lock.
  absl::Status Release();
  // How often this thread has acquired the lock and not released it. 0: it does not own it.
  uint32_t depth() const;
  // The pid of the process that holds it, if one does. Another process may change it at once.
  std::optional<int32_t> holder() const;

 private:
  template <class, class>
  friend class LockedObject;
  // The lock inside another object.
  explicit RLock(ObjectRef<RLockLayout> object) { object_ = std::move(object); }
  bool IsMine() const;
  // For Condition. Frees the lock whatever its depth; returns the depth. Called by the owner.
  uint32_t ReleaseAll();
  // Acquires it with that depth.
  absl::StatusOr<Acquired> AcquireAgain(uint32_t depth);
};

using ScopedRLock = Scoped<RLock>;

template <>
struct Codec<RLock> : ObjectCodec<RLock> {
  static constexpr uint64_t kFingerprint = FingerprintOf("regatta.RLock/1");
};

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_RLOCK_H_
