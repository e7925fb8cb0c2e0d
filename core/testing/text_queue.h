// For tests: puts texts into a queue and gets them.
#ifndef REGATTA_CORE_TESTING_TEXT_QUEUE_H_
#define REGATTA_CORE_TESTING_TEXT_QUEUE_H_

#include <cstddef>
#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/ipc/byte_queue.h"
#include "core/os/deadline.h"

namespace regatta {

inline ByteQueue Make(int64_t capacity = 0) { return *ByteQueue::Create({.capacity = capacity}); }

inline absl::Status PutText(ByteQueue& queue, absl::string_view text, Deadline deadline = Deadline::Now()) {
  return queue.Put({reinterpret_cast<const std::byte*>(text.data()), text.size()}, deadline);
}

// Returns the item's text, or the name of the error's code.
inline std::string GetText(ByteQueue& queue, Deadline deadline = Deadline::Now()) {
  QueueItem item;
  const absl::Status got = queue.Get(&item, deadline);
  if (!got.ok()) return std::string(absl::StatusCodeToString(got.code()));
  return {reinterpret_cast<const char*>(item.bytes().data()), item.bytes().size()};
}

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_TEXT_QUEUE_H_
