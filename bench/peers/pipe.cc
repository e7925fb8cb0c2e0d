#include "bench/peers/pipe.h"

#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "core/os/error.h"
#include "core/os/local_socket.h"

namespace regatta::bench {

absl::StatusOr<std::unique_ptr<Pipe>> Pipe::Create(const ChannelShape& shape) {
  if ((shape.producers > 1 || shape.consumers > 1) && shape.bytes > PIPE_BUF) {
    return absl::InvalidArgumentError("a pipe shared by several keeps messages whole only up to PIPE_BUF bytes");
  }
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) return ErrnoError("pipe2");
  std::unique_ptr<Pipe> pipe(new Pipe);
  pipe->read_ = Fd(ends[0]);
  pipe->write_ = Fd(ends[1]);
  return pipe;
}

absl::StatusOr<std::unique_ptr<UnixStream>> UnixStream::Create(const ChannelShape& shape) {
  if (shape.producers > 1 || shape.consumers > 1) {
    return absl::InvalidArgumentError("a stream shared by several doesn't keep messages whole");
  }
  absl::StatusOr<LocalSocketPair> ends = MakeLocalSocketPair();
  if (!ends.ok()) return ends.status();
  std::unique_ptr<UnixStream> stream(new UnixStream);
  stream->read_ = std::move(ends->first);
  stream->write_ = std::move(ends->second);
  return stream;
}

absl::Status Pipe::AttachProducer(int) {
  read_.Reset();
  return absl::OkStatus();
}

absl::Status Pipe::AttachConsumer(int) {
  write_.Reset();
  return absl::OkStatus();
}

absl::Status Pipe::Send(std::span<const std::byte> message) {
  while (!message.empty()) {
    const ssize_t put = write(write_.get(), message.data(), message.size());
    if (put < 0 && errno == EINTR) continue;
    if (put < 0 && errno == EPIPE) return absl::AbortedError("the pipe's reader is gone");
    if (put < 0) return ErrnoError("write to the pipe");
    message = message.subspan(static_cast<size_t>(put));
  }
  return absl::OkStatus();
}

absl::Status Pipe::Receive(std::span<std::byte> room) {
  while (!room.empty()) {
    const ssize_t got = read(read_.get(), room.data(), room.size());
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return ErrnoError("read from the pipe");
    if (got == 0) return absl::AbortedError("the pipe's writers are gone");
    room = room.subspan(static_cast<size_t>(got));
  }
  return absl::OkStatus();
}

}  // namespace regatta::bench
