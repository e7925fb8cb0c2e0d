// OneWay: what a benchmark needs of a queue between processes, so that one body races many systems.
//
// It is made before its processes are forked; each then attaches as a producer or as a consumer and sends or receives
// whole messages of one size. Messages are known by a stamp, and what is received is checked.
#ifndef REGATTA_BENCH_PEERS_CHANNEL_H_
#define REGATTA_BENCH_PEERS_CHANNEL_H_

#include <algorithm>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace regatta::bench {

// The messages and the processes that a channel is for.
struct ChannelShape {
  size_t bytes = 64;  // Of each message, at least 8.
  int producers = 1;
  int consumers = 1;
};

template <class C>
concept OneWay = requires(C& channel, int index, std::span<const std::byte> message, std::span<std::byte> room) {
  { C::Create(ChannelShape()) } -> std::same_as<absl::StatusOr<std::unique_ptr<C>>>;
  // True: each producer deals its messages to the consumers in turn, from consumer 0 on. False: who comes first
  // receives.
  { C::kDealt } -> std::convertible_to<bool>;
  // In the process that is to send or receive, once.
  { channel.AttachProducer(index) } -> std::same_as<absl::Status>;
  { channel.AttachConsumer(index) } -> std::same_as<absl::Status>;
  // Block while full, or empty. Receive fills `room`; DataLoss: the message has another size.
  { channel.Send(message) } -> std::same_as<absl::Status>;
  { channel.Receive(room) } -> std::same_as<absl::Status>;
};

// A message of a fixed pattern, with its number at the head and, where there is room for two, at the tail.
class StampedMessage {
 public:
  explicit StampedMessage(size_t bytes) : data_(std::max(bytes, sizeof(uint64_t))) {
    for (size_t i = 0; i < data_.size(); ++i) data_[i] = Pattern(i);
  }

  void Stamp(uint64_t stamp) {
    std::memcpy(data_.data(), &stamp, sizeof stamp);
    if (has_tail()) std::memcpy(&data_[data_.size() - sizeof stamp], &stamp, sizeof stamp);
  }

  // DataLoss: head and tail differ.
  static absl::StatusOr<uint64_t> StampOf(std::span<const std::byte> message) {
    uint64_t head, tail;
    std::memcpy(&head, message.data(), sizeof head);
    if (message.size() < 2 * sizeof head) return head;
    std::memcpy(&tail, &message[message.size() - sizeof tail], sizeof tail);
    if (head != tail) [[unlikely]] {
      return absl::DataLossError("a message's head and tail are of different messages");
    }
    return head;
  }

  // DataLoss: between head and tail is something else than the pattern.
  static absl::Status CheckPattern(std::span<const std::byte> message) {
    for (size_t i = sizeof(uint64_t); i + sizeof(uint64_t) < message.size(); ++i) {
      if (message[i] != Pattern(i)) return absl::DataLossError("a message arrived with other bytes than were sent");
    }
    return absl::OkStatus();
  }

  std::span<const std::byte> view() const { return data_; }
  std::span<std::byte> room() { return data_; }

 private:
  static std::byte Pattern(size_t i) { return static_cast<std::byte>(i * 131 + (i >> 8) + 7); }
  bool has_tail() const { return data_.size() >= 2 * sizeof(uint64_t); }

  std::vector<std::byte> data_;
};

// How many messages pass between two comparisons of every byte.
inline constexpr int64_t kCheckEvery = 1024;

// The two ends of a OneWay: messages are copied in and out. A system that can do without has ends of its own, alike.
template <OneWay C>
class CopyingSender {
 public:
  CopyingSender(C& channel, const ChannelShape& shape) : channel_(channel), message_(shape.bytes) {}
  absl::Status Send(uint64_t stamp) {
    message_.Stamp(stamp);
    return channel_.Send(message_.view());
  }

 private:
  C& channel_;
  StampedMessage message_;
};

template <OneWay C>
class CopyingReceiver {
 public:
  CopyingReceiver(C& channel, const ChannelShape& shape) : channel_(channel), message_(shape.bytes) {
    std::ranges::fill(message_.room(), std::byte{0});
  }
  // The stamp of the next message.
  absl::StatusOr<uint64_t> Receive() {
    if (absl::Status received = channel_.Receive(message_.room()); !received.ok()) [[unlikely]] {
      return received;
    }
    return StampedMessage::StampOf(message_.view());
  }
  // Of the message received last: every byte.
  absl::Status CheckPattern() const { return StampedMessage::CheckPattern(message_.view()); }

 private:
  C& channel_;
  StampedMessage message_;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PEERS_CHANNEL_H_
