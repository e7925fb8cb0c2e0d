// What a driver and its stage say to each other: one request, any number of messages about partners, one answer.
#ifndef REGATTA_BENCH_HARNESS_STAGE_PROTOCOL_H_
#define REGATTA_BENCH_HARNESS_STAGE_PROTOCOL_H_

#include <cstdint>
#include <string>

#include "absl/status/status.h"
#include "bench/harness/batch.h"
#include "bench/harness/stage.h"

namespace regatta::bench {

struct StageRequest {
  enum class Kind : uint8_t { kStart, kRun, kFinish };
  Kind kind = Kind::kStart;
  std::string key;  // kStart
  RunOrder order;   // kRun
};

struct StageMessage {
  enum class Kind : uint8_t { kPartner, kPartnerFailed, kDone };
  Kind kind = Kind::kDone;
  int32_t pid = 0;      // kPartner
  std::string role;     // kPartner, kPartnerFailed
  absl::Status status;  // kPartnerFailed, kDone
  Batch batch;          // kDone of a kRun
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_STAGE_PROTOCOL_H_
