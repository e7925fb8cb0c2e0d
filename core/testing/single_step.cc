#include "core/testing/single_step.h"

#include <sched.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <random>

#include "core/os/proc.h"

namespace regatta {
namespace {

constexpr int kLooksBeforeProc = 200;       // Unless the victim sleeps, a step ends within a few tries.
constexpr uint64_t kMostWork = 20'000'000;  // The most steps for one operation in total, which take some minutes.

// Ends the program if `holds` is false, as the test can't go on.
void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "single step: %s: %s\n", what, std::strerror(errno));
  std::abort();
}

// Sends SIGSTOP to this thread without the instructions of raise().
void StopThisThread() {
  static_assert(sizeof(pid_t) == sizeof(int));
  syscall(SYS_tgkill, getpid(), gettid(), SIGSTOP);
}

void Resume(__ptrace_request how, int32_t pid) {
  // The victim may have been killed meanwhile. Then the next wait returns that.
  Require(ptrace(how, pid, nullptr, nullptr) == 0 || errno == ESRCH, "resuming the victim");
}

}  // namespace

void BeginSteps() {
  Require(ptrace(PTRACE_TRACEME, 0, nullptr, nullptr) == 0, "ptrace(PTRACE_TRACEME)");
  StopThisThread();
}

void EndSteps() { StopThisThread(); }

SteppedProcess::At SteppedProcess::WaitForStop(bool may_sleep) {
  for (int looks = 1;; ++looks) {
    siginfo_t about{};
    // Waits for stops only. The owner of the child reaps it.
    const int outcome = waitid(P_PID, static_cast<id_t>(pid_), &about, WSTOPPED | WNOHANG | __WALL);
    if (outcome != 0) {
      Require(errno == EINTR || errno == ECHILD, "waitid");
      if (errno == ECHILD) return At::kGone;
    } else if (about.si_pid == pid_) {
      under_way_ = false;
      if (about.si_status == SIGTRAP) return At::kStep;
      Require(about.si_status == SIGSTOP, "the victim was stopped by another signal");
      return At::kEnd;
    }
    sched_yield();
    if (looks % kLooksBeforeProc != 0) continue;
    const absl::StatusOr<char> letter = ProcessStateLetter(pid_);
    if (!letter.ok() || *letter == 'Z' || *letter == 'X') return At::kGone;
    if (may_sleep && *letter == 'S') return At::kAsleep;
  }
}

SteppedProcess::At SteppedProcess::Begin() {
  const At at = WaitForStop(/*may_sleep=*/false);
  if (at == At::kGone) return at;
  Require(at == At::kEnd, "the victim did not stop at BeginSteps");
  Require(ptrace(PTRACE_SETOPTIONS, pid_, nullptr, reinterpret_cast<void*>(PTRACE_O_EXITKILL)) == 0,
          "ptrace(PTRACE_SETOPTIONS)");
  return At::kStep;
}

SteppedProcess::At SteppedProcess::Advance(uint64_t count, bool by_calls) {
  for (uint64_t i = 0; i < count; ++i) {
    if (!under_way_) {
      Resume(by_calls ? PTRACE_SYSCALL : PTRACE_SINGLESTEP, pid_);
      under_way_ = true;
      ++steps_;
    }
    if (const At at = WaitForStop(/*may_sleep=*/true); at != At::kStep) return at;
  }
  return At::kStep;
}

SteppedProcess::At SteppedProcess::RunToEnd() {
  if (!under_way_) Resume(PTRACE_CONT, pid_);
  for (;;) {
    const At at = WaitForStop(/*may_sleep=*/false);
    if (at != At::kStep) return at;
    Resume(PTRACE_CONT, pid_);
  }
}

void SteppedProcess::Detach() { Resume(PTRACE_DETACH, pid_); }

void SteppedProcess::Kill() const { Require(kill(pid_, SIGKILL) == 0, "kill"); }

SteppedChild::SteppedChild(absl::FunctionRef<int()> body) {
  std::fflush(nullptr);
  const pid_t pid = fork();
  Require(pid >= 0, "fork");
  if (pid == 0) {
    const int code = body();
    std::fflush(nullptr);
    _exit(code);
  }
  process_ = std::make_unique<SteppedProcess>(pid);
  Require(process_->Begin() == At::kStep, "the victim never came to BeginSteps");
}

SteppedChild::~SteppedChild() {
  if (!reaped_) Kill();
}

void SteppedChild::Kill() {
  process_->Kill();
  Require(waitpid(pid(), nullptr, __WALL) == pid(), "waitpid");
  reaped_ = true;
}

int SteppedChild::Finish() {
  process_->Detach();
  int status = 0;
  Require(waitpid(pid(), &status, __WALL) == pid(), "waitpid");
  reaped_ = true;
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

SteppedHere::SteppedHere() : before_(sizeof(cpu_set_t)) {
  auto* before = reinterpret_cast<cpu_set_t*>(before_.data());
  Require(sched_getaffinity(0, sizeof(cpu_set_t), before) == 0, "sched_getaffinity");
  cpu_set_t here;
  CPU_ZERO(&here);
  CPU_SET(sched_getcpu(), &here);
  Require(sched_setaffinity(0, sizeof(here), &here) == 0, "sched_setaffinity");
}

SteppedHere::~SteppedHere() {
  sched_setaffinity(0, sizeof(cpu_set_t), reinterpret_cast<const cpu_set_t*>(before_.data()));
}

StepPlan PlanSteps(uint64_t steps, uint64_t most, uint32_t seed) {
  // To kill after each of `steps` instructions takes steps * steps / 2 steps.
  if (std::getenv("REGATTA_EVERY_STEP") != nullptr) most = std::max<uint64_t>(most, kMostWork / (steps / 2 + 1));
  if (steps <= most) return {};
  StepPlan plan;
  plan.stride = (steps + most - 1) / most;
  plan.first = std::mt19937(seed)() % plan.stride;
  return plan;
}

void KillAtEachStep(const char* operation, uint64_t most, absl::FunctionRef<uint64_t(uint64_t)> run) {
  const uint32_t seed = std::random_device()();
  const uint64_t steps = run(std::numeric_limits<uint64_t>::max());
  const StepPlan plan = PlanSteps(steps, most, seed);
  uint64_t kills = 0;
  for (uint64_t n = plan.first; n < steps; n += plan.stride, ++kills) run(n);
  std::printf("%s: %llu steps, killed after %llu of them (every %llu, seed %u)\n", operation,
              static_cast<unsigned long long>(steps), static_cast<unsigned long long>(kills),
              static_cast<unsigned long long>(plan.stride), seed);
}

}  // namespace regatta
