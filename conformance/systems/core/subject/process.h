// The core's Process, as the scenarios see it: the same calls, and the place of the seeded faults.
#ifndef REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_PROCESS_H_
#define REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_PROCESS_H_

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "conformance/systems/core/subject/fault.h"
#include "core/os/deadline.h"
#include "core/process/exit_status.h"
#include "core/process/process.h"

namespace regatta::subject {

class Process {
 public:
  explicit Process(StartOptions options = {}) : process_(std::move(options)) {}
  template <class F, class... Args>
  Process(StartOptions options, F function, Args... arguments) : process_(Make(options, function, arguments...)) {
    if (Injected(Fault::kProcessRunsTwice)) twin_.emplace(Make(options, function, arguments...));
    if (Injected(Fault::kProcessRunsInline)) {
      process_ = regatta::Process(options, [] {});
      inline_ = [=] { function(arguments...); };
    }
  }
  template <class F, class... Args>
  static absl::StatusOr<Process> Start(StartOptions options, F function, Args... arguments) {
    Process process(std::move(options), function, std::move(arguments)...);
    if (absl::Status started = process.Start(); !started.ok()) return started;
    return process;
  }

  absl::Status Start() {
    if (inline_) inline_();
    if (twin_.has_value()) {
      if (absl::Status started = twin_->Start(); !started.ok()) return started;
    }
    return process_.Start();
  }

  const std::string& name() const { return process_.name(); }
  std::optional<int32_t> pid() const { return process_.pid(); }
  bool daemon() const { return process_.daemon(); }
  absl::Status SetDaemon(bool daemon) { return process_.SetDaemon(daemon); }
  bool IsAlive() { return process_.IsAlive(); }
  std::optional<ExitStatus> exit_status() { return process_.exit_status(); }

  absl::StatusOr<ExitStatus> Join(Deadline deadline = Deadline::Never()) {
    if (Injected(Fault::kProcessJoinEarly)) return ExitStatus::Exited(0);
    if (twin_.has_value()) {
      if (absl::StatusOr<ExitStatus> end = twin_->Join(deadline); !end.ok()) return end;
    }
    absl::StatusOr<ExitStatus> end = process_.Join(deadline);
    if (Injected(Fault::kProcessWrongStatus) && end.ok()) return ExitStatus::Exited(end->code().value_or(0) + 1);
    return end;
  }
  absl::Status Terminate() { return Injected(Fault::kProcessTerminateKills) ? process_.Kill() : process_.Terminate(); }
  absl::Status Kill() { return process_.Kill(); }
  absl::Status Close() { return process_.Close(); }

 private:
  template <class F, class... Args>
  static regatta::Process Make(const StartOptions& options, F function, const Args&... arguments) {
    if (Injected(Fault::kProcessNeverRuns)) return regatta::Process(options, [] {});
    if (Injected(Fault::kProcessArgumentsTorn)) return regatta::Process(options, function, Torn(arguments)...);
    return regatta::Process(options, function, arguments...);
  }

  regatta::Process process_;
  std::optional<regatta::Process> twin_;
  std::function<void()> inline_;
};

}  // namespace regatta::subject

#endif  // REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_PROCESS_H_
