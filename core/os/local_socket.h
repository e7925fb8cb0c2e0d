// Local sockets: a connected pair without a name. Bytes and descriptors travel over it in order.
//
// Trust      The peer is the process that holds the other end. Pass that end to no other process; then no
//            authentication is needed.
// Signals    If the peer is gone, a call returns an error. SIGPIPE is never raised.
// Threads    One sender and one receiver at a time.
#ifndef REGATTA_CORE_OS_LOCAL_SOCKET_H_
#define REGATTA_CORE_OS_LOCAL_SOCKET_H_

#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/os/fd.h"
#include "core/os/peer_wait.h"

namespace regatta {

struct LocalSocketPair {
  Fd first;
  Fd second;
};
// Makes the two ends of a stream. ResourceExhausted: no descriptors left.
absl::StatusOr<LocalSocketPair> MakeLocalSocketPair();

// Whether `fd` is one end of such a stream.
bool IsLocalSocket(const Fd& fd);

enum class TransferEnd {
  kDone,
  kPeerGone,       // The peer closed or died. Some of the bytes may have crossed.
  kLate,           // The peer's deadline passed. Some of the bytes may have crossed.
  kNoDescriptors,  // Receiving: all bytes arrived, but no descriptor numbers were free for the descriptors.
  kFailed,         // An errno, or misuse.
};
struct [[nodiscard]] Transfer {
  TransferEnd end = TransferEnd::kDone;
  absl::Status status = {};  // OK if kDone. For kPeerGone: OutOfRange before the first byte, DataLoss after it.
  bool ok() const { return end == TransferEnd::kDone; }
};

// Sends all of `bytes`, with copies of `descriptors` beside the first bytes. Needs one byte for every 200 descriptors.
// Blocks while the peer does not read.
Transfer SendAll(const Fd& socket, std::span<const std::byte> bytes, std::span<const Fd* const> descriptors,
                 const Peer& peer);

// Fills `bytes`. Adds the descriptors that came beside them to `descriptors`, close-on-exec. If `descriptors` is null,
// they are closed.
Transfer ReceiveAll(const Fd& socket, std::span<std::byte> bytes, std::vector<Fd>* descriptors, const Peer& peer);

// Copies the first bytes that wait in `socket` to `bytes` and leaves them there, with their descriptors. False: there
// are fewer.
bool PeekAll(const Fd& socket, std::span<std::byte> bytes);
// Whether all copies of the other end are closed.
bool IsPeerClosed(const Fd& socket);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_LOCAL_SOCKET_H_
