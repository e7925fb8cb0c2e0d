// Event: a flag in shared memory that processes wait for.
//
// Processes  Any process may set, clear and wait. Pass an Event to a process or a pool's task as an argument, or keep
//            it across fork.
// Threads    Thread-safe. Set, Clear and IsSet may be called in a signal handler.
// Order      What a process writes before Set is visible to each waiter that Set releases, and after the next Clear to
//            the process that called it. So a consumer that calls Wait, then Clear, and then reads what producers wrote
//            before Set misses nothing.
// Missed     Each Set releases all processes and threads that wait at that moment, even if Clear follows before they
//            run.
// Crash      A process may be killed at any instruction. The death of a waiter affects nobody. If a process is killed
//            inside Set, the event is set or it is not. If it is set, the waiters return at the latest one second
//            later.
// Cost       IsSet, Clear, Wait of an event that is set, and Set without waiters make no system call. (The first Set
//            after a waiter has slept makes one.) A waiter looks for at most 40 us, then it sleeps.
// Copies     An Event is a handle: copies are the same event.
// Format     event_format.h, described in FORMAT.md.
#ifndef REGATTA_CORE_SYNC_EVENT_H_
#define REGATTA_CORE_SYNC_EVENT_H_

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/codec/codec.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"
#include "core/shm/shared_object.h"
#include "core/sync/event_format.h"

namespace regatta {

// Create, Attach, valid, descriptor, offset and CheckDescriptor: see ObjectHandle. A new event is not set.
class Event : public ObjectHandle<Event, ObjectRef<EventLayout>> {
 public:
  // Sets the event and releases all who wait. If it is set already, it stays set.
  void Set();
  // Makes later calls of Wait block until the next Set. If the event is not set, it stays so.
  void Clear();
  bool IsSet() const;

  // Blocks until the event is set. DeadlineExceeded: it was not set by `deadline`. Unavailable: the same for
  // Deadline::Now(), which does not block. ResourceExhausted: this process had to join the family of processes, and
  // found no memory or descriptors.
  absl::Status Wait(Deadline deadline = Deadline::Never());
};

template <>
struct Codec<Event> : ObjectCodec<Event> {
  static constexpr uint64_t kFingerprint = FingerprintOf("regatta.Event/1");
};

}  // namespace regatta

#endif  // REGATTA_CORE_SYNC_EVENT_H_
