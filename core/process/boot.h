// The order that a new process receives over its channel before it runs anything else: its identity, the function to
// call, and the arguments.
//
// Processes  The creator sends and the new process receives. A channel is a LocalSocketPair that only these two hold.
// Trust      Both run the same program, and no other process has the channel. Sizes are checked nevertheless.
// Crash      If the creator dies in the middle, the receiver gets an error and runs nothing, even if other processes
//            hold the channel.
#ifndef REGATTA_CORE_PROCESS_BOOT_H_
#define REGATTA_CORE_PROCESS_BOOT_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/codec/descriptors.h"
#include "core/os/fd.h"
#include "core/os/local_socket.h"
#include "core/process/function_id.h"

namespace regatta {

enum class BootPurpose : uint8_t { kCall = 0, kServe = 1 };  // Call a function, or be a nursery.

struct BootOrder {
  BootPurpose purpose = BootPurpose::kCall;
  bool daemon = false;
  int32_t creator_pid = 0;
  std::string name = {};
  std::string number = {};  // As in ChildIdentity.
  FunctionId function = {};
  uint64_t blocked_signals = 0;  // The SignalSet that is blocked when the function begins.
};

// The descriptors that travel beside the order. An empty list and a null pointer are not sent.
struct BootDescriptors {
  const Fd* family = nullptr;  // For a process that has just been exec'd.
  std::vector<Fd> standard;    // Three, which become descriptors 0-2.
  Fd directory;                // Becomes the working directory.
  Fd lifeline;                 // The dependent's end, for a daemonic process.
  std::vector<const Fd*> beside_arguments;
};

// kPeerGone: the receiver is gone, according to `peer`.
Transfer SendBootOrder(const Fd& channel, const BootOrder& order, std::span<const std::byte> arguments,
                       const BootDescriptors& descriptors, const Peer& peer);

struct ReceivedBootOrder {
  BootOrder order;
  std::vector<std::byte> arguments;
  Fd family;
  std::vector<Fd> standard;
  Fd directory;
  Fd lifeline;
  DescriptorSource beside_arguments;
};
// Blocks as long as the creator, which is this process's parent, lives. After an error, run nothing. OutOfRange or
// DataLoss: the creator gave up or died, or the bytes are no order.
absl::StatusOr<ReceivedBootOrder> ReceiveBootOrder(const Fd& channel, int32_t creator_pid);

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_BOOT_H_
