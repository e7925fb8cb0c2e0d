#include "core/os/program.h"

#include <dirent.h>
#include <fcntl.h>
#include <link.h>
#include <linux/close_range.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <memory>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/os/error.h"
#include "core/os/fork.h"

namespace regatta {
namespace {

constexpr char kThisProgram[] = "/proc/self/exe";

struct FileActions {
  FileActions() { error = posix_spawn_file_actions_init(&actions); }
  ~FileActions() { posix_spawn_file_actions_destroy(&actions); }
  posix_spawn_file_actions_t actions;
  int error;
};

// By the list of open descriptors in /proc. False: it can't be read.
bool CloseListed(unsigned first, unsigned last) {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/fd"), closedir);
  if (folder == nullptr) return false;
  std::vector<int> open;
  while (const dirent* entry = readdir(folder.get())) {
    unsigned fd = 0;
    if (absl::SimpleAtoi(entry->d_name, &fd) && fd >= first && fd <= last &&
        static_cast<int>(fd) != dirfd(folder.get())) {
      open.push_back(static_cast<int>(fd));
    }
  }
  for (const int fd : open) close(fd);
  return true;
}

void CloseRange(unsigned first, unsigned last) {
  if (first > last || syscall(SYS_close_range, first, last, 0) == 0 || CloseListed(first, last)) return;
  // A kernel or sandbox without close_range and /proc: one by one, up to the limit, and further, as it may have been lowered.
  constexpr rlim_t kAtLeast = 1 << 16;
  constexpr rlim_t kAtMost = 1 << 20;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  const auto end = static_cast<unsigned>(std::clamp(limit.rlim_cur, kAtLeast, kAtMost));
  for (unsigned fd = first; fd <= last && fd < end; ++fd) close(static_cast<int>(fd));
}

}  // namespace

absl::StatusOr<int32_t> SpawnThisProgram(const std::vector<std::string>& arguments, const Fd& channel) {
  if (absl::Status can = CheckCanRunAfresh(); !can.ok()) return can;
  std::vector<char*> argv;
  for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
  argv.push_back(nullptr);
  FileActions files;
  if (files.error == 0) files.error = posix_spawn_file_actions_adddup2(&files.actions, channel.get(), kSpawnedChannel);
  if (files.error == 0) files.error = posix_spawn_file_actions_addclosefrom_np(&files.actions, kSpawnedChannel + 1);
  if (files.error != 0) return ErrnoError("posix_spawn_file_actions", files.error);
  pid_t pid = 0;
  const int error = posix_spawn(&pid, kThisProgram, &files.actions, nullptr, argv.data(), environ);
  if (error == ENOENT) {
    const absl::Status status = ErrnoError("posix_spawn(/proc/self/exe)", error);
    return absl::FailedPreconditionError(
        absl::StrCat(status.message(), ": a fresh process needs /proc: mount it, or use StartMethod::kFork"));
  }
  if (error != 0) return NoProcessError("posix_spawn(/proc/self/exe)", error);
  RestoreDescriptorLimit(pid);
  return pid;
}

void CloseAllBut(std::span<const int> keep) {
  std::vector<int> kept(keep.begin(), keep.end());
  std::sort(kept.begin(), kept.end());
  unsigned next = 0;
  for (const int fd : kept) {
    if (fd < 0) continue;
    const auto number = static_cast<unsigned>(fd);
    if (number > next) CloseRange(next, number - 1);
    next = std::max(next, number + 1);
  }
  CloseRange(next, UINT_MAX);
}

absl::Status FillStandardDescriptors() {
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    if (fcntl(number, F_GETFD) >= 0) continue;
    Fd filler(open("/dev/null", O_RDWR | O_CLOEXEC));
    if (!filler.valid()) filler = Fd(open("/", O_PATH | O_CLOEXEC));
    if (!filler.valid()) return ErrnoError("open(/)");
    if (filler.get() != number) return absl::OkStatus();  // Another thread has filled it.
    if (absl::Status kept = filler.SetCloseOnExec(false); !kept.ok()) return kept;
    static_cast<void>(filler.Release());
  }
  return absl::OkStatus();
}

bool HasMoreRightsThanItsUser() { return getauxval(AT_SECURE) != 0; }

absl::Status CheckCanRunAfresh() {
  if (HasMoreRightsThanItsUser()) {
    return absl::FailedPreconditionError(
        "this program has rights that its user lacks (set-user-ID, set-group-ID or file capabilities): it can't be run "
        "afresh as a "
        "child of itself, for a child that trusted its arguments would take orders from its user. Use "
        "StartMethod::kFork");
  }
  // The kernel loaded no loader beside a program that wants one: the loader is the program.
  bool wants_loader = false;
  dl_iterate_phdr(
      [](dl_phdr_info* program, size_t, void* wants) {
        for (int i = 0; i < program->dlpi_phnum; ++i) {
          if (program->dlpi_phdr[i].p_type == PT_INTERP) *static_cast<bool*>(wants) = true;
        }
        return 1;  // The first is the program.
      },
      &wants_loader);
  if (wants_loader && getauxval(AT_BASE) == 0) {
    return absl::FailedPreconditionError(
        "this program was run through the dynamic loader (ld.so PROGRAM) and can't be run afresh as a child of itself: "
        "run it "
        "directly, or use StartMethod::kFork");
  }
  return absl::OkStatus();
}

absl::StatusOr<std::vector<Fd>> CopyStandardDescriptors() {
  std::vector<Fd> copies;
  for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
    Fd copy = MakeDescriptor([number] { return fcntl(number, F_DUPFD_CLOEXEC, STDERR_FILENO + 1); });
    if (!copy.valid() && errno == EBADF) copy = MakeDescriptor([] { return open("/dev/null", O_RDWR | O_CLOEXEC); });
    if (!copy.valid()) return ErrnoError("fcntl(F_DUPFD_CLOEXEC)");
    copies.push_back(std::move(copy));
  }
  return copies;
}

absl::Status ReplaceStandardDescriptors(std::span<const Fd> descriptors) {
  for (size_t i = 0; i < descriptors.size(); ++i) {
    if (dup2(descriptors[i].get(), static_cast<int>(i)) < 0) return ErrnoError("dup2");
  }
  return absl::OkStatus();
}

absl::StatusOr<Fd> OpenWorkingDirectory() {
  Fd directory = MakeDescriptor([] { return open(".", O_PATH | O_DIRECTORY | O_CLOEXEC); });
  if (!directory.valid()) return ErrnoError("open(.)");
  return directory;
}

absl::Status ChangeWorkingDirectory(const Fd& directory) {
  if (fchdir(directory.get()) != 0) return ErrnoError("fchdir");
  return absl::OkStatus();
}

}  // namespace regatta
