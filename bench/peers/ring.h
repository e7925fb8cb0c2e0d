// Ring: one producer, one consumer, slots in shared memory, both spinning. The limit that nothing safe can beat: no
// wake-ups, no bound on waiting, and a death of either side leaves the other spinning (the driver's watch ends that).
#ifndef REGATTA_BENCH_PEERS_RING_H_
#define REGATTA_BENCH_PEERS_RING_H_

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <memory>
#include <span>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/peers/channel.h"
#include "core/os/memfd.h"

namespace regatta::bench {

class Ring {
 public:
  static constexpr bool kDealt = false;

  // InvalidArgument: more than one producer or consumer. ResourceExhausted: no memory.
  static absl::StatusOr<std::unique_ptr<Ring>> Create(const ChannelShape& shape);

  absl::Status AttachProducer(int) { return absl::OkStatus(); }
  absl::Status AttachConsumer(int) { return absl::OkStatus(); }

  absl::Status Send(std::span<const std::byte> message) {
    while (put_ - free_ == slots_) free_ = ends_->got.load(std::memory_order_acquire);
    Slot& slot = At(put_);
    std::memcpy(slot.data, message.data(), bytes_);
    slot.full.store(++put_, std::memory_order_release);
    return absl::OkStatus();
  }

  absl::Status Receive(std::span<std::byte> room) {
    Slot& slot = At(got_);
    while (slot.full.load(std::memory_order_acquire) != got_ + 1) {
    }
    std::memcpy(room.data(), slot.data, bytes_);
    // Told late, so that the producer's line is seldom disturbed; never so late that it could be stuck.
    if (++got_ % tell_every_ == 0) ends_->got.store(got_, std::memory_order_release);
    return absl::OkStatus();
  }

 private:
  struct Slot {
    std::atomic<uint64_t> full{0};  // The number of the message in it, counted from one.
    std::byte data[];
  };
  struct alignas(128) Ends {
    std::atomic<uint64_t> got{0};
  };

  Ring() = default;
  Slot& At(uint64_t index) { return *reinterpret_cast<Slot*>(first_slot_ + (index & (slots_ - 1)) * stride_); }

  Mapping mapping_;
  Ends* ends_ = nullptr;
  std::byte* first_slot_ = nullptr;
  size_t bytes_ = 0;
  size_t stride_ = 0;
  uint64_t slots_ = 0;
  uint64_t tell_every_ = 1;
  uint64_t put_ = 0;   // The producer's.
  uint64_t free_ = 0;  // What the producer knows of `got`.
  uint64_t got_ = 0;   // The consumer's.
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PEERS_RING_H_
