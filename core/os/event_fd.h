// EventFd: a counter in the kernel that a poll can wait for.
//
// Processes  Any that hold the descriptor. Threads: thread-safe.
#ifndef REGATTA_CORE_OS_EVENT_FD_H_
#define REGATTA_CORE_OS_EVENT_FD_H_

#include "absl/status/statusor.h"
#include "core/os/fd.h"

namespace regatta {

// Close-on-exec and never blocking. ResourceExhausted: no descriptors left.
absl::StatusOr<Fd> CreateEventFd();
// Makes it readable. Does nothing if it is already.
void SignalEventFd(const Fd& event);
// Makes it unreadable again. Does nothing if it is.
void ClearEventFd(const Fd& event);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_EVENT_FD_H_
