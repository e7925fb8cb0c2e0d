#include "core/os/lifeline.h"

#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "core/os/error.h"
#include "core/os/mutex.h"

namespace regatta {
namespace {

// The inode of the pipe behind descriptor `number`; 0 if there is none. User code may have closed the core's descriptor
// and opened its own file under the number, so every use of a stored number compares the inode first.
uint64_t PipeInode(int number) {
  struct stat file;
  return number >= 0 && fstat(number, &file) == 0 && S_ISFIFO(file.st_mode) ? file.st_ino : 0;
}

void CloseIfPipe(int number, uint64_t inode) {
  if (inode != 0 && PipeInode(number) == inode) close(number);
}

// The descriptors that a forked child must not keep.
class Registry {
 public:
  static Registry& Get() {
    static Registry& registry = *new Registry;  // Never destroyed: lifelines may outlive static destructors.
    return registry;
  }

  Mutex& mutex() ABSL_LOCK_RETURNED(mutex_) { return mutex_; }
  void Add(int number, uint64_t inode) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (inodes_.size() <= static_cast<size_t>(number)) inodes_.resize(static_cast<size_t>(number) + 1);
    inodes_[static_cast<size_t>(number)] = inode;
  }
  void Remove(int number) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) { inodes_[static_cast<size_t>(number)] = 0; }
  void CloseAll() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    for (size_t i = 0; i < inodes_.size(); ++i) CloseIfPipe(static_cast<int>(i), inodes_[i]);
    std::fill(inodes_.begin(), inodes_.end(), 0);
  }

 private:
  Registry() { pthread_atfork(BeforeFork, InParent, InChild); }
  static void BeforeFork() ABSL_NO_THREAD_SAFETY_ANALYSIS { Get().mutex_.Lock(); }
  static void InParent() ABSL_NO_THREAD_SAFETY_ANALYSIS { Get().mutex_.Unlock(); }
  static void InChild() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    Get().CloseAll();
    Get().mutex_.Unlock();
  }

  Mutex mutex_;
  std::vector<uint64_t> inodes_ ABSL_GUARDED_BY(mutex_);  // Indexed by descriptor number. 0: not a lifeline.
};

}  // namespace

void Lifeline::WatchForks() { Registry::Get(); }

absl::StatusOr<Lifeline> Lifeline::Create(Fd* dependent_end) {
  Registry& registry = Registry::Get();
  // Another thread must not fork between the making of the pipe and its registration.
  const MutexLock lock(registry.mutex());
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0 && !(errno == EMFILE && RaiseDescriptorLimit() && pipe2(ends, O_CLOEXEC) == 0)) {
    return ErrnoError("pipe2");
  }
  *dependent_end = Fd(ends[0]);
  Fd owner_end = PlaceHigh(Fd(ends[1]));
  if (!owner_end.valid()) return ErrnoError("fcntl(F_DUPFD_CLOEXEC)");
  Lifeline lifeline;
  lifeline.inode_ = PipeInode(owner_end.get());
  lifeline.number_ = owner_end.Release();
  lifeline.owner_pid_ = getpid();
  registry.Add(lifeline.number_, lifeline.inode_);
  return lifeline;
}

Lifeline& Lifeline::operator=(Lifeline&& other) noexcept {
  if (this == &other) return *this;
  Cut();
  number_ = std::exchange(other.number_, -1);
  inode_ = other.inode_;
  owner_pid_ = other.owner_pid_;
  return *this;
}

bool Lifeline::valid() const { return number_ >= 0 && owner_pid_ == getpid(); }

void Lifeline::Cut() {
  if (valid()) {
    Registry& registry = Registry::Get();
    const MutexLock lock(registry.mutex());
    CloseIfPipe(number_, inode_);
    registry.Remove(number_);
  }
  number_ = -1;
}

absl::StatusOr<bool> DependOnLifeline(Fd dependent_end) {
  dependent_end = PlaceHigh(std::move(dependent_end));
  const int number = dependent_end.get();
  // Clears close-on-exec.
  if (fcntl(number, F_SETFD, 0) != 0) return ErrnoError("fcntl(F_SETFD)");
  if (fcntl(number, F_SETOWN, getpid()) != 0) return ErrnoError("fcntl(F_SETOWN)");
  if (fcntl(number, F_SETSIG, SIGKILL) != 0) return ErrnoError("fcntl(F_SETSIG)");
  if (fcntl(number, F_SETFL, O_ASYNC | O_NONBLOCK) != 0) return ErrnoError("fcntl(F_SETFL, O_ASYNC)");
  Registry& registry = Registry::Get();
  const MutexLock lock(registry.mutex());
  registry.Add(number, PipeInode(number));
  static_cast<void>(dependent_end.Release());
  // The kernel sends no signal for what happened before, so poll finds an end that came earlier.
  pollfd end{number, 0, 0};
  return poll(&end, 1, 0) == 0;
}

void lifeline_internal::CloseAllInSibling() {
  Registry& registry = Registry::Get();
  const MutexLock lock(registry.mutex());  // The mutex is free, because the maker of the sibling has one thread.
  registry.CloseAll();
}

}  // namespace regatta
