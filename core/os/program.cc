#include "core/os/program.h"

#include <fcntl.h>
#include <link.h>
#include <spawn.h>
#include <sys/auxv.h>
#include <unistd.h>

#include <cerrno>

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

}  // namespace

absl::StatusOr<int32_t> SpawnThisProgram(const std::vector<std::string>& arguments, const Fd& channel) {
  if (absl::Status can = CheckCanRunAfresh(); !can.ok()) return can;
  std::vector<char*> argv;
  argv.reserve(arguments.size() + 1);
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
  // If the kernel loaded no loader although the program needs one, the loader itself is the program.
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
