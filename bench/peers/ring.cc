#include "bench/peers/ring.h"

#include <algorithm>
#include <new>
#include <utility>

namespace regatta::bench {
namespace {

constexpr size_t kLine = 64;
constexpr size_t kMostBytes = size_t{4} << 20;
// Enough to keep both sides busy, few enough that small messages stay in the first-level cache: with 1,024 slots a
// round trip of 64 B took a third longer, and fewer messages a second went through.
constexpr uint64_t kMostSlots = 64;
constexpr uint64_t kFewestSlots = 4;

}  // namespace

absl::StatusOr<std::unique_ptr<Ring>> Ring::Create(const ChannelShape& shape) {
  if (shape.producers != 1 || shape.consumers != 1) {
    return absl::InvalidArgumentError("the bare ring has one producer and one consumer");
  }
  std::unique_ptr<Ring> ring(new Ring);
  ring->bytes_ = shape.bytes;
  ring->stride_ = (sizeof(Slot) + shape.bytes + kLine - 1) / kLine * kLine;
  ring->slots_ = kMostSlots;
  while (ring->slots_ > kFewestSlots && ring->slots_ * ring->stride_ > kMostBytes) ring->slots_ /= 2;
  ring->tell_every_ = std::max<uint64_t>(1, ring->slots_ / 8);

  const size_t size = sizeof(Ends) + ring->slots_ * ring->stride_;
  absl::StatusOr<Fd> file = CreateMemfd("regatta-bare-ring");
  if (!file.ok()) return file.status();
  if (absl::Status grown = GrowMemfd(*file, 0, size); !grown.ok()) return grown;
  absl::StatusOr<Mapping> mapping = Mapping::Map(*file, size);
  if (!mapping.ok()) return mapping.status();
  ring->mapping_ = *std::move(mapping);
  ring->ends_ = new (ring->mapping_.data()) Ends;
  ring->first_slot_ = ring->mapping_.data() + sizeof(Ends);
  for (uint64_t i = 0; i < ring->slots_; ++i) new (&ring->At(i)) Slot;
  return ring;
}

}  // namespace regatta::bench
