// The kernel's ways to make a process, bare: what any library stands on.
#ifndef REGATTA_BENCH_PEERS_BARE_PROCESS_H_
#define REGATTA_BENCH_PEERS_BARE_PROCESS_H_

#include "absl/status/status.h"

namespace regatta::bench {

// Each makes a child that ends at once with `code`, and waits for it. DataLoss: it ended otherwise. Else the call's
// error.
absl::Status ForkAndJoin(int code);
absl::Status VforkAndJoin(int code);
// Runs true(1), which ends with 0.
absl::Status PosixSpawnAndJoin();

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PEERS_BARE_PROCESS_H_
