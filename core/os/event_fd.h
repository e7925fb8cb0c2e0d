// EventFd: a counter in the kernel for which poll can wait.
//
// Processes  All processes that hold the descriptor may use it.
// Threads    Thread-safe.
#ifndef REGATTA_CORE_OS_EVENT_FD_H_
#define REGATTA_CORE_OS_EVENT_FD_H_

#include "absl/status/statusor.h"
#include "core/os/fd.h"

namespace regatta {

// The descriptor is close-on-exec, and its calls never block. ResourceExhausted: no descriptors left.
absl::StatusOr<Fd> CreateEventFd();
// Makes the descriptor readable. Idempotent.
void SignalEventFd(const Fd& event);
// Makes the descriptor unreadable again. Idempotent.
void ClearEventFd(const Fd& event);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_EVENT_FD_H_
