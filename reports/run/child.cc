#include "reports/run/child.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <deque>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"

namespace regatta::reports {
namespace {

constexpr size_t kKeptErrors = 10;

// The reading end of a pipe, and the lines that came out of it.
class LineReader {
 public:
  LineReader(int fd, std::function<void(std::string_view)> on_line) : fd_(fd), on_line_(std::move(on_line)) {
    fcntl(fd_, F_SETFL, O_NONBLOCK);
  }
  ~LineReader() { Close(); }
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  int fd() const { return fd_; }  // -1 after the end; poll ignores it

  // Takes what is there.
  void Read() {
    char buffer[1 << 16];
    while (fd_ >= 0) {
      const ssize_t size = read(fd_, buffer, sizeof(buffer));
      if (size > 0) {
        Take(std::string_view(buffer, static_cast<size_t>(size)));
      } else if (size < 0 && errno == EINTR) {
        continue;
      } else if (size < 0 && errno == EAGAIN) {
        return;
      } else {
        Close();
      }
    }
  }

  void Close() {
    if (fd_ < 0) return;
    close(fd_);
    fd_ = -1;
    if (!partial_.empty()) on_line_(partial_);
    partial_.clear();
  }

 private:
  void Take(std::string_view text) {
    for (size_t end = text.find('\n'); end != std::string_view::npos; end = text.find('\n')) {
      partial_ += text.substr(0, end);
      on_line_(partial_);
      partial_.clear();
      text.remove_prefix(end + 1);
    }
    partial_ += text;
  }

  int fd_;
  std::function<void(std::string_view)> on_line_;
  std::string partial_;
};

struct Pipe {
  int reader = -1;
  int writer = -1;
};

absl::StatusOr<Pipe> MakePipe() {
  int fds[2];
  if (pipe2(fds, O_CLOEXEC) != 0) return absl::ErrnoToStatus(errno, "pipe2");
  return Pipe{fds[0], fds[1]};
}

// posix_spawn's two objects, destroyed together.
struct SpawnSettings {
  SpawnSettings() {
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
  }
  ~SpawnSettings() {
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
  }
  SpawnSettings(const SpawnSettings&) = delete;
  SpawnSettings& operator=(const SpawnSettings&) = delete;

  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
};

absl::StatusOr<pid_t> Spawn(const std::vector<std::string>& arguments, int channel, const Pipe& lines,
                            const Pipe& errors, const sigset_t& mask) {
  SpawnSettings settings;
  posix_spawn_file_actions_addopen(&settings.actions, 0, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_addopen(&settings.actions, 1, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_adddup2(&settings.actions, errors.writer, 2);
  posix_spawn_file_actions_adddup2(&settings.actions, lines.writer, channel);
  posix_spawnattr_setflags(&settings.attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  posix_spawnattr_setpgroup(&settings.attributes, 0);
  posix_spawnattr_setsigmask(&settings.attributes, &mask);
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  pid_t pid = -1;
  if (const int error = posix_spawn(&pid, argv[0], &settings.actions, &settings.attributes, argv.data(), environ)) {
    return absl::ErrnoToStatus(error, absl::StrCat("can't start ", arguments[0]));
  }
  return pid;
}

// Passes on the interrupts that came since the last call.
void Forward(pid_t pid, int& forwarded, int count) {
  for (; forwarded < count; ++forwarded) {
    if (forwarded == 0) kill(pid, SIGINT);
    if (forwarded == 1) kill(-pid, SIGTERM);
    if (forwarded >= 2) kill(-pid, SIGKILL);
  }
}

}  // namespace

InterruptGuard::InterruptGuard() {
  struct sigaction action = {};
  action.sa_handler = [](int) {};  // SIGCHLD only has to end a poll.
  sigaction(SIGCHLD, &action, &outer_child_);
  sigset_t blocked;
  sigemptyset(&blocked);
  for (const int signal : {SIGINT, SIGTERM, SIGCHLD}) sigaddset(&blocked, signal);
  sigprocmask(SIG_BLOCK, &blocked, &outer_mask_);
}

InterruptGuard::~InterruptGuard() {
  count();  // what is pending has been taken care of: it must not end the process now
  sigaction(SIGCHLD, &outer_child_, nullptr);
  sigprocmask(SIG_SETMASK, &outer_mask_, nullptr);
}

int InterruptGuard::count() const {
  // Lets pending signals in for a moment.
  sigset_t inner;
  sigprocmask(SIG_SETMASK, &outer_mask_, &inner);
  sigprocmask(SIG_SETMASK, &inner, nullptr);
  return Interrupts::Count();
}

std::string ChildExit::Describe() const {
  if (signal == 0) return absl::StrCat("exit code ", exit_code);
  return absl::StrCat("signal ", signal, " (", strsignal(signal), ")");
}

absl::StatusOr<ChildExit> RunChild(const std::vector<std::string>& arguments, int channel,
                                   const std::function<void(std::string_view)>& on_line,
                                   const InterruptGuard& interrupts) {
  absl::StatusOr<Pipe> lines = MakePipe();
  if (!lines.ok()) return lines.status();
  std::deque<std::string> last_errors;
  LineReader line_reader(lines->reader, on_line);
  absl::StatusOr<Pipe> errors = MakePipe();
  if (!errors.ok()) {
    close(lines->writer);
    return errors.status();
  }
  LineReader error_reader(errors->reader, [&](std::string_view line) {
    last_errors.emplace_back(line);
    if (last_errors.size() > kKeptErrors) last_errors.pop_front();
  });
  const absl::StatusOr<pid_t> pid = Spawn(arguments, channel, *lines, *errors, interrupts.outer_mask());
  close(lines->writer);
  close(errors->writer);
  if (!pid.ok()) return pid.status();

  // Ends when the child has: a straggler of its may hold the pipes open.
  ChildExit end;
  int forwarded = 0;
  for (bool ended = false; !ended;) {
    siginfo_t info = {};
    if (waitid(P_PID, static_cast<id_t>(*pid), &info, WEXITED | WNOHANG) == 0 && info.si_pid == *pid) {
      (info.si_code == CLD_EXITED ? end.exit_code : end.signal) = info.si_status;
      ended = true;
    } else {
      Forward(*pid, forwarded, Interrupts::Count());
      pollfd fds[2] = {{line_reader.fd(), POLLIN, 0}, {error_reader.fd(), POLLIN, 0}};
      // SIGINT, SIGTERM and SIGCHLD can come in only here, so none is missed between the checks and the wait.
      ppoll(fds, 2, nullptr, &interrupts.outer_mask());
    }
    line_reader.Read();
    error_reader.Read();
  }
  line_reader.Close();
  error_reader.Close();
  end.last_errors.assign(last_errors.begin(), last_errors.end());
  return end;
}

}  // namespace regatta::reports
