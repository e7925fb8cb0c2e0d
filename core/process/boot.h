// What a new process is told over its channel before it runs anything: who it is, and what to call with which
// arguments.
//
// Processes  The creator sends, the new process receives. A channel is a LocalSocketPair that only the two hold.
// Trust      Both are the same program, and nobody else has the channel; sizes are checked nevertheless.
// Crash      A creator that dies in the middle: the receiver gets an error and runs nothing, though others hold the
//            channel.
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
  std::string number = {};  // As ChildIdentity's.
  FunctionId function = {};
  uint64_t blocked_signals = 0;  // SignalSet, for the function to begin with.
};

// What travels beside the order. An empty list, or a null pointer: not sent.
struct BootDescriptors {
  const Fd* family = nullptr;  // For one that has just been exec'd.
  std::vector<Fd> standard;    // Three, to become 0-2.
  Fd directory;                // To become the working directory.
  Fd lifeline;                 // The dependent's end, for a daemonic one.
  std::vector<const Fd*> beside_arguments;
};

// kPeerGone: the receiver is gone, as `peer` knows it.
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
// Waits as long as the creator, this process's parent, lives. Any error means: run nothing. OutOfRange or DataLoss: the
// creator gave up or died, or this is no order.
absl::StatusOr<ReceivedBootOrder> ReceiveBootOrder(const Fd& channel, int32_t creator_pid);

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_BOOT_H_
