// ErrorText: a status for people: its code and its message, without the payloads meant for programs.
#ifndef REGATTA_BENCH_HARNESS_ERROR_TEXT_H_
#define REGATTA_BENCH_HARNESS_ERROR_TEXT_H_

#include <string>

#include "absl/status/status.h"

namespace regatta::bench {

inline std::string ErrorText(const absl::Status& status) {
  return status.ToString(absl::StatusToStringMode::kWithNoExtraData);
}

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_ERROR_TEXT_H_
