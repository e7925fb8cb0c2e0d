// The nursery's own side: a loop that makes siblings on request until its owner is gone.
#ifndef REGATTA_CORE_PROCESS_NURSERY_SERVER_H_
#define REGATTA_CORE_PROCESS_NURSERY_SERVER_H_

#include <cstdint>

#include "absl/status/statusor.h"
#include "core/os/fd.h"
#include "core/os/memfd.h"
#include "core/process/boot.h"

namespace regatta {

// What a process of a nursery serves with.
struct NurseryPost {
  Fd socket;
  Mapping page;  // NurseryPage
  Fd lifeline;   // The dependent's end.
};

// The post that `boot`, an order to serve, brought; `channel` is its socket. DataLoss: no page came with it.
absl::StatusOr<NurseryPost> TakePost(Fd channel, ReceivedBootOrder boot);

// Serves the process `owner_pid`, this process's parent. This process has a single thread, which blocks all signals.
// Its children have its memory and its descriptors, without those of the post.
[[noreturn]] void ServeAsNursery(NurseryPost post, int32_t owner_pid) noexcept;

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_NURSERY_SERVER_H_
