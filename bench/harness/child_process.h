// Child processes of the harness and of the peers: their pipes, and how they ended.
#ifndef REGATTA_BENCH_HARNESS_CHILD_PROCESS_H_
#define REGATTA_BENCH_HARNESS_CHILD_PROCESS_H_

#include "absl/status/statusor.h"
#include "core/os/error.h"
#include "core/os/fd.h"

namespace regatta::bench {

struct PipeEnds {
  Fd read;
  Fd write;
};
// A pipe whose ends are closed on exec. An errno's code: no descriptors are left.
absl::StatusOr<PipeEnds> MakePipe();

// Blocks until the child `pid` has ended, and reaps it. An errno's code: it is not a child of this process.
absl::StatusOr<Death> Reap(int pid);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_CHILD_PROCESS_H_
