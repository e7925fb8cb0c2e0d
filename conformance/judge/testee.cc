#include "conformance/judge/testee.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/cleanup/cleanup.h"
#include "absl/strings/str_cat.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/os/fd.h"

namespace regatta::conformance {
namespace {

namespace fs = std::filesystem;

constexpr int kNoProgram = 127;
constexpr char kSharedMemory[] = "/dev/shm";

bool private_shared_memory = false;

std::string Slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
}

std::vector<std::string> NamesIn(const fs::path& folder) {
  std::vector<std::string> names;
  std::error_code error;
  for (const fs::directory_entry& entry : fs::directory_iterator(folder, error)) {
    names.push_back(entry.path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

bool WriteWhole(const char* path, const std::string& text) {
  const Fd file(open(path, O_WRONLY | O_CLOEXEC));
  return file.valid() && write(file.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
}

// A mount namespace for this process and its children; as somebody without rights: inside a user namespace.
bool EnterOwnMounts() {
  if (unshare(CLONE_NEWNS) == 0) return true;
  const std::string user = absl::StrCat(getuid(), " ", getuid(), " 1");
  const std::string group = absl::StrCat(getgid(), " ", getgid(), " 1");
  if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0) return false;
  return WriteWhole("/proc/self/setgroups", "deny") && WriteWhole("/proc/self/uid_map", user) &&
         WriteWhole("/proc/self/gid_map", group);
}

[[noreturn]] void BecomeTestee(const TesteeOrder& order, const fs::path& folder, pid_t judge) {
  // If the judge is killed, the testee goes too; what it started has watches of its own.
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (getppid() != judge) _exit(kNoProgram);
  setpgid(0, 0);
  sigset_t none;
  sigemptyset(&none);
  sigprocmask(SIG_SETMASK, &none, nullptr);
  signal(SIGPIPE, SIG_DFL);

  const int in = open("/dev/null", O_RDONLY | O_CLOEXEC);
  const int out = open((folder / "output").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  const int err = open((folder / "error").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (dup2(in, STDIN_FILENO) < 0 || dup2(out, STDOUT_FILENO) < 0 || dup2(err, STDERR_FILENO) < 0) _exit(kNoProgram);
  // Whatever this process was given and has no part in this.
  if (close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) != 0) _exit(kNoProgram);
  setenv("REGATTA_TRACE", (folder / "trace").c_str(), 1);
  if (order.fault.empty()) {
    unsetenv("REGATTA_FAULT");
  } else {
    setenv("REGATTA_FAULT", order.fault.c_str(), 1);
  }
  std::vector<std::string> arguments = order.command;
  arguments.push_back(order.scenario);
  arguments.push_back(order.method);
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  execvp(argv[0], argv.data());
  const int error = errno;
  absl::StatusOr<Fd> told = Fd(open((folder / "no_program").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  const std::string why = ErrnoError(absl::StrCat("exec ", order.command[0]), error).ToString();
  if (write(told->get(), why.data(), why.size()) < 0) _exit(kNoProgram - 1);
  _exit(kNoProgram);
}

// The children of this process, which has one thread.
std::vector<pid_t> Children() {
  std::ifstream file(absl::StrCat("/proc/self/task/", getpid(), "/children"));
  return {std::istream_iterator<pid_t>(file), std::istream_iterator<pid_t>()};
}

// A SIGCHLD has come since the last time, or comes by `deadline`.
void AwaitChild(const Deadline& deadline) {
  sigset_t chld;
  sigemptyset(&chld);
  sigaddset(&chld, SIGCHLD);
  const timespec time = absl::ToTimespec(deadline.remaining());
  sigtimedwait(&chld, nullptr, &time);
}

// Reaps children until there are none, or the deadline passes. `main`'s end sets *code.
bool ReapAll(Deadline deadline, pid_t main, int* code, bool until_main) {
  for (;;) {
    int status = 0;
    const pid_t pid = waitpid(-1, &status, WNOHANG);
    if (pid < 0 && errno == ECHILD) return true;
    if (pid == main) {
      *code = WIFSIGNALED(status) ? -WTERMSIG(status) : WEXITSTATUS(status);
      if (until_main) return true;
    }
    if (pid > 0) continue;
    if (deadline.passed()) return false;
    AwaitChild(deadline);
  }
}

// How many there were. Those that their children leave come here in turn.
int KillAll(pid_t group) {
  int killed = 0;
  int unused = 0;
  kill(-group, SIGKILL);
  for (std::vector<pid_t> left = Children(); !left.empty(); left = Children()) {
    killed = std::max(killed, static_cast<int>(left.size()));
    for (const pid_t pid : left) kill(pid, SIGKILL);
    ReapAll(Deadline::After(absl::Milliseconds(100)), group, &unused, false);
  }
  return killed;
}

}  // namespace

absl::Status PrepareToJudge(bool* private_memory) {
  if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) return ErrnoError("prctl(PR_SET_CHILD_SUBREAPER)");
  sigset_t chld;
  sigemptyset(&chld);
  sigaddset(&chld, SIGCHLD);
  if (sigprocmask(SIG_BLOCK, &chld, nullptr) != 0) return ErrnoError("sigprocmask");
  private_shared_memory = EnterOwnMounts() && mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) == 0 &&
                          mount("tmpfs", kSharedMemory, "tmpfs", MS_NOSUID | MS_NODEV, nullptr) == 0;
  *private_memory = private_shared_memory;
  return absl::OkStatus();
}

absl::StatusOr<TesteeRun> RunTestee(const TesteeOrder& order) {
  const char* temporary = getenv("TEST_TMPDIR");
  std::error_code ignored;
  std::string pattern =
      (temporary != nullptr ? fs::path(temporary) : fs::temp_directory_path(ignored)) / "regatta_run_XXXXXX";
  if (mkdtemp(pattern.data()) == nullptr) return ErrnoError(absl::StrCat("mkdtemp ", pattern));
  const fs::path folder = pattern;
  const absl::Cleanup remove = [&] { fs::remove_all(folder, ignored); };
  if (const Fd trace(open((folder / "trace").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600)); !trace.valid()) {
    return ErrnoError("open the trace");
  }

  const int64_t begin = MonotonicNanos();
  const pid_t judge = getpid();
  const pid_t pid = fork();
  if (pid < 0) return ErrnoError("fork");
  if (pid == 0) BecomeTestee(order, folder, judge);
  setpgid(pid, pid);

  TesteeRun run;
  run.hung = !ReapAll(Deadline::After(order.watchdog), pid, &run.code, /*until_main=*/true);
  run.took = absl::Nanoseconds(MonotonicNanos() - begin);
  if (run.hung) {
    KillAll(pid);
  } else if (!ReapAll(Deadline::After(order.patience_with_the_rest), pid, &run.code, /*until_main=*/false)) {
    run.processes_left = KillAll(pid);
  }
  run.trace = Slurp(folder / "trace");
  run.standard_output = Slurp(folder / "output");
  run.standard_error = Slurp(folder / "error");
  if (private_shared_memory) {
    run.shared_memory_left = NamesIn(kSharedMemory);
    for (const std::string& name : run.shared_memory_left) fs::remove_all(fs::path(kSharedMemory) / name, ignored);
  }
  if (fs::exists(folder / "no_program")) return absl::NotFoundError(Slurp(folder / "no_program"));
  return run;
}

}  // namespace regatta::conformance
