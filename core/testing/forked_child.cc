#include "core/testing/forked_child.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>

#include "core/os/deadline.h"

namespace regatta {
namespace {

// Ends the program if `holds` is false, as the test can't go on.
void Require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "%s: %s\n", what, std::strerror(errno));
  std::abort();
}

}  // namespace

ForkedChild::ForkedChild(absl::FunctionRef<int()> body, ForkCall call) {
  std::fflush(nullptr);
  switch (call) {
    case ForkCall::kFork:
      pid_ = fork();
      break;
    case ForkCall::kUnderscoreFork:
      pid_ = _Fork();
      break;
    case ForkCall::kClone:
      pid_ = static_cast<int32_t>(syscall(SYS_clone, SIGCHLD, nullptr, nullptr, nullptr, nullptr));
      break;
  }
  Require(pid_ >= 0, "fork");
  if (pid_ == 0) {
    const int code = body();
    std::fflush(nullptr);
    _exit(code);
  }
  pidfd_ = static_cast<int>(syscall(SYS_pidfd_open, pid_, 0));
  Require(pidfd_ >= 0, "pidfd_open");
}

ForkedChild::ForkedChild(ForkedChild&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::exchange(other.pidfd_, -1)) {}

ForkedChild& ForkedChild::operator=(ForkedChild&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(pidfd_, other.pidfd_);
  return *this;
}

ForkedChild::~ForkedChild() {
  if (pid_ > 0) {
    Kill();
    waitpid(pid_, nullptr, 0);
  }
  if (pidfd_ >= 0) close(pidfd_);
}

int ForkedChild::Wait(absl::Duration watchdog) {
  const Deadline deadline = Deadline::After(watchdog);
  pollfd ended{pidfd_, POLLIN, 0};
  int ready;
  do {
    ready = poll(&ended, 1, deadline.remaining_poll_millis());
  } while (ready < 0 && errno == EINTR);
  if (ready == 0) {
    std::fprintf(stderr, "the forked child %d has not ended within %s, and is killed\n", pid_,
                 absl::FormatDuration(watchdog).c_str());
    Kill();
  }
  int status = 0;
  Require(waitpid(std::exchange(pid_, -1), &status, 0) > 0, "waitpid");
  if (ready == 0) return kHung;
  return WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
}

bool ForkedChild::HasEnded() const {
  pollfd ended{pidfd_, POLLIN, 0};
  return poll(&ended, 1, 0) == 1;
}

void ForkedChild::Kill() const { kill(pid_, SIGKILL); }

void ForkedChild::Stop() const {
  kill(pid_, SIGSTOP);
  AwaitStop();
}

void ForkedChild::AwaitStop() const {
  siginfo_t about;
  Require(waitid(P_PID, static_cast<id_t>(pid_), &about, WSTOPPED | WEXITED | WNOWAIT) == 0, "waitid");
}

void ForkedChild::Continue() const { kill(pid_, SIGCONT); }

bool IsAsleep(int32_t thread_id) {
  char path[64];
  std::snprintf(path, sizeof(path), "/proc/%d/stat", thread_id);
  std::FILE* file = std::fopen(path, "re");
  if (file == nullptr) return false;
  char text[512] = {};
  const size_t got = std::fread(text, 1, sizeof(text) - 1, file);
  std::fclose(file);
  const char* name_end = got > 0 ? std::strrchr(text, ')') : nullptr;
  return name_end != nullptr && name_end[2] == 'S';
}

int32_t ThisThreadId() { return static_cast<int32_t>(gettid()); }

bool Eventually(const std::function<bool()>& condition, absl::Duration watchdog) {
  const Deadline deadline = Deadline::After(watchdog);
  while (!condition()) {
    if (deadline.passed()) return false;
    sched_yield();
  }
  return true;
}

bool FallsAsleep(const ForkedChild& child) {
  return Eventually([&] { return child.HasEnded() || IsAsleep(child.pid()); }) && !child.HasEnded();
}

CpuUse CpuUseOfThisThread() {
  rusage usage;
  Require(getrusage(RUSAGE_THREAD, &usage) == 0, "getrusage");
  return {absl::DurationFromTimeval(usage.ru_utime) + absl::DurationFromTimeval(usage.ru_stime), usage.ru_nvcsw,
          usage.ru_minflt};
}

void LimitDescriptors(uint64_t count) {
  const rlimit limit{count, count};
  Require(setrlimit(RLIMIT_NOFILE, &limit) == 0, "setrlimit(RLIMIT_NOFILE)");
}

void LimitMoreAddressSpace(uint64_t bytes) {
  std::FILE* file = std::fopen("/proc/self/statm", "re");
  Require(file != nullptr, "/proc/self/statm");
  unsigned long pages = 0;
  Require(std::fscanf(file, "%lu", &pages) == 1, "/proc/self/statm");
  std::fclose(file);
  const uint64_t total = pages * static_cast<uint64_t>(sysconf(_SC_PAGESIZE)) + bytes;
  const rlimit limit{total, total};
  Require(setrlimit(RLIMIT_AS, &limit) == 0, "setrlimit(RLIMIT_AS)");
}

void RefuseSystemCall(long number, int error_number) {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<uint32_t>(number), 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | static_cast<uint32_t>(error_number)),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program{sizeof(filter) / sizeof(filter[0]), filter};
  Require(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "prctl(PR_SET_NO_NEW_PRIVS)");
  Require(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0, "prctl(PR_SET_SECCOMP)");
}

void RefuseMembarrier() { RefuseSystemCall(SYS_membarrier, EPERM); }

void InterruptOften(absl::Duration period) {
  struct sigaction action {};
  action.sa_handler = [](int) {};
  Require(sigaction(SIGALRM, &action, nullptr) == 0, "sigaction(SIGALRM)");
  const timeval every = absl::ToTimeval(period);
  const itimerval timer{every, every};
  Require(setitimer(ITIMER_REAL, &timer, nullptr) == 0, "setitimer");
}

void RefuseMemory() { RefuseSystemCall(SYS_fallocate, ENOSPC); }

void RefuseNewProcesses() {
  RefuseClone3();
  RefuseSystemCall(SYS_clone, EAGAIN);
#ifdef SYS_vfork
  RefuseSystemCall(SYS_vfork, EAGAIN);
#endif
}

void RefuseClone3() { RefuseSystemCall(SYS_clone3, EAGAIN); }

void RefuseSignals() { RefuseSystemCall(SYS_pidfd_send_signal, EPERM); }

bool CanChangeUser() {
  ForkedChild child([] { return setuid(65534) == 0 ? 0 : 1; });
  return child.Wait() == 0;
}

void* MapSharedBytes(size_t bytes) {
  void* at = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  Require(at != MAP_FAILED, "mmap");
  return at;
}

void UnmapSharedBytes(void* at, size_t bytes) { munmap(at, bytes); }

}  // namespace regatta
