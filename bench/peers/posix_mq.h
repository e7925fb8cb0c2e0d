// PosixMq: a POSIX message queue. The system bounds it to 8 KiB a message unless it is configured otherwise.
#ifndef REGATTA_BENCH_PEERS_POSIX_MQ_H_
#define REGATTA_BENCH_PEERS_POSIX_MQ_H_

#include <cstddef>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/peers/channel.h"
#include "core/os/fd.h"

namespace regatta::bench {

class PosixMq {
 public:
  static constexpr bool kDealt = false;

  // An errno of mq_open: larger messages than the system allows, or no such queues.
  static absl::StatusOr<std::unique_ptr<PosixMq>> Create(const ChannelShape& shape);

  absl::Status AttachProducer(int) { return absl::OkStatus(); }
  absl::Status AttachConsumer(int) { return absl::OkStatus(); }
  absl::Status Send(std::span<const std::byte> message);
  absl::Status Receive(std::span<std::byte> room);

 private:
  PosixMq() = default;
  Fd queue_;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PEERS_POSIX_MQ_H_
