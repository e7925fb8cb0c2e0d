// The descriptors that travel beside the bytes of one message. In the bytes each descriptor is an index into this list.
//
// Transport  The transport of the bytes also carries the list, in order: by inheritance through fork, or over a socket.
// Threads    Thread-compatible. Each message has its own list.
#ifndef REGATTA_CORE_CODEC_DESCRIPTORS_H_
#define REGATTA_CORE_CODEC_DESCRIPTORS_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/os/fd.h"

namespace regatta {

// Collects the descriptors to which an encoding refers. It borrows them: the encoded value keeps them open until the
// transport has sent them. If sending means giving away, the sender must then destroy the value; otherwise the receiver
// never sees the end of file.
class DescriptorSink {
 public:
  // `fd` must be valid. Returns its index.
  uint32_t Add(const Fd& fd) {
    descriptors_.push_back(&fd);
    return static_cast<uint32_t>(descriptors_.size() - 1);
  }
  const std::vector<const Fd*>& descriptors() const { return descriptors_; }

 private:
  std::vector<const Fd*> descriptors_;
};

// Owns the descriptors that arrived beside the bytes, and closes those that no decoded value took.
class DescriptorSource {
 public:
  DescriptorSource() = default;
  explicit DescriptorSource(std::vector<Fd> descriptors) : descriptors_(std::move(descriptors)) {}

  // Returns the descriptor and gives up its ownership. Returns nullopt if there is no such index or if it was taken
  // before.
  std::optional<Fd> Take(uint32_t index) {
    if (index >= descriptors_.size() || !descriptors_[index].valid()) return std::nullopt;
    return std::move(descriptors_[index]);
  }

 private:
  std::vector<Fd> descriptors_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_CODEC_DESCRIPTORS_H_
