#include "core/process/helper_thread.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <new>
#include <system_error>
#include <utility>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "core/os/mutex.h"
#include "core/os/proc.h"
#include "core/os/signal_mask.h"

namespace regatta {

std::atomic<bool> HelperThread::fork_pending_{false};

namespace {

struct Registry {
  // Also guards tid_, finished_ and parked_ of each HelperThread.
  Mutex mutex;
  CondVar changed;
  std::vector<HelperThread*> threads ABSL_GUARDED_BY(mutex);
};
alignas(Registry) char g_registry_storage[sizeof(Registry)];

Registry& GetRegistry() {
  static Registry* const registry = new (g_registry_storage) Registry;
  return *registry;
}

// How long a start by fork waits for the core's helper threads. They need far less if no user code delays them.
constexpr std::chrono::seconds kTimeToPark{5};

}  // namespace

// The child of any fork() has no helper threads, and the state of the old registry's locks is unknown. So the child
// makes a new registry. The objects that the old one owned are not touched.
void HelperThread::ForgetAllInChild() {
  new (g_registry_storage) Registry;
  fork_pending_.store(false, std::memory_order_relaxed);
}

absl::StatusOr<std::unique_ptr<HelperThread>> HelperThread::Start(std::string name,
                                                                  std::function<void(HelperThread&)> body,
                                                                  std::function<void()> wake) {
  static const int registered = pthread_atfork(nullptr, nullptr, ForgetAllInChild);
  if (registered != 0) return absl::ResourceExhaustedError("pthread_atfork found no memory: free some");
  std::unique_ptr<HelperThread> helper(new HelperThread);
  helper->owner_pid_ = getpid();
  helper->name_ = std::move(name);
  helper->wake_ = std::move(wake);
  Registry& registry = GetRegistry();
  MutexLock lock(registry.mutex);
  // A thread must not appear between the count of a fork and the fork.
  while (fork_pending_.load(std::memory_order_relaxed)) registry.changed.Wait(registry.mutex);
  HelperThread* const self = helper.get();
  try {
    const AllSignalsBlocked inherited_by_the_thread;
    helper->thread_ = std::make_unique<std::thread>([self, body = std::move(body)] { self->Run(body); });
  } catch (const std::system_error& error) {
    helper->owner_pid_ = 0;  // There is no thread to join.
    return absl::ResourceExhaustedError(
        absl::StrCat("no thread for the core's own work: ", error.what(),
                     ": raise `ulimit -u` or the cgroup's pids.max, or what limits memory: `ulimit -v`, `-d`, or `-l` "
                     "under mlockall"));
  }
  registry.threads.push_back(self);
  while (self->tid_ == 0) registry.changed.Wait(registry.mutex);
  return helper;
}

void HelperThread::Run(const std::function<void(HelperThread&)>& body) {
  pthread_setname_np(pthread_self(), name_.substr(0, 15).c_str());
  Registry& registry = GetRegistry();
  {
    MutexLock lock(registry.mutex);
    tid_ = gettid();
  }
  registry.changed.NotifyAll();
  body(*this);
  {
    MutexLock lock(registry.mutex);
    finished_ = true;
  }
  registry.changed.NotifyAll();
}

HelperThread::~HelperThread() {
  if (getpid() != owner_pid_) {
    static_cast<void>(thread_.release());  // The thread does not exist in this process.
    return;
  }
  stopping_.store(true, std::memory_order_release);
  wake_();
  thread_->join();
  Registry& registry = GetRegistry();
  MutexLock lock(registry.mutex);
  std::erase(registry.threads, this);
}

void HelperThread::ParkUntilForked() {
  Registry& registry = GetRegistry();
  MutexLock lock(registry.mutex);
  parked_ = true;
  registry.changed.NotifyAll();
  while (fork_pending_.load(std::memory_order_relaxed)) registry.changed.Wait(registry.mutex);
  parked_ = false;
}

// The analysis does not follow the mutex, which is held until the guard is destroyed.
absl::StatusOr<std::unique_ptr<ForkGuard>> ForkGuard::Enter() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  std::unique_ptr<ForkGuard> guard(new ForkGuard);
  const absl::StatusOr<int> count = ThreadCount();
  if (!count.ok()) return count.status();
  if (*count == 1) return guard;

  Registry& registry = GetRegistry();
  registry.mutex.Lock();
  guard->locked_ = true;
  const absl::StatusOr<std::vector<ThreadEntry>> threads = ListThreads();
  if (!threads.ok()) return threads.status();
  std::string foreign;
  int foreign_count = 0;
  for (const ThreadEntry& thread : *threads) {
    const bool ours = std::any_of(registry.threads.begin(), registry.threads.end(),
                                  [&](const HelperThread* helper) { return helper->tid_ == thread.tid; });
    if (ours || thread.tid == gettid()) continue;
    ++foreign_count;
    absl::StrAppend(&foreign, foreign.empty() ? "" : ", ", thread.name, " (tid ", thread.tid, ")");
  }
  if (foreign_count > SanitizerThreads(static_cast<int>(threads->size()))) {
    return absl::FailedPreconditionError(absl::StrCat("can't fork while other threads run, here ", foreign,
                                                      ": a lock that one of them holds would stay locked in the child "
                                                      "for ever. Start with StartMethod::kForkserver or "
                                                      "kSpawn, or fork before the threads begin"));
  }

  HelperThread::fork_pending_.store(true, std::memory_order_relaxed);
  for (HelperThread* helper : registry.threads) {
    if (!helper->finished_) helper->wake_();
  }
  const auto runs = [](const HelperThread* helper) { return !helper->finished_ && !helper->parked_; };
  const auto all_parked = [&]() ABSL_NO_THREAD_SAFETY_ANALYSIS {
    return std::none_of(registry.threads.begin(), registry.threads.end(), runs);
  };
  const auto end = std::chrono::steady_clock::now() + kTimeToPark;
  while (!all_parked() && std::chrono::steady_clock::now() < end) registry.changed.WaitUntil(registry.mutex, end);
  std::string busy;
  for (const HelperThread* helper : registry.threads) {
    if (runs(helper)) absl::StrAppend(&busy, busy.empty() ? "" : ", ", helper->name_, " (tid ", helper->tid_, ")");
  }
  if (busy.empty()) return guard;
  return absl::FailedPreconditionError(absl::StrCat(
      "can't fork: the core's own thread ", busy, " has been in the same callback for ", kTimeToPark.count(),
      " s, perhaps waiting for something that this thread holds. Start with StartMethod::kForkserver or kSpawn, which "
      "wait for no thread, or fork when the callback has returned"));
}

ForkGuard::~ForkGuard() ABSL_NO_THREAD_SAFETY_ANALYSIS {
  if (!locked_) return;
  Registry& registry = GetRegistry();
  HelperThread::fork_pending_.store(false, std::memory_order_relaxed);
  registry.mutex.Unlock();
  registry.changed.NotifyAll();
}

}  // namespace regatta
