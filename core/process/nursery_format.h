// The messages between a nursery and its owner. Both run the same program.
#ifndef REGATTA_CORE_PROCESS_NURSERY_FORMAT_H_
#define REGATTA_CORE_PROCESS_NURSERY_FORMAT_H_

#include <atomic>
#include <cstdint>

namespace regatta {

// From the owner to the nursery. The child's end of its channel travels beside it.
struct NurseryRequest {
  uint64_t number = 0;  // Counts from 1.
};

// From the nursery to the owner. The child's pidfd travels beside it, if there is one.
struct NurseryReply {
  uint64_t number = 0;  // The request's number. 0: the greeting, sent once when the nursery begins to serve.
  int32_t pid = 0;
  int32_t code = 0;  // absl::StatusCode of the failure, if pid is 0; then `text_bytes` bytes of message follow.
  uint32_t text_bytes = 0;
  uint32_t unused = 0;
};

// Memory that both see. When the kernel has made a child, it writes `child` before anything else shows the child. If
// the nursery is killed at that moment, the owner takes the child over. The owner sets `child` to 0 before each
// request.
struct NurseryPage {
  std::atomic<int32_t> child{0};
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_NURSERY_FORMAT_H_
