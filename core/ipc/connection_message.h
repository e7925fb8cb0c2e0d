// ConnectionMessage: the bytes of one message of a connection, and the descriptors that came beside them.
//
// Memory     Up to 256 B lie in the object, up to 64 KiB on the heap. More lie in a file of shared memory of their own,
//            which crosses to the receiver as it is; the kernel frees it when no process has it any more.
// Trust      The sender of a message that lies in a file may still change the bytes.
// Threads    As thread-safe as a vector.
#ifndef REGATTA_CORE_IPC_CONNECTION_MESSAGE_H_
#define REGATTA_CORE_IPC_CONNECTION_MESSAGE_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "core/os/fd.h"
#include "core/os/memfd.h"

namespace regatta {

class ConnectionMessage {
 public:
  ConnectionMessage() = default;
  ConnectionMessage(ConnectionMessage&& other) noexcept { *this = std::move(other); }
  ConnectionMessage& operator=(ConnectionMessage&& other) noexcept;

  absl::Span<const std::byte> bytes() const { return {data(), size_}; }
  // In the order in which they were sent.
  std::vector<Fd>& descriptors() { return descriptors_; }

  // Makes it a message of `size` bytes, which the caller writes into room(), without descriptors. InvalidArgument: over
  // 1 GiB. ResourceExhausted: no memory, descriptors or address space.
  absl::Status Resize(uint64_t size);
  absl::Span<std::byte> room() { return {const_cast<std::byte*>(data()), size_}; }

 private:
  friend class ConnectionEnd;
  static constexpr size_t kInline = 256;

  const std::byte* data() const {
    return mapping_.data() != nullptr ? mapping_.data() : heap_ != nullptr ? heap_.get() : inline_;
  }
  // Resize of a message that lies in a file whatever its size, which is not 0.
  absl::Status ResizeInFile(uint64_t size);
  // DataLoss: `file` is no file of shared memory with so many bytes.
  absl::Status TakeFile(Fd file, uint64_t size);

  uint64_t size_ = 0;
  std::unique_ptr<std::byte[]> heap_;
  Mapping mapping_;
  Fd file_;
  std::vector<Fd> descriptors_;
  alignas(16) std::byte inline_[kInline];
};

}  // namespace regatta

#endif  // REGATTA_CORE_IPC_CONNECTION_MESSAGE_H_
