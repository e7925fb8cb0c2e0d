// The core's Process, as the benchmark of process creation uses it.
#ifndef REGATTA_BENCH_PEERS_CORE_PROCESS_H_
#define REGATTA_BENCH_PEERS_CORE_PROCESS_H_

#include "absl/status/status.h"
#include "core/process/start_method.h"

namespace regatta::bench {

// Makes a child that ends at once with `code`, and waits for it. DataLoss: it ended otherwise. Else Process's errors.
absl::Status StartAndJoin(StartMethod method, int code);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PEERS_CORE_PROCESS_H_
