#include "core/process/boot.h"

#include <iterator>
#include <utility>

#include "absl/types/span.h"
#include "core/codec/codec.h"
#include "core/process/fault_points.h"

namespace regatta {
namespace {

constexpr uint32_t kBootMagic = 0x32544252;  // "RBT2"
constexpr uint32_t kMostOrderBytes = 1 << 20;

// The header is sent first. All descriptors travel beside it, in the order of the fields that count them.
struct BootHeader {
  uint32_t magic = kBootMagic;
  uint32_t order_bytes = 0;
  uint64_t argument_bytes = 0;
  uint32_t family = 0;
  uint32_t standard = 0;
  uint32_t directory = 0;
  uint32_t lifeline = 0;
  uint32_t beside_arguments = 0;
  uint32_t unused = 0;
};

std::span<const std::byte> BytesOf(const std::string& text) {
  return {reinterpret_cast<const std::byte*>(text.data()), text.size()};
}

// Removes the first `count` elements of `from` and returns them.
std::vector<Fd> Take(std::vector<Fd>& from, size_t count) {
  std::vector<Fd> taken(std::make_move_iterator(from.begin()),
                        std::make_move_iterator(from.begin() + static_cast<ptrdiff_t>(count)));
  from.erase(from.begin(), from.begin() + static_cast<ptrdiff_t>(count));
  return taken;
}

Fd TakeOne(std::vector<Fd>& from, bool there) {
  std::vector<Fd> taken = Take(from, there ? 1 : 0);
  return there ? std::move(taken[0]) : Fd();
}

}  // namespace

Transfer SendBootOrder(const Fd& channel, const BootOrder& order, std::span<const std::byte> arguments,
                       const BootDescriptors& descriptors, const Peer& peer) {
  const absl::StatusOr<std::string> encoded = EncodeToString(order);
  if (!encoded.ok()) return {TransferEnd::kFailed, encoded.status()};
  if (encoded->size() > kMostOrderBytes) {
    return {TransferEnd::kFailed,
            absl::InvalidArgumentError("the name of the process is longer than a MiB: give it a shorter one")};
  }

  BootHeader header;
  std::vector<const Fd*> all;
  if (descriptors.family != nullptr) all.push_back(descriptors.family);
  for (const Fd& fd : descriptors.standard) all.push_back(&fd);
  if (descriptors.directory.valid()) all.push_back(&descriptors.directory);
  if (descriptors.lifeline.valid()) all.push_back(&descriptors.lifeline);
  all.insert(all.end(), descriptors.beside_arguments.begin(), descriptors.beside_arguments.end());
  header.order_bytes = static_cast<uint32_t>(encoded->size());
  header.argument_bytes = arguments.size();
  header.family = descriptors.family != nullptr ? 1 : 0;
  header.standard = static_cast<uint32_t>(descriptors.standard.size());
  header.directory = descriptors.directory.valid() ? 1 : 0;
  header.lifeline = descriptors.lifeline.valid() ? 1 : 0;
  header.beside_arguments = static_cast<uint32_t>(descriptors.beside_arguments.size());

  Transfer sent = SendAll(channel, std::as_bytes(std::span(&header, 1)), all, peer);
  FaultPointHere(fault::kProcessBootBegun);
  if (sent.ok()) sent = SendAll(channel, BytesOf(*encoded), {}, peer);
  if (sent.ok()) sent = SendAll(channel, arguments, {}, peer);
  FaultPointHere(fault::kProcessBooted);
  return sent;
}

absl::StatusOr<ReceivedBootOrder> ReceiveBootOrder(const Fd& channel, int32_t creator_pid) {
  const Peer peer{.parent_pid = creator_pid};
  BootHeader header;
  std::vector<Fd> all;
  Transfer received = ReceiveAll(channel, std::as_writable_bytes(std::span(&header, 1)), &all, peer);
  if (!received.ok()) return received.status;
  if (header.magic != kBootMagic || header.order_bytes > kMostOrderBytes || header.family > 1 || header.directory > 1 ||
      header.lifeline > 1 ||
      uint64_t{header.family} + header.standard + header.directory + header.lifeline + header.beside_arguments !=
          all.size()) {
    return absl::DataLossError("the bytes from the channel are not a boot order of this program");
  }
  ReceivedBootOrder boot;
  std::string encoded(header.order_bytes, '\0');
  received = ReceiveAll(channel, std::as_writable_bytes(std::span(encoded)), nullptr, peer);
  if (!received.ok()) return received.status;
  if (absl::Status decoded = DecodeInto(AsBytes(encoded), boot.order); !decoded.ok()) return decoded;
  boot.arguments.resize(header.argument_bytes);
  received = ReceiveAll(channel, boot.arguments, nullptr, peer);
  if (!received.ok()) return received.status;

  boot.family = TakeOne(all, header.family == 1);
  boot.standard = Take(all, header.standard);
  boot.directory = TakeOne(all, header.directory == 1);
  boot.lifeline = TakeOne(all, header.lifeline == 1);
  boot.beside_arguments = DescriptorSource(std::move(all));
  return boot;
}

}  // namespace regatta
