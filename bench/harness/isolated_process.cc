#include "bench/harness/isolated_process.h"

#include <poll.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "bench/harness/child_process.h"
#include "bench/harness/isolated_process_protocol.h"
#include "bench/harness/wire.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "tools/program/interrupts.h"

extern char** environ;

namespace regatta::bench {
namespace {

// After a partner's death or failure the isolated process usually notices it too, and its error is more precise.
constexpr absl::Duration kGrace = absl::Seconds(2);

// How process `pid`, dead and not yet reaped by its parent, died.
std::string HowDied(int pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  const std::string stat((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  // The last field is the wait status.
  const std::vector<absl::string_view> fields = absl::StrSplit(stat, absl::ByAnyChar(" \n"), absl::SkipEmpty());
  int status = 0;
  if (fields.empty() || !absl::SimpleAtoi(fields.back(), &status)) return "died";
  if (WIFSIGNALED(status)) return absl::StrCat("was killed by ", SignalName(WTERMSIG(status)));
  return absl::StrCat("ended with code ", WEXITSTATUS(status));
}

}  // namespace

absl::StatusOr<std::unique_ptr<IsolatedProcess>> IsolatedProcess::Start(const Arm& arm,
                                                                        const IsolationOptions& options) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) return ErrnoError("socketpair");
  std::unique_ptr<IsolatedProcess> isolated(new IsolatedProcess);
  isolated->timeout_ = options.timeout;
  isolated->socket_ = Fd(ends[0]);
  const Fd theirs(ends[1]);

  std::vector<std::string> arguments = {"regatta-isolated", std::string(kIsolatedProcessArgument)};
  arguments.insert(arguments.end(), options.arguments.begin(), options.arguments.end());
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  // What an arm prints must not get between the results.
  posix_spawn_file_actions_adddup2(&actions, STDERR_FILENO, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, theirs.get(), kIsolatedProcessFd);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP);  // To be killed as one.
  pid_t pid = -1;
  const int error = posix_spawn(&pid, "/proc/self/exe", &actions, &attributes, argv.data(), environ);
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (error != 0) return ErrnoError("posix_spawn /proc/self/exe", error);
  isolated->pid_ = pid;

  absl::Status sent =
      SendFrame(isolated->socket_,
                IsolatedRequest{.kind = IsolatedRequest::Kind::kStart, .key = arm.key.ToString(), .order = {}});
  if (!sent.ok()) return isolated->Gone();
  if (absl::StatusOr<RunResult> started = isolated->Await("setting up", false); !started.ok()) return started.status();
  return isolated;
}

IsolatedProcess::~IsolatedProcess() { Kill(); }

void IsolatedProcess::Kill() {
  if (pid_ < 0) return;
  kill(-pid_, SIGKILL);
  Reap(std::exchange(pid_, -1)).IgnoreError();  // The caller doesn't need to know how it ended.
}

// The isolated process closed its end. Returns how it ended.
absl::Status IsolatedProcess::Gone() {
  const int pid = std::exchange(pid_, -1);
  const absl::StatusOr<Death> reaped = Reap(pid);
  kill(-pid, SIGKILL);  // What it left behind in its group.
  if (!reaped.ok()) return reaped.status();
  const Death& death = *reaped;
  if (death.signal != 0) return DeathError("the measuring process", death);
  return absl::AbortedError(
      absl::StrCat("the measuring process (pid ", death.pid, ") ended with code ", death.exit_code));
}

absl::StatusOr<RunResult> IsolatedProcess::Await(absl::string_view doing, bool partners_may_end) {
  const Deadline deadline = Deadline::After(timeout_);
  Deadline grace = Deadline::Never();
  absl::Status bad;  // What happened to a partner; the isolated process's own error replaces it.
  for (;;) {
    if (Interrupts::Count() > 0) {
      Kill();
      return absl::CancelledError("interrupted");
    }
    std::vector<pollfd> watched = {{.fd = socket_.get(), .events = POLLIN, .revents = 0}};
    if (bad.ok() && !partners_may_end) {
      for (const Watched& partner : partners_) {
        watched.push_back({.fd = partner.pidfd.get(), .events = POLLIN, .revents = 0});
      }
    }
    const Deadline until = Deadline::Earlier(deadline, grace);
    const int ready = poll(watched.data(), watched.size(), until.remaining_poll_millis());
    if (ready < 0 && errno == EINTR) continue;
    if (ready < 0) return ErrnoError("poll");
    if (watched[0].revents != 0) {
      absl::StatusOr<IsolatedMessage> message = ReceiveFrame<IsolatedMessage>(socket_);
      if (!message.ok()) return Gone();
      if (message->kind == IsolatedMessage::Kind::kDone) {
        if (!message->status.ok()) return message->status;
        return std::move(message->result);
      }
      if (message->kind == IsolatedMessage::Kind::kPartnerFailed) {
        if (bad.ok()) {
          bad = absl::Status(message->status.code(), absl::StrCat(message->role, ": ", message->status.message()));
          grace = Deadline::After(kGrace);
        }
        continue;
      }
      const int pidfd = static_cast<int>(syscall(SYS_pidfd_open, message->pid, 0));
      // The partner has already ended: the isolated process reports that.
      if (pidfd >= 0) partners_.push_back({message->role, message->pid, Fd(pidfd)});
      continue;
    }
    for (size_t i = 1; i < watched.size() && bad.ok(); ++i) {
      if (watched[i].revents == 0) continue;
      const Watched& partner = partners_[i - 1];
      bad = absl::AbortedError(
          absl::StrCat(partner.role, " (pid ", partner.pid, ") ", HowDied(partner.pid), " while ", doing));
      grace = Deadline::After(kGrace);
    }
    if (!until.passed()) continue;
    Kill();
    if (!bad.ok()) return bad;
    return absl::DeadlineExceededError(absl::StrCat("no answer within ", absl::FormatDuration(timeout_), " while ",
                                                    doing, " (--arm_timeout_s sets how long to wait)"));
  }
}

absl::StatusOr<RunResult> IsolatedProcess::Run(const RunRequest& order) {
  const IsolatedRequest request{.kind = IsolatedRequest::Kind::kRun, .key = "", .order = order};
  if (!SendFrame(socket_, request).ok()) return Gone();
  return Await("running", false);
}

absl::Status IsolatedProcess::Finish() {
  const IsolatedRequest request{.kind = IsolatedRequest::Kind::kFinish, .key = "", .order = {}};
  if (!SendFrame(socket_, request).ok()) return Gone();
  return Await("finishing", true).status();
}

}  // namespace regatta::bench
