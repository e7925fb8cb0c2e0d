// The descriptors that travel beside one message's bytes. In the bytes each is an index into that list.
//
// Transport  Whoever carries the bytes carries the list, in order: inherited by a fork, or over a socket.
// Threads    Thread-compatible; one list a message.
#ifndef REGATTA_CORE_CODEC_DESCRIPTORS_H_
#define REGATTA_CORE_CODEC_DESCRIPTORS_H_

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "core/os/fd.h"

namespace regatta {

// Collects what an encoding refers to. It borrows: the encoded value keeps its descriptors open until the transport has
// sent them, and must then be destroyed wherever sending means giving away, or the other side never sees end-of-file.
class DescriptorSink {
 public:
  // `fd` is valid. Returns its index.
  uint32_t Add(const Fd& fd) {
    descriptors_.push_back(&fd);
    return static_cast<uint32_t>(descriptors_.size() - 1);
  }
  const std::vector<const Fd*>& descriptors() const { return descriptors_; }

 private:
  std::vector<const Fd*> descriptors_;
};

// Owns what arrived beside the bytes, and closes what no decoded value took.
class DescriptorSource {
 public:
  DescriptorSource() = default;
  explicit DescriptorSource(std::vector<Fd> descriptors) : descriptors_(std::move(descriptors)) {}

  // Gives the descriptor away. None: there is no such index, or it was taken before.
  std::optional<Fd> Take(uint32_t index) {
    if (index >= descriptors_.size() || !descriptors_[index].valid()) return std::nullopt;
    return std::move(descriptors_[index]);
  }

 private:
  std::vector<Fd> descriptors_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_CODEC_DESCRIPTORS_H_
