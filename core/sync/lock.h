// Lock: mutual exclusion between processes that survives the death of its holder.
//
// Holder     The process that acquired the Lock holds it until a thread of any process calls Release. The end of a
//            thread releases nothing.
// Processes  Pass a Lock to a process or a pool's task as an argument, or keep it across fork. A child of fork does not
//            hold what its parent holds.
// Threads    Thread-safe. Two threads of one process exclude each other, too.
// Crash      A process may be killed at any instruction. If it held the Lock, the next Acquire succeeds and returns its
//            pid, since the data that the lock guards may be half changed. That takes milliseconds. The worst case is
//            one second: a waiter died after it was woken and before it acquired, or after it had slept for the lock
//            and acquired it.
// Order      What a process writes before Release is visible after the next Acquire. Waiters acquire in no particular
//            order.
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
#include "core/sync/acquired.h"
#include "core/sync/lock_format.h"
#include "core/sync/scoped.h"

namespace regatta {

// Create, Attach, valid, descriptor, offset and CheckDescriptor: see ObjectHandle.
class Lock : public ObjectHandle<Lock, ObjectRef<LockLayout>> {
 public:
  // Blocks until this process holds the lock. DeadlineExceeded: it was still held at `deadline`. Unavailable: the same
  // for Deadline::Now(), which does not block. ResourceExhausted: this process had to join the family of processes, and
  // found no memory or descriptors.
  absl::StatusOr<Acquired> Acquire(Deadline deadline = Deadline::Never());
  // FailedPrecondition: no process holds the lock.
  absl::Status Release();
  // The pid of the process that holds it, if one does. Another process may change it at once.
  std::optional<int32_t> holder() const;

 private:
  template <class, class>
  friend class LockedObject;
  bool IsMine() const;
  uint32_t ReleaseAll();
  absl::StatusOr<Acquired> AcquireAgain(uint32_t) { return Acquire(); }
};

using ScopedLock = Scoped<Lock>;

template <>
struct Codec<Lock> : ObjectCodec<Lock> {
  static constexpr uint64_t kFingerprint = FingerprintOf("regatta.Lock/2");
};

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_LOCK_H_
