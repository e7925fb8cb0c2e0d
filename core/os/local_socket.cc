#include "core/os/local_socket.h"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "core/os/error.h"

namespace regatta {
namespace {

constexpr size_t kDescriptorsAtOnce = 200;  // The kernel takes 253.

// A buffer for the control data of one message, with the alignment that the kernel needs.
struct ControlBuffer {
  alignas(cmsghdr) char bytes[CMSG_SPACE(kDescriptorsAtOnce * sizeof(int))];
};

// Returns false if there was no room for one of them.
bool TakeDescriptors(const msghdr& message, std::vector<Fd>* descriptors) {
  bool all = (message.msg_flags & MSG_CTRUNC) == 0;
  for (cmsghdr* control = CMSG_FIRSTHDR(&message); control != nullptr;
       control = CMSG_NXTHDR(const_cast<msghdr*>(&message), control)) {
    if (control->cmsg_level != SOL_SOCKET || control->cmsg_type != SCM_RIGHTS) continue;
    const size_t count = (control->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (size_t i = 0; i < count; ++i) {
      int number;
      memcpy(&number, CMSG_DATA(control) + i * sizeof(int), sizeof(number));
      Fd fd(number);  // If `descriptors` is null, it is closed at once.
      if (descriptors == nullptr) continue;
      descriptors->push_back(PlaceHigh(std::move(fd)));
      all = all && descriptors->back().valid();
    }
  }
  return all;
}

Transfer Failed(absl::Status why) { return {TransferEnd::kFailed, std::move(why)}; }

// Sets `gone` if the peer is gone and the socket isn't ready. The caller then tries once more before it gives up.
Transfer Await(const Fd& socket, PeerReady ready, const Peer& peer, bool* gone) {
  const absl::StatusOr<PeerEvent> event = AwaitPeer(socket, ready, peer);
  if (!event.ok()) return Failed(event.status());
  *gone = *event == PeerEvent::kGone;
  if (*event != PeerEvent::kLate) return {};
  return {TransferEnd::kLate, absl::DeadlineExceededError("the process at the other end doesn't answer")};
}

}  // namespace

absl::StatusOr<LocalSocketPair> MakeLocalSocketPair() {
  int ends[2];
  const auto make = [&ends] { return socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) == 0; };
  if (!make() && !(errno == EMFILE && RaiseDescriptorLimit() && make())) return ErrnoError("socketpair");
  LocalSocketPair pair{PlaceHigh(Fd(ends[0])), PlaceHigh(Fd(ends[1]))};
  if (!pair.first.valid() || !pair.second.valid()) return ErrnoError("fcntl(F_DUPFD_CLOEXEC)");
  return pair;
}

bool IsLocalSocket(const Fd& fd) {
  int domain = 0;
  int type = 0;
  socklen_t size = sizeof(int);
  return getsockopt(fd.get(), SOL_SOCKET, SO_DOMAIN, &domain, &size) == 0 &&
         getsockopt(fd.get(), SOL_SOCKET, SO_TYPE, &type, &size) == 0 && domain == AF_UNIX && type == SOCK_STREAM;
}

Transfer SendAll(const Fd& socket, std::span<const std::byte> bytes, std::span<const Fd* const> descriptors,
                 const Peer& peer) {
  bool gone = false;
  while (!bytes.empty() || !descriptors.empty()) {
    const size_t count = std::min(descriptors.size(), kDescriptorsAtOnce);
    // The descriptors that don't fit beside this byte go beside the next one.
    const size_t size = descriptors.size() > count ? std::min<size_t>(1, bytes.size()) : bytes.size();
    if (size == 0)
      return Failed(
          absl::InvalidArgumentError("too few bytes for so many descriptors: send a byte for every 200 of them"));
    iovec part{const_cast<std::byte*>(bytes.data()), size};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    ControlBuffer control;
    if (count > 0) {
      message.msg_control = control.bytes;
      message.msg_controllen = CMSG_SPACE(count * sizeof(int));
      memset(control.bytes, 0, message.msg_controllen);
      cmsghdr* header = CMSG_FIRSTHDR(&message);
      header->cmsg_level = SOL_SOCKET;
      header->cmsg_type = SCM_RIGHTS;
      header->cmsg_len = CMSG_LEN(count * sizeof(int));
      for (size_t i = 0; i < count; ++i) {
        const int number = descriptors[i]->get();
        memcpy(CMSG_DATA(header) + i * sizeof(int), &number, sizeof(number));
      }
    }
    const ssize_t sent = sendmsg(socket.get(), &message, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      if (errno == EPIPE || errno == ECONNRESET) gone = true;
      if (gone) return {TransferEnd::kPeerGone, absl::OutOfRangeError("the process at the other end is gone")};
      if (errno != EAGAIN) return Failed(ErrnoError("sendmsg"));
      if (Transfer waited = Await(socket, PeerReady::kToWrite, peer, &gone); !waited.ok()) return waited;
      continue;
    }
    bytes = bytes.subspan(static_cast<size_t>(sent));
    descriptors = descriptors.subspan(count);
  }
  return {};
}

Transfer ReceiveAll(const Fd& socket, std::span<std::byte> bytes, std::vector<Fd>* descriptors, const Peer& peer) {
  const size_t wanted = bytes.size();
  bool all_came = true;
  bool gone = false;
  while (!bytes.empty()) {
    iovec part{bytes.data(), bytes.size()};
    ControlBuffer control;
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    message.msg_control = control.bytes;
    message.msg_controllen = sizeof(control.bytes);
    const ssize_t received = recvmsg(socket.get(), &message, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    if (received < 0) {
      if (errno == EINTR) continue;
      if (errno == EAGAIN && !gone) {
        if (Transfer waited = Await(socket, PeerReady::kToRead, peer, &gone); !waited.ok()) return waited;
        continue;
      }
      if (errno != ECONNRESET && errno != EAGAIN) return Failed(ErrnoError("recvmsg"));
    }
    if (received <= 0) {
      return {TransferEnd::kPeerGone,
              bytes.size() == wanted
                  ? absl::OutOfRangeError("the process at the other end has closed")
                  : absl::DataLossError("the process at the other end died in the middle of a message")};
    }
    all_came = TakeDescriptors(message, descriptors) && all_came;
    bytes = bytes.subspan(static_cast<size_t>(received));
  }
  if (all_came) return {};
  return {TransferEnd::kNoDescriptors,
          absl::ResourceExhaustedError("no descriptors are left for those that arrived: raise `ulimit -n`")};
}

bool PeekAll(const Fd& socket, std::span<std::byte> bytes) {
  ssize_t there;
  do {
    there = recv(socket.get(), bytes.data(), bytes.size(), MSG_PEEK | MSG_DONTWAIT);
  } while (there < 0 && errno == EINTR);
  return there == static_cast<ssize_t>(bytes.size());
}

bool IsPeerClosed(const Fd& socket) {
  pollfd polled = {socket.get(), 0, 0};
  return poll(&polled, 1, 0) > 0 && (polled.revents & (POLLHUP | POLLERR)) != 0;
}

}  // namespace regatta
