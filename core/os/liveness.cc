#include "core/os/liveness.h"

#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "absl/status/statusor.h"
#include "core/os/fd.h"
#include "core/os/memfd.h"

namespace regatta {
namespace {

// The kernel's PF_EXITING, PF_POSTCOREDUMP and PF_DUMPCORE, in the flags of /proc/<pid>/stat: a thread with any of them
// has left user code for good.
constexpr unsigned long kHasLeft = 0x4 | 0x8 | 0x200;

struct Stat {
  char state = 0;
  unsigned long flags = 0;
  unsigned long threads = 0;
  uint64_t start_time = 0;
  bool has_ended() const { return state == 'Z' || state == 'X' || (flags & kHasLeft) != 0; }
};

// The spare descriptor and its inode. User code may have closed the descriptor, and another file may have its number.
struct Spare {
  int32_t fd = -1;
  uint32_t inode = 0;
};
constinit std::atomic<Spare> g_spare{Spare{}};

uint32_t InodeOf(int fd) {
  struct stat about;
  return fstat(fd, &about) == 0 && fcntl(fd, F_GET_SEALS) >= 0 ? static_cast<uint32_t>(about.st_ino) : 0;
}

// Whether closing it would free a usable number. A number above a limit that was lowered since is not usable.
bool IsThere(Spare spare) {
  rlimit limit{};
  return spare.fd >= 0 && InodeOf(spare.fd) == spare.inode && getrlimit(RLIMIT_NOFILE, &limit) == 0 &&
         static_cast<rlim_t>(spare.fd) < limit.rlim_cur;
}

bool GiveUpSpareDescriptor() {
  const Spare spare = g_spare.exchange(Spare{});
  if (!IsThere(spare)) return false;
  close(spare.fd);
  return true;
}

int OpenToRead(const char* path, int flags) {
  int fd = open(path, flags | O_RDONLY | O_CLOEXEC);
  if (fd < 0 && (errno == EMFILE || errno == ENFILE) && (RaiseDescriptorLimit() || GiveUpSpareDescriptor())) {
    fd = open(path, flags | O_RDONLY | O_CLOEXEC);
  }
  return fd;
}

enum class Reading { kRead, kNotThere, kUnreadable };

Reading ReadStat(const char* path, Stat* stat) {
  const int fd = OpenToRead(path, 0);
  if (fd < 0) return errno == ENOENT ? Reading::kNotThere : Reading::kUnreadable;
  char text[1024];
  const ssize_t got = read(fd, text, sizeof(text) - 1);
  const bool is_gone = got < 0 && errno == ESRCH;
  close(fd);
  if (got <= 0) return is_gone ? Reading::kNotThere : Reading::kUnreadable;
  text[got] = '\0';
  const char* after_name = strrchr(text, ')');  // The name may contain any character, even parentheses.
  unsigned long long start_time = 0;
  if (after_name == nullptr ||
      sscanf(after_name + 1, " %c %*d %*d %*d %*d %*d %lu %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %lu %*d %llu",
             &stat->state, &stat->flags, &stat->threads, &start_time) != 4) {
    return Reading::kUnreadable;
  }
  stat->start_time = start_time;
  return Reading::kRead;
}

// The inode of this process's time namespace. 0 if the kernel has none, or if /proc doesn't show it.
uint32_t ThisClock() {
  struct stat about;
  return stat("/proc/self/ns/time", &about) == 0 ? static_cast<uint32_t>(about.st_ino) : 0;
}

struct Path {
  template <typename... Numbers>
  explicit Path(const char* format, Numbers... numbers) {
    std::snprintf(text, sizeof(text), format, numbers...);
  }
  char text[64];
};

enum class Threads { kAllEnded, kSomeMayRun, kUnclear };

// Threads may start others and end during the check, and a list may lack some threads if others end meanwhile. All are
// dead only if all threads of the list have ended, *then* the process has as many threads as the list, and *then* each
// thread of the list still exists: at the moment of the count the list was complete. Only one folder or file is open at
// a time, because there may be only one descriptor.
Threads LookAtThreads(int32_t pid) {
  const Path folder("/proc/%d/task", pid);
  std::array<int32_t, 1024> threads;  // A process with more threads is examined by its pidfd.
  size_t count = 0;
  for (off64_t at = 0;;) {
    alignas(dirent64) char entries[8192];
    const int fd = OpenToRead(folder.text, O_DIRECTORY);
    if (fd < 0) return Threads::kUnclear;
    const ssize_t got = at == 0 || lseek64(fd, at, SEEK_SET) == at ? getdents64(fd, entries, sizeof(entries)) : -1;
    close(fd);
    if (got < 0) return Threads::kUnclear;
    if (got == 0) break;
    for (ssize_t offset = 0; offset < got;) {
      const auto* entry = reinterpret_cast<const dirent64*>(entries + offset);
      offset += entry->d_reclen;
      at = entry->d_off;
      if (entry->d_name[0] == '.') continue;
      if (count == threads.size()) return Threads::kUnclear;
      threads[count++] = static_cast<int32_t>(std::strtol(entry->d_name, nullptr, 10));
    }
  }
  Stat stat;
  for (size_t i = 0; i < count; ++i) {
    if (ReadStat(Path("/proc/%d/task/%d/stat", pid, threads[i]).text, &stat) != Reading::kRead)
      return Threads::kUnclear;
    if (!stat.has_ended()) return Threads::kSomeMayRun;
  }
  if (ReadStat(Path("/proc/%d/stat", pid).text, &stat) != Reading::kRead || stat.threads != count)
    return Threads::kUnclear;
  for (size_t i = 0; i < count; ++i) {
    if (access(Path("/proc/%d/task/%d", pid, threads[i]).text, F_OK) != 0) return Threads::kUnclear;
  }
  return Threads::kAllEnded;
}

// Asks the kernel about the process that has the pid now.
Liveness AskByPid(int32_t pid) {
  if (kill(pid, 0) != 0 && errno == ESRCH) return Liveness::kDead;
  // A child of this process that was not reaped. This call takes no descriptor.
  siginfo_t about;
  about.si_pid = 0;
  if (waitid(P_PID, static_cast<id_t>(pid), &about, WEXITED | WNOHANG | WNOWAIT | __WALL) == 0 && about.si_pid == pid) {
    return Liveness::kDead;
  }
  int pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  if (pidfd < 0 && (errno == EMFILE || errno == ENFILE) && (RaiseDescriptorLimit() || GiveUpSpareDescriptor())) {
    pidfd = static_cast<int>(syscall(SYS_pidfd_open, pid, 0));
  }
  if (pidfd < 0) return errno == ESRCH ? Liveness::kDead : Liveness::kUnknown;
  pollfd ended{pidfd, POLLIN, 0};
  const int ready = poll(&ended, 1, 0);
  close(pidfd);
  return ready == 1 ? Liveness::kDead : ready == 0 ? Liveness::kAlive : Liveness::kUnknown;
}

Liveness Ask(const ProcessStamp& process) {
  constexpr int kLooks = 4;  // The number of tries if threads come and go.
  if (process.pid <= 0) return Liveness::kDead;
  Stat stat;
  bool is_same = false;
  if (ReadStat(Path("/proc/%d/stat", process.pid).text, &stat) == Reading::kRead) {
    is_same = stat.start_time == process.start_time;
    if (!is_same && process.start_time != 0 && process.clock == ThisClock()) return Liveness::kDead;
    if (!stat.has_ended()) return is_same ? Liveness::kAlive : Liveness::kUnknown;
    for (int i = 0; i < kLooks; ++i) {
      const Threads threads = LookAtThreads(process.pid);
      if (threads == Threads::kAllEnded) return Liveness::kDead;
      if (threads == Threads::kSomeMayRun) return is_same ? Liveness::kAlive : Liveness::kUnknown;
    }
  }
  const Liveness by_pid = AskByPid(process.pid);
  return by_pid == Liveness::kAlive && !is_same ? Liveness::kUnknown : by_pid;
}

}  // namespace

ProcessStamp ThisProcessStamp() {
  Stat stat;
  ProcessStamp stamp{static_cast<int32_t>(getpid()), ThisClock(), 0};
  if (ReadStat("/proc/self/stat", &stat) == Reading::kRead) stamp.start_time = stat.start_time;
  return stamp;
}

Liveness LivenessOf(const ProcessStamp& process) {
  const Liveness liveness = Ask(process);
  if (g_spare.load(std::memory_order_relaxed).fd < 0) KeepSpareDescriptor();
  return liveness;
}

void KeepSpareDescriptor() {
  Spare seen = g_spare.load(std::memory_order_relaxed);
  if (IsThere(seen)) return;
  absl::StatusOr<Fd> file = CreateMemfd("regatta spare");
  if (!file.ok()) return;
  if (!g_spare.compare_exchange_strong(seen, Spare{file->get(), InodeOf(file->get())})) return;
  static_cast<void>(file->Release());
  if (seen.fd >= 0 && InodeOf(seen.fd) == seen.inode) close(seen.fd);
}

}  // namespace regatta
