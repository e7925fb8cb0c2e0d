// ResultsFile: results as JSON lines, as RESULTS.md describes them. Each line is flushed: what was measured is not
// lost.
#ifndef REGATTA_BENCH_HARNESS_RESULTS_FILE_H_
#define REGATTA_BENCH_HARNESS_RESULTS_FILE_H_

#include <cstdint>
#include <fstream>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/harness/arm.h"
#include "bench/harness/environment.h"
#include "bench/harness/run_result.h"

namespace regatta::bench {

inline constexpr int kResultsVersion = 1;

struct ResultsHeader {
  uint64_t seed = 0;
  int blocks = 0;
  int arm_ms = 0;
  std::vector<std::string> flags;
  Environment environment;
};

struct ArmRecord {
  int block = 0;
  int position = 0;
  absl::StatusOr<RunResult> result;
};

struct ResultsFooter {
  int arms_ok = 0;
  int arms_failed = 0;
  bool interrupted = false;
  double seconds = 0;
};

class ResultsFile {
 public:
  // Replaces `path`. An errno's code: it can't be written.
  static absl::StatusOr<ResultsFile> Create(const std::string& path);

  // ResourceExhausted or the errno's code: not written; the message names the file.
  absl::Status Write(const ResultsHeader& header, std::span<const Arm* const> arms);
  absl::Status Write(const ArmRecord& record, const Arm& arm);
  absl::Status Write(const ResultsFooter& footer);

 private:
  ResultsFile() = default;
  absl::Status WriteLine(const std::string& line);

  std::string path_;
  std::ofstream file_;
};

// The `arms` array alone, for --regatta_list.
std::string ArmsAsJson(std::span<const Arm* const> arms);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_RESULTS_FILE_H_
