// Local sockets: a connected pair without a name, over which bytes and descriptors travel in order.
//
// Trust      The peer is whoever holds the other end: hand it to nobody else, and there is nobody to authenticate.
// Signals    A peer that is gone is an error, never a SIGPIPE.
// Threads    One sender and one receiver at a time.
#ifndef REGATTA_CORE_OS_LOCAL_SOCKET_H_
#define REGATTA_CORE_OS_LOCAL_SOCKET_H_

#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/os/fd.h"

namespace regatta {

struct LocalSocketPair {
  Fd first;
  Fd second;
};
// Two ends of a stream. ResourceExhausted: no descriptors left.
absl::StatusOr<LocalSocketPair> MakeLocalSocketPair();

// Whether `fd` is one end of such a stream.
bool IsLocalSocket(const Fd& fd);

// Sends all of `bytes`, and copies of `descriptors` beside their begin; needs a byte for every 200 descriptors. Waits while the
// peer reads slowly.
// OutOfRange: the peer is gone; some of it may have been sent.
absl::Status SendAll(const Fd& socket, std::span<const std::byte> bytes, std::span<const Fd* const> descriptors = {});

// Fills `bytes`, and adds the descriptors that came beside them to `descriptors`, close-on-exec.
// OutOfRange: the peer closed before the first byte. DataLoss: it closed in the middle. ResourceExhausted: no descriptors left
// for those that came; the bytes are there.
absl::Status ReceiveAll(const Fd& socket, std::span<std::byte> bytes, std::vector<Fd>* descriptors = nullptr);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_LOCAL_SOCKET_H_
