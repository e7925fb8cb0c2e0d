// ResultsFile: results as JSON lines, as RESULTS.md describes them. Each line is flushed: what was measured is not
// lost.
#ifndef REGATTA_BENCH_HARNESS_RESULTS_FILE_H_
#define REGATTA_BENCH_HARNESS_RESULTS_FILE_H_

#include <fstream>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/harness/arm.h"
#include "bench/harness/run_result.h"
#include "bench/results/record.h"

namespace regatta::bench {

// What `arm` left in a block, to be written: with its key, its quantiles, and its histogram rounded.
Record MakeRecord(const Arm& arm, int block, int position, const absl::StatusOr<RunResult>& result);

class ResultsFile {
 public:
  // Replaces `path`. An errno's code: it can't be written.
  static absl::StatusOr<ResultsFile> Create(const std::string& path);

  // ResourceExhausted or the errno's code: not written; the message names the file.
  // The header gets a fresh id, the time, and `arms`; the footer the time.
  absl::Status Write(Header header, std::span<const Arm* const> arms);
  absl::Status Write(const Record& record);
  absl::Status Write(Footer footer);

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
