// WaitForAny: waits until one of several connections and descriptors is ready.
//
//   absl::StatusOr<std::vector<size_t>> ready = WaitForAny({answers, events, **process.sentinel()}, deadline);
//
// Cost       A system call for each connection that has nothing, and one for all. A connection that is waited for this
//            way costs its next sender a system call, too.
// Threads    Thread-safe.
#ifndef REGATTA_CORE_IPC_WAIT_FOR_ANY_H_
#define REGATTA_CORE_IPC_WAIT_FOR_ANY_H_

#include <cstddef>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/ipc/byte_connection.h"
#include "core/ipc/connection.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"

namespace regatta {

// Something to wait for. It refers to its argument, which must live as long.
class Waitable {
 public:
  // Ready when Poll would return true.
  Waitable(const ByteConnection& connection) : connection_(&connection) {}  // NOLINT(google-explicit-constructor)
  template <typename T>
  Waitable(const Connection<T>& connection) : connection_(&connection.bytes_) {}  // NOLINT(google-explicit-constructor)
  // Ready when it is readable, at its end of file, or broken. A process's sentinel is one: readable from its end on.
  Waitable(const Fd& fd) : fd_(&fd) {}  // NOLINT(google-explicit-constructor)

 private:
  friend absl::StatusOr<std::vector<size_t>> WaitForAny(absl::Span<const Waitable> things, Deadline deadline);

  const ByteConnection* connection_ = nullptr;
  const Fd* fd_ = nullptr;
};

// Waits until one of `things` is ready, until `deadline`. Returns the places of all that are, in order. None: the
// deadline passed, or there are no things. FailedPrecondition: a connection is closed, or is the sending end of a
// one-way pipe; a descriptor is none. Otherwise an errno of poll.
absl::StatusOr<std::vector<size_t>> WaitForAny(absl::Span<const Waitable> things,
                                               Deadline deadline = Deadline::Never());

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_WAIT_FOR_ANY_H_
