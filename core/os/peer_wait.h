// Waiting for another process: for its descriptor, its death and a deadline at once.
//
// Waiting for the descriptor alone is not enough: a stopped peer sends nothing, and a third process with a copy of the
// peer's end hides the end of file. Every wait of the core for an answer of another process uses AwaitPeer.
#ifndef REGATTA_CORE_OS_PEER_WAIT_H_
#define REGATTA_CORE_OS_PEER_WAIT_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "core/os/deadline.h"
#include "core/os/fd.h"

namespace regatta {

// How a wait notices that the process at the other end of a descriptor is gone. A wait needs at least one of the three.
struct Peer {
  const Fd* pidfd = nullptr;              // Its pidfd.
  int32_t parent_pid = 0;                 // Its pid, if it is this process's parent. Checked once a second.
  Deadline deadline = Deadline::Never();  // When this process gives up.
};

enum class PeerEvent {
  kReady,  // The descriptor is readable (or writable), at its end of file, or broken.
  kGone,   // The process is gone, and the descriptor isn't ready.
  kLate,   // The deadline has passed.
};
enum class PeerReady { kToRead, kToWrite };

// Waits until `fd` is ready, the peer is gone, or the deadline passes. Errors: an errno of poll.
absl::StatusOr<PeerEvent> AwaitPeer(const Fd& fd, PeerReady ready, const Peer& peer);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_PEER_WAIT_H_
