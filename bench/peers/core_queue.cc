#include "bench/peers/core_queue.h"

#include <algorithm>
#include <utility>

namespace regatta::bench {
namespace {

// The bound that the other peers have, too.
constexpr size_t kMostBytes = size_t{16} << 20;
constexpr size_t kMostMessages = 1024;

int64_t MostMessages(const ChannelShape& shape) {
  return static_cast<int64_t>(std::clamp<size_t>(kMostBytes / shape.bytes, 4, kMostMessages));
}

}  // namespace

absl::StatusOr<std::unique_ptr<CoreQueue>> CoreQueue::Create(const ChannelShape& shape) {
  absl::StatusOr<ByteQueue> queue = ByteQueue::Create({.capacity = MostMessages(shape)});
  if (!queue.ok()) return queue.status();
  std::unique_ptr<CoreQueue> peer(new CoreQueue);
  peer->queue_ = *std::move(queue);
  return peer;
}

absl::StatusOr<std::unique_ptr<CoreLoans>> CoreLoans::Create(const ChannelShape& shape) {
  absl::StatusOr<Messages> queue = Messages::Create(MostMessages(shape));
  if (!queue.ok()) return queue.status();
  std::unique_ptr<CoreLoans> peer(new CoreLoans);
  peer->queue_ = *std::move(queue);
  return peer;
}

}  // namespace regatta::bench
