#include "core/testing/call_trace.h"

#include <linux/futex.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"

namespace regatta {
namespace {

constexpr uint64_t kFutexWaitv = 449;

// Ends the program if `holds` is false, as the test can't go on.
void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "call trace: %s: %s\n", what, std::strerror(errno));
  std::abort();
}

void Resume(__ptrace_request how, pid_t thread, int signal) {
  // The thread may have been killed meanwhile. Then the next wait returns that.
  Require(ptrace(how, thread, nullptr, reinterpret_cast<void*>(static_cast<intptr_t>(signal))) == 0 || errno == ESRCH,
          "resuming a thread");
}

SeenCall::Kind KindOf(uint64_t number, uint64_t operation) {
  if (number == kFutexWaitv) return SeenCall::Kind::kSleep;
  if (number != SYS_futex) return SeenCall::Kind::kOther;
  switch (operation & FUTEX_CMD_MASK) {
    case FUTEX_WAIT:
    case FUTEX_WAIT_BITSET:
      return SeenCall::Kind::kSleep;
    case FUTEX_WAKE:
    case FUTEX_WAKE_BITSET:
      return SeenCall::Kind::kWake;
    default:
      return SeenCall::Kind::kOther;
  }
}

// Calls `seen` if the thread stands at the begin of a call.
void Look(pid_t thread, absl::FunctionRef<void(const SeenCall&)> seen) {
  __ptrace_syscall_info info{};
  const long got = ptrace(PTRACE_GET_SYSCALL_INFO, thread, sizeof(info), &info);
  if (got < 0 && errno == ESRCH) return;  // The thread was killed at this moment.
  Require(got > 0, "ptrace(PTRACE_GET_SYSCALL_INFO), which needs Linux 5.3");
  if (info.op != PTRACE_SYSCALL_INFO_ENTRY) return;
  seen({.thread = static_cast<int32_t>(thread),
        .kind = KindOf(info.entry.nr, info.entry.args[1]),
        .number = info.entry.nr});
}

}  // namespace

std::string NameOfCall(const SeenCall& call) {
  if (call.kind == SeenCall::Kind::kSleep) return "futex_wait";
  if (call.kind == SeenCall::Kind::kWake) return "futex_wake";
  switch (call.number) {
    case SYS_membarrier:
      return "membarrier";
    case SYS_sched_yield:
      return "sched_yield";
    case SYS_fallocate:
      return "fallocate";
    case SYS_madvise:
      return "madvise";
    case SYS_mmap:
      return "mmap";
    case SYS_munmap:
      return "munmap";
    case SYS_getpid:
      return "getpid";
    case SYS_read:
      return "read";
    case SYS_write:
      return "write";
    default:
      return absl::StrCat("call ", call.number);
  }
}

int TraceCalls(absl::FunctionRef<int()> body, absl::FunctionRef<void(const SeenCall&)> seen) {
  std::fflush(nullptr);
  const pid_t child = fork();
  Require(child >= 0, "fork");
  if (child == 0) {
    raise(SIGSTOP);
    const int code = body();
    std::fflush(nullptr);
    _exit(code);
  }
  siginfo_t about{};
  Require(waitid(P_PID, static_cast<id_t>(child), &about, WSTOPPED) == 0 && about.si_code == CLD_STOPPED, "waitid");
  constexpr uintptr_t kOptions = PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACECLONE | PTRACE_O_TRACEFORK |
                                 PTRACE_O_TRACEVFORK | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL;
  Require(ptrace(PTRACE_SEIZE, child, nullptr, reinterpret_cast<void*>(kOptions)) == 0, "ptrace(PTRACE_SEIZE)");
  Require(kill(child, SIGCONT) == 0, "kill");

  int code = 0;
  for (;;) {
    int status = 0;
    const pid_t thread = waitpid(-1, &status, __WALL);
    if (thread < 0 && errno == EINTR) continue;
    if (thread < 0 && errno == ECHILD) return code;
    Require(thread > 0, "waitpid");
    if (!WIFSTOPPED(status)) {
      if (thread == child) code = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
      continue;
    }
    const int signal = WSTOPSIG(status);
    if (signal == (SIGTRAP | 0x80)) {
      Look(thread, seen);
      Resume(PTRACE_SYSCALL, thread, 0);
    } else if (status >> 16 == PTRACE_EVENT_STOP && signal != SIGTRAP) {
      Resume(PTRACE_LISTEN, thread, 0);  // Job control has stopped it. It stays stopped until SIGCONT.
    } else {
      Resume(PTRACE_SYSCALL, thread, status >> 16 != 0 ? 0 : signal);
    }
  }
}

}  // namespace regatta
