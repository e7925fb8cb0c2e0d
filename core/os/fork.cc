#include "core/os/fork.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <pthread.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/os/error.h"
#include "core/os/fork_generation.h"
#include "core/os/lifeline.h"
#include "core/os/pidfd.h"
#include "core/os/proc.h"

namespace regatta {

namespace {

// Whether this process's children are born into a PID namespace other than its own (unshare, setns).
bool ChildrenLiveInAnotherNamespace() {
  struct stat own;
  struct stat of_children;
  if (stat("/proc/self/ns/pid", &own) != 0) return false;
  // stat fails if the namespace's first process is missing.
  return stat("/proc/self/ns/pid_for_children", &of_children) != 0 ? errno == ENOENT : own.st_ino != of_children.st_ino;
}

}  // namespace

absl::Status NoProcessError(absl::string_view call, int error_number) {
  absl::Status status = ErrnoError(call, error_number);
  if (error_number == ENOMEM && ChildrenLiveInAnotherNamespace()) {
    return absl::FailedPreconditionError(absl::StrCat(
        call,
        ": the first process of the PID namespace of this process's children (unshare, setns) has ended, and the "
        "kernel makes no more processes there: keep the first one running, or begin a new namespace"));
  }
  if (error_number != EAGAIN) return status;
  return absl::Status(status.code(), absl::StrCat(status.message(),
                                                  ": no processes left; end some, or raise `ulimit -u` or the cgroup's "
                                                  "pids.max"));
}

namespace {

// Reserves a descriptor number for the pidfd. After the fork it would be too late to find that no number is free.
absl::StatusOr<Fd> HoldPlace() {
  Fd place = MakeDescriptor([] { return fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 0); });
  if (!place.valid() && errno == EBADF)
    place = MakeDescriptor([] { return open("/", O_PATH | O_CLOEXEC); });  // stderr is closed.
  if (!place.valid()) return ErrnoError("fcntl(F_DUPFD_CLOEXEC)");
  return place;
}

// Whether this process certainly has one thread, without that of ThreadSanitizer. A thread that was joined does not
// count, even if it is still ending.
absl::StatusOr<bool> HasOneThread() {
  const absl::StatusOr<int> count = ThreadCount();
  if (!count.ok()) return count.status();
  if (*count <= 1) return true;
  const absl::StatusOr<std::vector<ThreadEntry>> threads = ListThreads();
  if (!threads.ok()) return threads.status();
  const int listed = static_cast<int>(threads->size());
  return listed - SanitizerThreads(listed) <= 1;
}

constexpr uint64_t kSiblingFlags = CLONE_PARENT | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | CLONE_CHILD_CLEARTID;

// Calls clone(2), if clone3 is refused. Its single output argument can't return both a pidfd and the pid.
long OldClone(std::atomic<int32_t>* pid_in_shared_memory, int32_t* cached_thread_id) {  // NOLINT(google-runtime-int)
#if defined(__x86_64__)
  return syscall(SYS_clone, kSiblingFlags, nullptr, pid_in_shared_memory, cached_thread_id, nullptr);
#else
  return syscall(SYS_clone, kSiblingFlags, nullptr, pid_in_shared_memory, nullptr, cached_thread_id);
#endif
}

}  // namespace

absl::StatusOr<Forked> ForkWithPidfd() {
  absl::StatusOr<Fd> place = HoldPlace();
  if (!place.ok()) return place.status();
  const pid_t pid = fork();
  if (pid < 0) return NoProcessError("fork", errno);
  place->Reset();
  if (pid == 0) return Forked{};
  absl::StatusOr<Fd> pidfd = OpenNewChild(pid);
  if (!pidfd.ok()) return pidfd.status();
  return Forked{pid, *std::move(pidfd)};
}

