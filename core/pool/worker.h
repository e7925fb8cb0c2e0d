// The worker's side of a pool: a process that claims tasks from the board, calls their functions and posts the results.
//
// Internal to the pool. A worker ends when the board says stop, and at its owner's death (it is daemonic).
#ifndef REGATTA_CORE_POOL_WORKER_H_
#define REGATTA_CORE_POOL_WORKER_H_

#include <cstdint>

#include "absl/status/status.h"
#include "core/os/fd.h"

namespace regatta {

// What a worker is started with; crosses as arguments do.
struct WorkerStart {
  uint32_t index = 0;
  uint32_t workers = 0;  // Of the pool.
  Fd board;
  Fd socket;  // To ask the owner for a task's descriptors.
};

// A worker's life.
absl::Status RunWorker(WorkerStart start);

// What a worker sends over its socket to be given a task's descriptors; the answer is a DescriptorsAnswer with the
// descriptors beside it.
struct DescriptorsRequest {
  uint32_t slot;
  uint32_t serial;
};
struct DescriptorsAnswer {
  uint32_t serial = 0;  // The request's.
  uint32_t code = 0;    // absl::StatusCode. Not OK: the owner could not copy them.
  uint32_t count = 0;
};

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_WORKER_H_
