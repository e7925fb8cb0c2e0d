// HelperThread: a thread of the core's own, which stands still at a safe place while this process forks.
//
// A fork copies locks but not the threads that hold them. So the body names places where it holds none (Park), `wake`
// gets it there from its sleep, and every fork of the core first waits until all helper threads stand at such a place.
//
//   auto thread = HelperThread::Start("results", [&](HelperThread& self) {
//     while (!self.stopping()) {
//       self.Park();
//       ... wait for work, interruptibly ...
//     }
//   }, [&] { /* end that wait, from any thread */ });
//
// Fork       In a child, of whatever fork, the thread doesn't exist; destroying the object there does nothing.
// User code  A callback run by the body may start processes by spawn and forkserver. Not by fork: the others are
//            threads in use.
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
  // `name`: at most 15 characters, as /proc shows it and as errors name it. `wake` is called from other threads, and
  // must make the body reach Park() or return, soon; also if the body only then goes to sleep (an eventfd remembers).
  // Signals are blocked in the thread: they go to the user's. ResourceExhausted: no threads left.
  static absl::StatusOr<std::unique_ptr<HelperThread>> Start(std::string name, std::function<void(HelperThread&)> body,
                                                             std::function<void()> wake);
  // Asks the body to return and waits until it has.
  ~HelperThread();
  HelperThread(const HelperThread&) = delete;
  HelperThread& operator=(const HelperThread&) = delete;

  // For the body: at a place where it holds no lock. Returns at once (one load) unless a fork is under way.
  void Park() {
    if (fork_pending_.load(std::memory_order_relaxed)) [[unlikely]]
      ParkUntilForked();
  }
  // The body is to return.
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
  // Guarded by the registry of helper threads.
  int32_t tid_ = 0;  // 0: has not begun.
  bool finished_ = false;
  bool parked_ = false;
};

// Held around a fork of the core: all helper threads stand at their safe places, and there are no threads of other
// people.
class ForkGuard {
 public:
  // FailedPrecondition: this process has threads of other people, or a helper thread doesn't come to a safe place
  // within seconds, because it runs a callback that may wait for what the caller holds. The message names the threads
  // and the way out.
  static absl::StatusOr<std::unique_ptr<ForkGuard>> Enter();
  ~ForkGuard();
  ForkGuard(const ForkGuard&) = delete;
  ForkGuard& operator=(const ForkGuard&) = delete;

 private:
  ForkGuard() = default;
  bool locked_ = false;  // The mutex of the threads' registry.
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_HELPER_THREAD_H_
