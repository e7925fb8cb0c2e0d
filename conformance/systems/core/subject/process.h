// The core's Process, as the scenarios see it: the same calls, and the place of the seeded faults.
#ifndef REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_PROCESS_H_
#define REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_PROCESS_H_

#include <cstdint>
#include <functional>
#include <memory>
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
  explicit Process(StartOptions options = {})
      : process_(std::make_shared<regatta::Process>(Mangled(std::move(options)))) {}
  template <class F, class... Args>
  Process(StartOptions options, F function, Args... arguments)
      : process_(Make(Mangled(options), function, arguments...)), here_([=] { function(arguments...); }) {
    if (Injected(Fault::kProcessRunsTwice)) twin_ = Make(options, function, arguments...);
    if (Injected(Fault::kProcessRunsInline)) process_ = Make(options, [] {});
  }
  template <class F, class... Args>
  static absl::StatusOr<Process> Start(StartOptions options, F function, Args... arguments) {
    Process process(std::move(options), function, std::move(arguments)...);
    if (absl::Status started = process.Start(); !started.ok()) return started;
    return process;
  }

  absl::Status Start();

  const std::string& name() const { return process_->name(); }
  std::optional<int32_t> pid() const;
  bool daemon() const { return process_->daemon(); }
  absl::Status SetDaemon(bool daemon) {
    absl::Status set = process_->SetDaemon(daemon);
    return Injected(Fault::kProcessDaemonChangeable) ? absl::OkStatus() : set;
  }
  bool IsAlive() { return Injected(Fault::kProcessAliveLies) || process_->IsAlive(); }
  std::optional<ExitStatus> exit_status() { return process_->exit_status(); }

  absl::StatusOr<ExitStatus> Join(Deadline deadline = Deadline::Never());
  absl::Status Terminate();
  absl::Status Kill();
  absl::Status Close() { return process_->Close(); }

 private:
  static StartOptions Mangled(StartOptions options);
  template <class F, class... Args>
  static std::shared_ptr<regatta::Process> Make(const StartOptions& options, F function, const Args&... arguments) {
    if (Injected(Fault::kProcessNeverRuns)) return std::make_shared<regatta::Process>(options, [] {});
    if (Injected(Fault::kProcessArgumentsTorn)) {
      return std::make_shared<regatta::Process>(options, function, Torn(arguments)...);
    }
    return std::make_shared<regatta::Process>(options, function, arguments...);
  }

  std::shared_ptr<regatta::Process> process_;
  std::shared_ptr<regatta::Process> twin_;  // For kProcessRunsTwice.
  std::function<void()> here_;              // The function, for faults that call it in this process.
};

// UsableCpus of core/topology.
int UsableCpus();

}  // namespace regatta::subject

#endif  // REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_PROCESS_H_
