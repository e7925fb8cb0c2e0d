// Waiting for descriptors to become readable.
//
// Signals    A handler that runs meanwhile doesn't end the wait, nor lengthen it.
#ifndef REGATTA_CORE_OS_POLL_H_
#define REGATTA_CORE_OS_POLL_H_

#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"

namespace regatta {

// One descriptor to wait for. `ready` is set when it is readable, at its end of file, or broken.
struct PollEntry {
  const Fd* fd = nullptr;  // Null: left out.
  bool ready = false;
};

// Waits until one of `entries` is ready or the deadline; returns how many are. 0: the deadline passed.
absl::StatusOr<int> PollReadable(std::span<PollEntry> entries, Deadline deadline);

// The same for one: whether it is ready.
absl::StatusOr<bool> PollReadable(const Fd& fd, Deadline deadline);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_POLL_H_
