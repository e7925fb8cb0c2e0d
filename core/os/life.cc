#include "core/os/life.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "core/os/error.h"
#include "core/os/futex.h"

namespace regatta {
namespace {

constexpr unsigned long kExiting = 0x4;  // PF_EXITING in /proc/<pid>/stat's flags.

struct Stat {
  char state = 0;
  unsigned long flags = 0;
  uint64_t start_time = 0;
};

enum class Reading { kRead, kGone, kUnreadable };

bool IsGone(int error_number) { return error_number == ENOENT || error_number == ESRCH; }

// Reads a stat file without allocating.
Reading ReadStat(const char* path, Stat* stat) {
  const int fd = open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return IsGone(errno) ? Reading::kGone : Reading::kUnreadable;
  char text[1024];
  const ssize_t got = read(fd, text, sizeof(text) - 1);
  const int error_number = errno;
  close(fd);
  if (got <= 0) return got < 0 && IsGone(error_number) ? Reading::kGone : Reading::kUnreadable;
  text[got] = '\0';
  const char* after_name = strrchr(text, ')');  // A name may hold anything, parentheses too.
  if (after_name == nullptr) return Reading::kUnreadable;
  unsigned long long start_time = 0;
  if (sscanf(after_name + 1, " %c %*d %*d %*d %*d %*d %lu %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %llu",
             &stat->state, &stat->flags, &start_time) != 3) {
    return Reading::kUnreadable;
  }
  stat->start_time = start_time;
  return Reading::kRead;
}

bool ThreadHasEnded(const Stat& stat) { return stat.state == 'Z' || stat.state == 'X' || (stat.flags & kExiting) != 0; }

// Whether the kernel and the C library agree on this thread's robust list. After a raw clone they don't: the kernel has none, and
// the library's is still the parent's, into whose mutexes another lock() would write.
bool DeathWouldBeMarked() {
  pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
  pthread_mutex_lock(&mutex);
  const bool id_is_true = mutex.__data.__owner == gettid();
  pthread_mutex_unlock(&mutex);
  robust_list_head* list = nullptr;
  size_t size = 0;
  return id_is_true && (syscall(SYS_get_robust_list, 0, &list, &size) != 0 || list != nullptr);
}

// What can be told where /proc can't be read: this process may have no descriptor left. A zombie passes for alive.
bool IsUnknownPid(int32_t pid) { return kill(pid, 0) != 0 && errno == ESRCH; }

}  // namespace

std::atomic<uint32_t>& Life::word() const {
  // glibc keeps the futex word first; its owner bits are the kernel's robust-futex ABI.
  static_assert(offsetof(pthread_mutex_t, __data.__lock) == 0);
  return *reinterpret_cast<std::atomic<uint32_t>*>(const_cast<pthread_mutex_t*>(&mutex));
}

bool Life::IsHeld(uint32_t word) { return (word & FUTEX_TID_MASK) != 0 && (word & FUTEX_OWNER_DIED) == 0; }

absl::Status Life::Hold() {
  if (!DeathWouldBeMarked()) {
    return absl::FailedPreconditionError("a process made by a raw clone can't hold a robust mutex");
  }
  pthread_mutexattr_t attributes;
  pthread_mutexattr_init(&attributes);
  pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
  pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
  int error;
  do {
    std::memset(&mutex, 0, sizeof(mutex));
    error = pthread_mutex_init(&mutex, &attributes);
    // Somebody who still takes the place for the last holder's may set the waiters' bit here, and lock() would then sleep.
    if (error == 0) error = pthread_mutex_trylock(&mutex);
  } while (error == EBUSY);
  pthread_mutexattr_destroy(&attributes);
  return error == 0 ? absl::OkStatus() : ErrnoError("pthread_mutex_trylock", error);
}

void Life::Release() { pthread_mutex_unlock(&mutex); }

void Life::WaitBeside(const std::atomic<uint32_t>& other, uint32_t expected, Deadline deadline) {
  // Without the waiters' bit the kernel marks the word but wakes nobody.
  const uint32_t seen = word().fetch_or(FUTEX_WAITERS, std::memory_order_acq_rel) | FUTEX_WAITERS;
  if (!IsHeld(seen)) {
    // Held by no thread, though the process may live: nothing would wake us at its death, so look again soon.
    constexpr int64_t kPoll = 50'000'000;
    FutexWait(other, expected, Deadline::Earlier(deadline, Deadline::AtMonotonicNanos(MonotonicNanos() + kPoll)));
    return;
  }
  FutexWaitEither(other, expected, word(), seen, deadline);
}

void Life::WakeOthers() { FutexWake(word(), INT_MAX); }

ProcessStamp ThisProcessStamp() {
  Stat stat;
  ProcessStamp stamp{static_cast<int32_t>(getpid()), 0};
  if (ReadStat("/proc/self/stat", &stat) == Reading::kRead) stamp.start_time = stat.start_time;
  return stamp;
}

bool HasEnded(const ProcessStamp& process) {
  char path[64];
  std::snprintf(path, sizeof(path), "/proc/%d/stat", process.pid);
  Stat stat;
  switch (ReadStat(path, &stat)) {
    case Reading::kGone:
      return true;
    case Reading::kUnreadable:
      return IsUnknownPid(process.pid);
    case Reading::kRead:
      break;
  }
  // A stamp without a start time was taken where /proc couldn't be read.
  if (process.start_time != 0 && stat.start_time != process.start_time) return true;
  std::snprintf(path, sizeof(path), "/proc/%d/task", process.pid);
  DIR* tasks = opendir(path);
  if (tasks == nullptr) return IsGone(errno) || IsUnknownPid(process.pid);
  bool all_ended = true;
  while (const dirent* entry = readdir(tasks)) {
    if (entry->d_name[0] == '.') continue;
    char thread[96];
    std::snprintf(thread, sizeof(thread), "/proc/%d/task/%.12s/stat", process.pid, entry->d_name);
    Stat of_thread;
    const Reading reading = ReadStat(thread, &of_thread);
    if (reading == Reading::kUnreadable || (reading == Reading::kRead && !ThreadHasEnded(of_thread))) all_ended = false;
  }
  closedir(tasks);
  return all_ended;
}

}  // namespace regatta
