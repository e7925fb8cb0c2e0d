// What a nursery and its owner say to each other. Both are the same program.
#ifndef REGATTA_CORE_PROCESS_NURSERY_FORMAT_H_
#define REGATTA_CORE_PROCESS_NURSERY_FORMAT_H_

#include <atomic>
#include <cstdint>

namespace regatta {

// Owner to nursery, with the child's end of its channel beside it.
struct NurseryRequest {
  uint64_t number = 0;  // Counts from 1.
};

// Nursery to owner, with the child's pidfd beside it if there is one.
struct NurseryReply {
  uint64_t number = 0;  // The request's. 0: the greeting, sent once when the nursery begins to serve.
  int32_t pid = 0;
  int32_t code = 0;  // absl::StatusCode of the failure, if pid is 0; then `text_bytes` bytes of message follow.
  uint32_t text_bytes = 0;
  uint32_t unused = 0;
};

// Memory that both see. The kernel itself writes `child` when it has made one, before anything else shows it: of a
// nursery killed at that moment the owner takes the child over. The owner sets it to 0 before each request.
struct NurseryPage {
  std::atomic<int32_t> child{0};
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_NURSERY_FORMAT_H_
