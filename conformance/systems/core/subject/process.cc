#include "conformance/systems/core/subject/process.h"

#include <fcntl.h>
#include <unistd.h>

#include "core/os/fd.h"
#include "core/process/this_process.h"
#include "core/topology/usable_cpus.h"

namespace regatta::subject {
namespace {

// While it exists, what is started has no stderr.
class Silence {
 public:
  Silence() : kept_(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3)) {
    const Fd nowhere(open("/dev/null", O_WRONLY | O_CLOEXEC));
    dup2(nowhere.get(), STDERR_FILENO);
  }
  ~Silence() { dup2(kept_.get(), STDERR_FILENO); }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  Fd kept_;
};

}  // namespace

StartOptions Process::Mangled(StartOptions options) {
  if (Injected(Fault::kProcessNameLost)) options.name.clear();
  if (Injected(Fault::kProcessNumbersStuck) && options.name.empty()) options.name = "Process-1";
  if (Injected(Fault::kProcessDaemonLost)) options.daemon = false;
  if (Injected(Fault::kProcessTied) && this_process::creator_pid() != 0) options.daemon = true;
  return options;
}

absl::Status Process::Start() {
  std::optional<Silence> silence;
  if (Injected(Fault::kProcessErrorSilent)) silence.emplace();
  if (Injected(Fault::kProcessRunsInline) && here_) here_();
  if (twin_ != nullptr) {
    if (absl::Status started = twin_->Start(); !started.ok()) return started;
  }
  absl::Status started = process_->Start();
  if (started.ok() && Injected(Fault::kProcessAbandoned)) {
    // Never destroyed: it is for the end.
    [[maybe_unused]] const auto* at_end = new ExitCallback([process = process_] { process->Kill().IgnoreError(); });
  }
  if (!started.ok() && Injected(Fault::kProcessGuardLost)) return absl::OkStatus();
  if (!started.ok() && Injected(Fault::kProcessDaemonMayStart) && this_process::daemon()) {
    if (fork() == 0) {
      here_();
      _exit(0);
    }
    return absl::OkStatus();
  }
  return started;
}

std::optional<int32_t> Process::pid() const {
  std::optional<int32_t> pid = process_->pid();
  if (Injected(Fault::kProcessPidEarly) && !pid.has_value()) return 0;
  if (Injected(Fault::kProcessPidOfCreator) && pid.has_value()) return getpid();
  return pid;
}

absl::StatusOr<ExitStatus> Process::Join(Deadline deadline) {
  if (Injected(Fault::kProcessJoinEarly)) return ExitStatus::Exited(0);
  if (Injected(Fault::kProcessEarlyTimeout) && !deadline.is_never()) deadline = Deadline::Now();
  if (twin_ != nullptr) {
    if (absl::StatusOr<ExitStatus> end = twin_->Join(deadline); !end.ok()) return end;
  }
  absl::StatusOr<ExitStatus> end = process_->Join(deadline);
  if (Injected(Fault::kProcessWrongStatus) && end.ok()) return ExitStatus::Exited(end->code().value_or(0) + 1);
  return end;
}

absl::Status Process::Terminate() {
  if (Injected(Fault::kProcessTerminateKills)) return process_->Kill();
  if (twin_ != nullptr) twin_->Terminate().IgnoreError();  // The fault's own.
  return process_->Terminate();
}

absl::Status Process::Kill() {
  if (twin_ != nullptr) twin_->Kill().IgnoreError();  // The fault's own.
  return process_->Kill();
}

int UsableCpus() {
  if (!Injected(Fault::kCpuCountAll)) return regatta::UsableCpus();
  return static_cast<int>(sysconf(_SC_NPROCESSORS_ONLN));
}

}  // namespace regatta::subject
