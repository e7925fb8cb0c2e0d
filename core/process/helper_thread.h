// HelperThread: a thread of the core's own, which stands still at a safe place while this process forks.
//
// A fork copies locks but not the threads that hold them. So the body names places where it holds none (Park), `wake`
// gets it there from its sleep, and every fork of the core first waits until all helper threads stand at such a place.
//
//   auto thread = HelperThread::Start("results", [](HelperThread& self) {
//     while (!self.stopping()) {
//       self.Park();
//       ... wait for work, interruptibly ...
//     }
//   }, [] { /* end that wait, from any thread */ });
//
// Fork       In a child the thread doesn't exist; destroying the object there does nothing.
// User code  A callback run by the body may itself start processes.
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
  // `wake` is called from other threads, and must make the body reach Park() or return, soon. All signals are blocked
  // in the thread: they go to the user's. ResourceExhausted: no threads left.
  static absl::StatusOr<std::unique_ptr<HelperThread>> Start(std::string name, std::function<void(HelperThread&)> body,
                                                             std::function<void()> wake);
  // Asks the body to return and waits until it has.
  ~HelperThread();
  HelperThread(const HelperThread&) = delete;
  HelperThread& operator=(const HelperThread&) = delete;

  // For the body: at a place where it holds no lock. Returns at once (one load) unless a fork is under way.
  void Park();
  // The body is to return.
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }

 private:
  friend class ForkGuard;
  HelperThread() = default;

  std::atomic<bool> stopping_{false};
  std::atomic<int32_t> tid_{0};
  int32_t owner_pid_ = 0;
  std::function<void()> wake_;
  std::thread thread_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_HELPER_THREAD_H_
