#include "bench/peers/core_process.h"

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/process/process.h"

namespace regatta::bench {

absl::Status StartAndJoin(StartMethod method, int code) {
  absl::StatusOr<Process> process = Process::Start(
      {.method = method}, [](int result) { return result; }, code);
  if (!process.ok()) return process.status();
  const absl::StatusOr<ExitStatus> ended = process->Join();
  if (!ended.ok()) return ended.status();
  if (*ended == ExitStatus::Exited(code)) return absl::OkStatus();
  return absl::DataLossError(absl::StrCat("the child ended with ", ended->ToString(), " instead of exit code ", code));
}

}  // namespace regatta::bench
