// ZeroMQ: PUSH and PULL sockets over ipc, each process with a context and its I/O thread.
#ifndef REGATTA_BENCH_PEERS_ZEROMQ_H_
#define REGATTA_BENCH_PEERS_ZEROMQ_H_

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/peers/channel.h"
#include "bench/results/context.h"

namespace regatta::bench {

Availability ZeroMqAvailability();

class ZeroMq {
 public:
  // A PUSH socket skips whoever is slow; dealing by hand to one socket a consumer keeps the shares known.
  static constexpr bool kDealt = true;

  // Unavailable: not built in.
  static absl::StatusOr<std::unique_ptr<ZeroMq>> Create(const ChannelShape& shape);
  ~ZeroMq();

  absl::Status AttachProducer(int index);
  absl::Status AttachConsumer(int index);
  absl::Status Send(std::span<const std::byte> message);
  absl::Status Receive(std::span<std::byte> room);

 private:
  ZeroMq() = default;
  absl::Status MakeContext();
  absl::StatusOr<void*> MakeSocket(int type);
  std::string Endpoint(int consumer) const;

  std::string name_;
  int consumers_ = 1;
  void* context_ = nullptr;
  std::vector<void*> sockets_;  // A producer's: one for each consumer. A consumer's: its own.
  size_t next_ = 0;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PEERS_ZEROMQ_H_
