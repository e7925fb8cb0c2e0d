#include "core/os/peer_wait.h"

#include <poll.h>

#include <cerrno>

#include "core/os/error.h"
#include "core/os/signal_mask.h"

namespace regatta {
namespace {

constexpr absl::Duration kTick = absl::Seconds(1);

}  // namespace

absl::StatusOr<PeerEvent> AwaitPeer(const Fd& fd, PeerReady ready, const Peer& peer) {
  for (;;) {
    pollfd polled[] = {{fd.get(), static_cast<int16_t>(ready == PeerReady::kToRead ? POLLIN : POLLOUT), 0},
                       {peer.pidfd == nullptr ? -1 : peer.pidfd->get(), POLLIN, 0}};
    const Deadline tick = peer.parent_pid == 0 ? Deadline::Never() : Deadline::After(kTick);
    // This check comes before the poll, so that the poll sees what the peer did before it ended.
    const bool orphaned = peer.parent_pid != 0 && !IsParent(peer.parent_pid);
    const Deadline until = orphaned ? Deadline::Now() : Deadline::Earlier(tick, peer.deadline);
    if (poll(polled, 2, until.remaining_poll_millis()) < 0) {
      if (errno == EINTR) continue;
      return ErrnoError("poll");
    }
    if (polled[0].revents != 0) return PeerEvent::kReady;
    if (polled[1].revents != 0 || orphaned) {
      // The peer may have answered before it ended, after the poll had examined `fd`.
      pollfd again = {fd.get(), polled[0].events, 0};
      return poll(&again, 1, 0) > 0 ? PeerEvent::kReady : PeerEvent::kGone;
    }
    if (peer.deadline.passed()) return PeerEvent::kLate;
  }
}

}  // namespace regatta