namespace fork_internal {

int32_t* CachedThreadIdFromKernel() {
  int32_t* address = nullptr;
  if (prctl(PR_GET_TID_ADDRESS, &address, 0, 0, 0) != 0 || address == nullptr) return nullptr;
  return *address == gettid() ? address : nullptr;
}

int32_t* CachedThreadIdBySearch() {
  // The part of the thread's descriptor that is searched. Every version of the descriptor is larger.
  constexpr size_t kSearched = 1024;
  char* const descriptor = reinterpret_cast<char*>(pthread_self());
  const int32_t tid = gettid();
  const int32_t probe = tid ^ 0x20000000;
  for (size_t offset = 0; offset < kSearched; offset += sizeof(int32_t)) {
    int32_t value;
    memcpy(&value, descriptor + offset, sizeof(value));
    if (value != tid) continue;
    // This verifies the find: a recursive mutex stores the cached id as its owner.
    pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
    auto* const candidate = reinterpret_cast<volatile int32_t*>(descriptor + offset);
    *candidate = probe;
    pthread_mutex_lock(&mutex);
    const bool proven = mutex.__data.__owner == probe;
    pthread_mutex_unlock(&mutex);
    *candidate = tid;
    if (proven) return reinterpret_cast<int32_t*>(descriptor + offset);
  }
  return nullptr;
}

}  // namespace fork_internal

absl::StatusOr<Forked> CloneSibling(std::atomic<int32_t>* pid_in_shared_memory) {
  const absl::StatusOr<bool> alone = HasOneThread();
  if (!alone.ok()) return alone.status();
  if (!*alone)
    return absl::FailedPreconditionError(
        "this process has several threads, and CloneSibling copies only one: call it before the others begin");
  int32_t* cached = fork_internal::CachedThreadIdFromKernel();
  if (cached == nullptr) cached = fork_internal::CachedThreadIdBySearch();
  if (cached == nullptr) {
    return absl::FailedPreconditionError("the C library's cached thread id was not found; use another start method");
  }
  robust_list_head* robust = nullptr;
  size_t robust_size = 0;
  if (syscall(SYS_get_robust_list, 0, &robust, &robust_size) != 0) {
    return RefusedCallError("get_robust_list", errno, "cloning a process", "2.6.17");
  }
  if (robust != nullptr && robust->list.next != &robust->list) {
    return absl::FailedPreconditionError(
        "this process holds a robust mutex, which CloneSibling can't copy: release it first");
  }

  absl::StatusOr<Fd> place = HoldPlace();
  if (!place.ok()) return place.status();
  int number = -1;
  clone_args arguments{};
  arguments.flags = kSiblingFlags | CLONE_PIDFD;
  arguments.pidfd = reinterpret_cast<uintptr_t>(&number);
  arguments.parent_tid = reinterpret_cast<uintptr_t>(pid_in_shared_memory);
  arguments.child_tid = reinterpret_cast<uintptr_t>(cached);
  // exit_signal stays 0: a sibling has that of its maker.
  place->Reset();
  long pid = syscall(SYS_clone3, &arguments, sizeof(arguments));  // NOLINT(google-runtime-int)
  if (pid < 0 && IsRefusal(errno)) pid = OldClone(pid_in_shared_memory, cached);
  if (pid < 0) return NoProcessError("clone", errno);
  if (pid > 0) {
    Forked sibling{static_cast<int32_t>(pid), PlaceHigh(Fd(number))};
    if (sibling.pidfd.valid()) return sibling;
    // The parent can't reap the sibling before it knows of it, so the pid can't belong to another process.
    absl::StatusOr<Fd> pidfd = OpenPidfd(sibling.pid);
    if (!pidfd.ok()) {
      kill(sibling.pid, SIGKILL);
      return pidfd.status();
    }
    sibling.pidfd = *std::move(pidfd);
    return sibling;
  }
  fork_generation_internal::ForgetParent();
  lifeline_internal::CloseAllInSibling();
  if (robust != nullptr) syscall(SYS_set_robust_list, robust, robust_size);
  return Forked{};
}

}  // namespace regatta
