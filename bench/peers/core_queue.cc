#include "bench/peers/core_queue.h"

#include <algorithm>
#include <utility>

namespace regatta::bench {
namespace {

// The bound that the other peers have, too.
constexpr size_t kMostBytes = size_t{16} << 20;
constexpr size_t kMostMessages = 1024;

}  // namespace

absl::StatusOr<std::unique_ptr<CoreQueue>> CoreQueue::Create(const ChannelShape& shape) {
  const size_t messages = std::clamp<size_t>(kMostBytes / shape.bytes, 4, kMostMessages);
  absl::StatusOr<ByteQueue> queue = ByteQueue::Create({.capacity = static_cast<int64_t>(messages)});
  if (!queue.ok()) return queue.status();
  std::unique_ptr<CoreQueue> peer(new CoreQueue);
  peer->queue_ = *std::move(queue);
  return peer;
}

}  // namespace regatta::bench
