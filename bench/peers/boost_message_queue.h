// Boost.Interprocess's message_queue: a bounded priority queue under a lock in shared memory.
#ifndef REGATTA_BENCH_PEERS_BOOST_MESSAGE_QUEUE_H_
#define REGATTA_BENCH_PEERS_BOOST_MESSAGE_QUEUE_H_

#include <cstddef>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/peers/channel.h"
#include "bench/results/context.h"

namespace regatta::bench {

Availability BoostMessageQueueAvailability();

class BoostMessageQueue {
 public:
  static constexpr bool kDealt = false;

  // Unavailable: not built in. Else what Boost threw.
  static absl::StatusOr<std::unique_ptr<BoostMessageQueue>> Create(const ChannelShape& shape);
  ~BoostMessageQueue();

  absl::Status AttachProducer(int) { return absl::OkStatus(); }
  absl::Status AttachConsumer(int) { return absl::OkStatus(); }
  absl::Status Send(std::span<const std::byte> message);
  absl::Status Receive(std::span<std::byte> room);

 private:
  struct Impl;
  BoostMessageQueue();
  std::unique_ptr<Impl> impl_;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PEERS_BOOST_MESSAGE_QUEUE_H_
