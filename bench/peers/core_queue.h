// The core's queue of bytes: by copy, as every other peer, and by reference, as only it can.
#ifndef REGATTA_BENCH_PEERS_CORE_QUEUE_H_
#define REGATTA_BENCH_PEERS_CORE_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/peers/channel.h"
#include "core/ipc/byte_queue.h"

namespace regatta::bench {

class CoreQueue {
 public:
  static constexpr bool kDealt = false;

  static absl::StatusOr<std::unique_ptr<CoreQueue>> Create(const ChannelShape& shape);

  absl::Status AttachProducer(int) { return absl::OkStatus(); }
  absl::Status AttachConsumer(int) { return absl::OkStatus(); }

  absl::Status Send(std::span<const std::byte> message) { return queue_.Put({message.data(), message.size()}); }

  absl::Status Receive(std::span<std::byte> room) {
    QueueItem item;
    if (absl::Status got = queue_.Get(&item); !got.ok()) [[unlikely]]
      return got;
    if (item.bytes().size() != room.size()) [[unlikely]]
      return WrongSize();
    std::memcpy(room.data(), item.bytes().data(), room.size());
    return absl::OkStatus();
  }

  ByteQueue& queue() { return queue_; }
  static absl::Status WrongSize() { return absl::DataLossError("core: a message of another size"); }

 private:
  CoreQueue() = default;
  ByteQueue queue_;
};

// Written in place, once: only the stamps, so that what the queue itself does is seen and not the speed of memory.
class ReferenceSender {
 public:
  ReferenceSender(CoreQueue& channel, const ChannelShape& shape) : queue_(channel.queue()), bytes_(shape.bytes) {}
  absl::Status Send(uint64_t stamp) {
    absl::StatusOr<QueueReservation> room = queue_.Reserve(bytes_);
    if (!room.ok()) [[unlikely]]
      return room.status();
    std::memcpy(room->bytes().data(), &stamp, sizeof stamp);
    std::memcpy(room->bytes().data() + bytes_ - sizeof stamp, &stamp, sizeof stamp);
    room->Commit();
    return absl::OkStatus();
  }

 private:
  ByteQueue& queue_;
  const size_t bytes_;
};

// Read in place.
class ReferenceReceiver {
 public:
  ReferenceReceiver(CoreQueue& channel, const ChannelShape& shape) : queue_(channel.queue()), bytes_(shape.bytes) {}
  absl::StatusOr<uint64_t> Receive() {
    item_.Reset();
    if (absl::Status got = queue_.Get(&item_); !got.ok()) [[unlikely]]
      return got;
    if (item_.bytes().size() != bytes_) [[unlikely]]
      return CoreQueue::WrongSize();
    return StampedMessage::StampOf({item_.bytes().data(), item_.bytes().size()});
  }
  // Between the stamps nothing was written: their agreement is all there is to check.
  absl::Status CheckPattern() const { return absl::OkStatus(); }

 private:
  ByteQueue& queue_;
  const size_t bytes_;
  QueueItem item_;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PEERS_CORE_QUEUE_H_
