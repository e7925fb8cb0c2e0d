// The nursery's side: a loop that makes siblings on request until the owner is gone.
#ifndef REGATTA_CORE_PROCESS_NURSERY_SERVER_H_
#define REGATTA_CORE_PROCESS_NURSERY_SERVER_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "core/os/fd.h"
#include "core/os/memfd.h"
#include "core/process/boot.h"

namespace regatta {

// What a process of a nursery needs in order to serve.
struct NurseryPost {
  Fd socket;
  Mapping page;  // NurseryPage
  Fd lifeline;   // The dependent's end.
};

// Takes the post out of `boot`, an order to serve. `channel` is the socket. DataLoss: no page came with the order.
absl::StatusOr<NurseryPost> TakePost(Fd channel, ReceivedBootOrder boot);

// Serves the process `owner_pid`, which is the parent. This process must have one thread, which blocks all signals. Its
// children have its memory and its descriptors, without those of the post.
[[noreturn]] void ServeAsNursery(NurseryPost post, int32_t owner_pid) noexcept;

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_NURSERY_SERVER_H_
