// Waiting until descriptors become readable.
//
// Signals    A handler that runs meanwhile neither ends the wait nor lengthens it.
#ifndef REGATTA_CORE_OS_POLL_H_
#define REGATTA_CORE_OS_POLL_H_

#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"

namespace regatta {

// One descriptor to wait for. PollReadable sets `ready` if it is readable, at its end of file, or broken.
struct PollEntry {
  const Fd* fd = nullptr;  // Null: left out.
  bool ready = false;
};

// Waits until one of `entries` is ready, and returns the number of ready ones. Returns 0 if the deadline passed.
absl::StatusOr<int> PollReadable(std::span<PollEntry> entries, Deadline deadline);

// Waits for one descriptor. Returns false if the deadline passed.
absl::StatusOr<bool> PollReadable(const Fd& fd, Deadline deadline);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_POLL_H_
