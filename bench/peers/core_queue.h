// The core's queue: of bytes by copy, as every other peer, and by reference, as only it can.
#ifndef REGATTA_BENCH_PEERS_CORE_QUEUE_H_
#define REGATTA_BENCH_PEERS_CORE_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/peers/channel.h"
#include "core/ipc/byte_queue.h"
#include "core/ipc/queue.h"
#include "core/ipc/queue_loan.h"

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

  static absl::Status WrongSize() { return absl::DataLossError("core: a message of another size"); }

 private:
  CoreQueue() = default;
  ByteQueue queue_;
};

// The same by reference: messages are written and read where they lie.
class CoreLoans {
 public:
  using Messages = Queue<std::vector<std::byte>>;

  static constexpr bool kDealt = false;

  static absl::StatusOr<std::unique_ptr<CoreLoans>> Create(const ChannelShape& shape);

  absl::Status AttachProducer(int) { return absl::OkStatus(); }
  absl::Status AttachConsumer(int) { return absl::OkStatus(); }

  absl::Status Send(std::span<const std::byte> message) {
    absl::StatusOr<Loan<std::vector<std::byte>>> loan = queue_.Reserve(static_cast<int64_t>(message.size()));
    if (!loan.ok()) return loan.status();
    std::memcpy(loan->span().data(), message.data(), message.size());
    loan->Publish();
    return absl::OkStatus();
  }
  absl::Status Receive(std::span<std::byte> room) {
    const absl::StatusOr<Borrowed<std::vector<std::byte>>> message = queue_.GetInPlace();
    if (!message.ok()) return message.status();
    if (message->span().size() != room.size()) return CoreQueue::WrongSize();
    std::memcpy(room.data(), message->span().data(), room.size());
    return absl::OkStatus();
  }
  Messages& queue() { return queue_; }

 private:
  CoreLoans() = default;
  Messages queue_;
};

// Only the stamps are written, so that what the queue itself does is seen and not the speed of memory.
class LoanSender {
 public:
  LoanSender(CoreLoans& channel, const ChannelShape& shape) : queue_(channel.queue()), bytes_(shape.bytes) {}
  absl::Status Send(uint64_t stamp) {
    absl::StatusOr<Loan<std::vector<std::byte>>> loan = queue_.Reserve(static_cast<int64_t>(bytes_));
    if (!loan.ok()) [[unlikely]]
      return loan.status();
    std::memcpy(loan->span().data(), &stamp, sizeof stamp);
    std::memcpy(loan->span().data() + bytes_ - sizeof stamp, &stamp, sizeof stamp);
    loan->Publish();
    return absl::OkStatus();
  }

 private:
  CoreLoans::Messages& queue_;
  const size_t bytes_;
};

class LoanReceiver {
 public:
  LoanReceiver(CoreLoans& channel, const ChannelShape& shape) : queue_(channel.queue()), bytes_(shape.bytes) {}
  absl::StatusOr<uint64_t> Receive() {
    message_ = {};  // Frees the last one's memory before the next one is awaited.
    absl::StatusOr<Borrowed<std::vector<std::byte>>> got = queue_.GetInPlace();
    if (!got.ok()) [[unlikely]]
      return got.status();
    message_ = *std::move(got);
    if (message_.span().size() != bytes_) [[unlikely]]
      return CoreQueue::WrongSize();
    return StampedMessage::StampOf({message_.span().data(), message_.span().size()});
  }
  // Between the stamps nothing was written: their agreement is all there is to check.
  absl::Status CheckPattern() const { return absl::OkStatus(); }

 private:
  CoreLoans::Messages& queue_;
  const size_t bytes_;
  Borrowed<std::vector<std::byte>> message_;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PEERS_CORE_QUEUE_H_
