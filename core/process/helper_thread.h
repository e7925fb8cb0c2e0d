// HelperThread: a thread of the core that stands at a safe place whenever this process forks.
//
// A fork copies locks, but not the threads that hold them. Therefore the body of a helper thread calls Park at places
// where it holds no lock. `wake` interrupts the body's sleep, so that it reaches such a place. Every fork of the core
// first waits until all helper threads are parked.
//
//   auto thread = HelperThread::Start("results", [&](HelperThread& self) {
//     while (!self.stopping()) {
//       self.Park();
//       ... wait for work, interruptibly ...
//     }
//   }, [&] { /* end that wait, from any thread */ });
//
// Fork       The thread does not exist in a child of any fork. The destructor of the object does nothing there.
// User code  A callback that the body runs may start processes by spawn and forkserver, but not by fork, because the
//            other helper threads are in use.
#ifndef REGATTA_CORE_PROCESS_HELPER_THREAD_H_
#define REGATTA_CORE_PROCESS_HELPER_THREAD_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <thread>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace regatta {

class HelperThread {
 public:
  // `name` has at most 15 characters; /proc and errors show it. `wake` is called from other threads. It must make the
  // body reach Park() or return soon, even if the body goes to sleep only afterwards (an eventfd has this memory). The
  // thread blocks all signals, so that they are delivered to the user's threads. ResourceExhausted: no threads left.
  static absl::StatusOr<std::unique_ptr<HelperThread>> Start(std::string name, std::function<void(HelperThread&)> body,
                                                             std::function<void()> wake);
  // Requests the body to return, and waits until it has.
  ~HelperThread();
  HelperThread(const HelperThread&) = delete;
  HelperThread& operator=(const HelperThread&) = delete;

  // Called by the body at a place where it holds no lock. Returns at once (one load) unless a fork is under way.
  void Park() {
    if (fork_pending_.load(std::memory_order_relaxed)) [[unlikely]]
      ParkUntilForked();
  }
  // True once the body must return.
  bool stopping() const { return stopping_.load(std::memory_order_acquire); }

 private:
  friend class ForkGuard;
  HelperThread() = default;
  void Run(const std::function<void(HelperThread&)>& body);
  void ParkUntilForked();
  static void ForgetAllInChild();

  static std::atomic<bool> fork_pending_;
  std::atomic<bool> stopping_{false};
  int32_t owner_pid_ = 0;
  std::string name_;
  std::function<void()> wake_;
  std::unique_ptr<std::thread> thread_;
  // The registry of helper threads guards this.
  int32_t tid_ = 0;  // 0: the thread has not begun.
  bool finished_ = false;
  bool parked_ = false;
};

// Held during a fork of the core. As long as it exists, all helper threads are parked. It can be made only if no other
// threads run.
class ForkGuard {
 public:
  // FailedPrecondition: this process has threads that are not the core's, or a helper thread does not park within
  // seconds, because it runs a callback that may wait for something that the caller holds. The message names the
  // threads and says what to do.
  static absl::StatusOr<std::unique_ptr<ForkGuard>> Enter();
  ~ForkGuard();
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;

 private:
  ForkGuard() = default;
  bool locked_ = false;  // Whether it holds the mutex of the registry.
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_HELPER_THREAD_H_
