#include "bench/harness/wire.h"

#include <sys/socket.h>

#include <cerrno>
#include <cstdint>
#include <cstring>

#include "core/os/error.h"

namespace regatta::bench {
namespace {

// True: `size` bytes were read. False: end of file before the first.
absl::StatusOr<bool> ReceiveExactly(const Fd& socket, char* data, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t got = recv(socket.get(), data + done, size - done, 0);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0 && errno != ECONNRESET) return ErrnoError("recv");
    if (got <= 0) {
      if (done == 0) return false;
      return absl::DataLossError("the other side ended in the middle of a frame");
    }
    done += static_cast<size_t>(got);
  }
  return true;
}

}  // namespace

absl::Status SendBytes(const Fd& socket, absl::string_view bytes) {
  std::string frame(sizeof(uint64_t), '\0');
  const uint64_t size = bytes.size();
  std::memcpy(frame.data(), &size, sizeof size);
  frame.append(bytes);
  for (size_t done = 0; done < frame.size();) {
    const ssize_t put = send(socket.get(), frame.data() + done, frame.size() - done, MSG_NOSIGNAL);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && (errno == EPIPE || errno == ECONNRESET)) return absl::UnavailableError("the other side is gone");
    if (put < 0) return ErrnoError("send");
    done += static_cast<size_t>(put);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::string> ReceiveBytes(const Fd& socket) {
  uint64_t size = 0;
  absl::StatusOr<bool> got = ReceiveExactly(socket, reinterpret_cast<char*>(&size), sizeof size);
  if (!got.ok()) return got.status();
  if (!*got) return absl::OutOfRangeError("the other side closed");
  if (size > (uint64_t{1} << 32)) return absl::DataLossError("a frame of over 4 GiB");
  std::string bytes(size, '\0');
  got = ReceiveExactly(socket, bytes.data(), bytes.size());
  if (!got.ok()) return got.status();
  if (size > 0 && !*got) return absl::DataLossError("the other side ended in the middle of a frame");
  return bytes;
}

}  // namespace regatta::bench
