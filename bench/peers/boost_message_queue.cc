#include "bench/peers/boost_message_queue.h"

#include <algorithm>
#include <exception>
#include <string>

#include "absl/strings/str_cat.h"

#if REGATTA_HAVE_BOOST_INTERPROCESS

#include <unistd.h>

#include <boost/interprocess/ipc/message_queue.hpp>
#include <boost/version.hpp>

namespace regatta::bench {
namespace {

namespace ipc = boost::interprocess;

// Boost reserves all messages at once.
constexpr size_t kMostBytes = size_t{16} << 20;
constexpr size_t kMostMessages = 1024;

absl::Status Thrown(absl::string_view doing, const std::exception& thrown) {
  return absl::UnknownError(absl::StrCat("boost message_queue, ", doing, ": ", thrown.what()));
}

}  // namespace

struct BoostMessageQueue::Impl {
  ipc::message_queue queue;
  size_t bytes;
};

Availability BoostMessageQueueAvailability() {
  return {.system = "boost_message_queue",
          .present = true,
          .version = absl::StrCat(BOOST_VERSION / 100000, ".", BOOST_VERSION / 100 % 1000, ".", BOOST_VERSION % 100),
          .reason = ""};
}

absl::StatusOr<std::unique_ptr<BoostMessageQueue>> BoostMessageQueue::Create(const ChannelShape& shape) {
  static int made = 0;
  const std::string name = absl::StrCat("regatta-bench-", getpid(), "-", ++made);
  const size_t messages = std::clamp<size_t>(kMostBytes / shape.bytes, 4, kMostMessages);
  try {
    std::unique_ptr<BoostMessageQueue> peer(new BoostMessageQueue);
    peer->impl_ = std::unique_ptr<Impl>(
        new Impl{.queue = {ipc::create_only, name.c_str(), messages, shape.bytes}, .bytes = shape.bytes});
    // The processes inherit the mapping and don't need the name.
    ipc::message_queue::remove(name.c_str());
    return peer;
  } catch (const std::exception& thrown) {
    ipc::message_queue::remove(name.c_str());
    return Thrown("creating it", thrown);
  }
}

absl::Status BoostMessageQueue::Send(std::span<const std::byte> message) {
  try {
    impl_->queue.send(message.data(), message.size(), /*priority=*/0);
    return absl::OkStatus();
  } catch (const std::exception& thrown) {
    return Thrown("sending", thrown);
  }
}

absl::Status BoostMessageQueue::Receive(std::span<std::byte> room) {
  try {
    ipc::message_queue::size_type size = 0;
    unsigned int priority = 0;
    impl_->queue.receive(room.data(), room.size(), size, priority);
    if (size != room.size()) return absl::DataLossError("boost message_queue: a message of another size");
    return absl::OkStatus();
  } catch (const std::exception& thrown) {
    return Thrown("receiving", thrown);
  }
}

}  // namespace regatta::bench

#else

namespace regatta::bench {

struct BoostMessageQueue::Impl {};

Availability BoostMessageQueueAvailability() {
  return {.system = "boost_message_queue",
          .present = false,
          .version = "",
          .reason = "Boost.Interprocess was not installed when this was built (apt-get install libboost-dev)"};
}

absl::StatusOr<std::unique_ptr<BoostMessageQueue>> BoostMessageQueue::Create(const ChannelShape&) {
  return absl::UnavailableError(BoostMessageQueueAvailability().reason);
}
absl::Status BoostMessageQueue::Send(std::span<const std::byte>) {
  return absl::UnavailableError(BoostMessageQueueAvailability().reason);
}
absl::Status BoostMessageQueue::Receive(std::span<std::byte>) {
  return absl::UnavailableError(BoostMessageQueueAvailability().reason);
}

}  // namespace regatta::bench

#endif

namespace regatta::bench {

BoostMessageQueue::BoostMessageQueue() = default;
BoostMessageQueue::~BoostMessageQueue() = default;

}  // namespace regatta::bench
