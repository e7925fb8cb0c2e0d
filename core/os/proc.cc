#include "core/os/proc.h"

#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/single_threaded.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <memory>

#include "absl/base/config.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "core/os/error.h"
#include "core/os/fd.h"

namespace regatta {
namespace {

// Reads a whole file of /proc. Such files fit into a page.
absl::StatusOr<std::string> ReadProcFile(const std::string& path) {
  const Fd file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (!file.valid()) {
    if (errno == ENOENT || errno == ESRCH) return absl::NotFoundError(absl::StrCat("there is no ", path));
    return ErrnoError(absl::StrCat("open(", path, ")"));
  }
  char text[4096];
  const ssize_t size = read(file.get(), text, sizeof(text));
  if (size < 0) {
    if (errno == ESRCH) return absl::NotFoundError(absl::StrCat("there is no ", path));
    return ErrnoError(absl::StrCat("read(", path, ")"));
  }
  return std::string(text, static_cast<size_t>(size));
}

struct Stat {
  std::string name;
  std::vector<std::string> fields;  // From the state on.
};

absl::StatusOr<Stat> ReadStat(absl::string_view folder) {
  const absl::StatusOr<std::string> text = ReadProcFile(absl::StrCat(folder, "/stat"));
  if (!text.ok()) return text.status();
  // The name may contain any character, even parentheses.
  const size_t name = text->find('(');
  const size_t name_end = text->rfind(") ");
  if (name != std::string::npos && name_end != std::string::npos && name < name_end) {
    Stat stat{text->substr(name + 1, name_end - name - 1), absl::StrSplit(text->substr(name_end + 2), ' ')};
    if (stat.fields.size() >= 2 && !stat.fields[0].empty()) return stat;
  }
  return absl::DataLossError(absl::StrCat(folder, "/stat reads \"", *text, "\""));
}

bool IsExiting(const Stat& stat) {
  constexpr uint32_t kExiting = 0x4;  // The kernel's PF_EXITING.
  constexpr size_t kFlags = 6;
  uint32_t flags = 0;
  return stat.fields.size() > kFlags && absl::SimpleAtoi(stat.fields[kFlags], &flags) && (flags & kExiting) != 0;
}

}  // namespace

#if defined(ABSL_HAVE_THREAD_SANITIZER)
// ThreadSanitizer starts its thread before the program's second one. In a process made by fork, that of gcc 12 starts
// one at once, and another one before the second thread.
const pid_t g_first_pid = getpid();
int SanitizerThreads(int count) { return std::min(count - 1, getpid() == g_first_pid ? 1 : 2); }
#else
int SanitizerThreads(int) { return 0; }
#endif

absl::StatusOr<int> ThreadCount() {
  struct stat folder;
  if (stat("/proc/self/task", &folder) != 0 || folder.st_nlink < 3) {
    // This has no effect in a process with one thread, and fails in others.
    if (__libc_single_threaded != 0 || unshare(CLONE_THREAD) == 0) return 1;
    return absl::FailedPreconditionError("/proc/self/task can't be read: mount /proc");
  }
  const int count = static_cast<int>(folder.st_nlink) - 2;  // "." and ".." are links, too.
  return count - SanitizerThreads(count);
}

bool IsSingleThreaded() { return __libc_single_threaded != 0 || ThreadCount().value_or(0) == 1; }

absl::StatusOr<std::vector<ThreadEntry>> ListThreads() {
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(opendir("/proc/self/task"), closedir);
  if (folder == nullptr) return ErrnoError("opendir(/proc/self/task)");
  std::vector<ThreadEntry> threads;
  for (;;) {
    errno = 0;
    const dirent* const entry = readdir(folder.get());
    if (entry == nullptr && errno != 0) return ErrnoError("getdents64(/proc/self/task)");
    if (entry == nullptr) return threads;
    ThreadEntry thread;
    if (!absl::SimpleAtoi(entry->d_name, &thread.tid)) continue;
    const absl::StatusOr<Stat> stat = ReadStat(absl::StrCat("/proc/self/task/", thread.tid));
    if (absl::IsNotFound(stat.status())) continue;  // Ended since.
    if (!stat.ok()) return stat.status();
    const char state = stat->fields[0][0];
    // A main thread that ended before the others stays in the list. A thread that was joined may still be exiting in
    // the kernel.
    if (state == 'Z' || state == 'X' || IsExiting(*stat)) continue;
    thread.name = stat->name;
    threads.push_back(std::move(thread));
  }
}

absl::StatusOr<char> ProcessStateLetter(int32_t pid) {
  const absl::StatusOr<Stat> stat = ReadStat(absl::StrCat("/proc/", pid));
  if (!stat.ok()) return stat.status();
  return stat->fields[0][0];
}

absl::StatusOr<int32_t> ParentOf(int32_t pid) {
  const absl::StatusOr<Stat> stat = ReadStat(absl::StrCat("/proc/", pid));
  if (!stat.ok()) return stat.status();
  int32_t parent = 0;
  if (!absl::SimpleAtoi(stat->fields[1], &parent)) {
    return absl::DataLossError(absl::StrCat("/proc/", pid, "/stat names the parent ", stat->fields[1]));
  }
  return parent;
}

}  // namespace regatta
