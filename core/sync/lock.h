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
#include "core/sync/acquired.h"
#include "core/sync/lock_format.h"
#include "core/sync/scoped.h"

namespace regatta {

// Create, Attach, valid, descriptor, offset and CheckDescriptor: see ObjectHandle.
class Lock : public ObjectHandle<Lock, ObjectRef<LockLayout>> {
 public:
  // Waits for it until `deadline`. DeadlineExceeded: still held; with Deadline::Now(): Unavailable.
  absl::StatusOr<Acquired> Acquire(Deadline deadline = Deadline::Never());
  // FailedPrecondition: it is free.
  absl::Status Release();
  // The pid of the process that holds it; a hint. None: it is free.
  std::optional<int32_t> holder() const;

 private:
  friend class Condition;
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
