// Pipe: the kernel's pipe, blocking, one write a message. With several producers or consumers only messages of up to
// PIPE_BUF bytes stay whole. UnixStream: the same with a pair of local stream sockets.
#ifndef REGATTA_BENCH_PEERS_PIPE_H_
#define REGATTA_BENCH_PEERS_PIPE_H_

#include <cstddef>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/peers/channel.h"
#include "core/os/fd.h"

namespace regatta::bench {

class Pipe {
 public:
  static constexpr bool kDealt = false;

  // InvalidArgument: several producers or consumers for messages over PIPE_BUF.
  static absl::StatusOr<std::unique_ptr<Pipe>> Create(const ChannelShape& shape);

  // Each closes the end that it doesn't use, so that the other side's death is seen.
  absl::Status AttachProducer(int);
  absl::Status AttachConsumer(int);
  // Aborted: the other side is gone.
  absl::Status Send(std::span<const std::byte> message);
  absl::Status Receive(std::span<std::byte> room);

 protected:
  Pipe() = default;
  Fd read_;
  Fd write_;
};

class UnixStream : public Pipe {
 public:
  // InvalidArgument: several producers or consumers.
  static absl::StatusOr<std::unique_ptr<UnixStream>> Create(const ChannelShape& shape);
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PEERS_PIPE_H_
