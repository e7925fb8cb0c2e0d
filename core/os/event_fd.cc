#include "core/os/event_fd.h"

#include <sys/eventfd.h>

#include "core/os/error.h"

namespace regatta {

absl::StatusOr<Fd> CreateEventFd() {
  Fd event = MakeDescriptor([] { return eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK); });
  if (!event.valid()) return ErrnoError("eventfd");
  return event;
}

void SignalEventFd(const Fd& event) {
  // It fails only if the counter is at its maximum, and the descriptor thus readable, or after misuse.
  [[maybe_unused]] const int outcome = eventfd_write(event.get(), 1);
}

void ClearEventFd(const Fd& event) {
  eventfd_t count;
  [[maybe_unused]] const int outcome = eventfd_read(event.get(), &count);
}

}  // namespace regatta
