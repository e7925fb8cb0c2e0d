// The messages between a driver and its isolated process: one request, any number of messages about partners, one
// answer.
#ifndef REGATTA_BENCH_HARNESS_ISOLATED_PROCESS_PROTOCOL_H_
#define REGATTA_BENCH_HARNESS_ISOLATED_PROCESS_PROTOCOL_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "bench/harness/isolated_process.h"
#include "bench/harness/run_result.h"

namespace regatta::bench {

struct IsolatedRequest {
  enum class Kind : uint8_t { kStart, kRun, kFinish };
  Kind kind = Kind::kStart;
  std::string key;   // kStart
  RunRequest order;  // kRun
};

struct IsolatedMessage {
  enum class Kind : uint8_t { kPartner, kPartnerFailed, kDone };
  Kind kind = Kind::kDone;
  int32_t pid = 0;      // kPartner
  std::string role;     // kPartner, kPartnerFailed
  absl::Status status;  // kPartnerFailed, kDone
  RunResult result;     // kDone of a kRun
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_ISOLATED_PROCESS_PROTOCOL_H_
