// The state of this process's runtime, for the other parts of this package.
//
// Threads  Thread-safe, except for Become, which a child calls while it has one thread.
// Fork     A handler corrects the state in the child of every fork(), also of users' own: the child has no children and
//          no callbacks. After a raw clone Become does that.
#ifndef REGATTA_CORE_PROCESS_RUNTIME_STATE_H_
#define REGATTA_CORE_PROCESS_RUNTIME_STATE_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "core/os/mutex.h"
#include "core/os/signal_mask.h"
#include "core/process/child.h"
#include "core/process/child_identity.h"

namespace regatta {

// The identity of a process. The defaults are those of the first one.
struct ProcessIdentity {
  std::string name = "MainProcess";
  std::string number = {};  // As in ChildIdentity.
  bool daemon = false;
  int32_t creator_pid = 0;
};

class RuntimeState {
 public:
  static RuntimeState& Get();
  RuntimeState(const RuntimeState&) = delete;
  RuntimeState& operator=(const RuntimeState&) = delete;

  // Call it first in main. `program` is argv[0].
  void Initialize(std::string program);
  bool initialized() const { return initialized_.load(std::memory_order_acquire); }
  const std::string& program() const { return program_; }
  // The signals that a fresh process blocks when its function begins: those that the main thread blocked at Init, or
  // those that this process itself began with (in a process of the core, all signals are blocked at Init).
  SignalSet blocked_signals() const { return blocked_signals_; }
  void set_blocked_signals(SignalSet blocked) { blocked_signals_ = blocked; }

  // FailedPrecondition: Init has not run; this process is daemonic; or it is ending.
  absl::Status CheckMayStart() const;

  // Makes this process a new one, with nothing of its creator's state.
  void Become(ProcessIdentity identity);
  const ProcessIdentity& identity() const { return identity_; }
  ChildIdentity NextChildIdentity(absl::string_view prefix);

  // Ends the child with this process. A later call reaps it at the latest.
  void AddChild(std::shared_ptr<Child> child);
  // Drops the children that have ended. Their descriptors are closed, unless other handles hold them.
  void ForgetEndedChildren();

  uint64_t AddExitCallback(std::function<void()> callback);
  void RemoveExitCallback(uint64_t id);

  // Runs `in_child` in the child of each fork(), also of users' own. It closes descriptors of the core that a child
  // does not need, some of which would hide the end of file from their peers. It must not block.
  uint64_t AddForkHandler(std::function<void()> in_child);
  void RemoveForkHandler(uint64_t id);

  // Runs the callbacks and ends the children, at the end of this process.
  void End();

 private:
  RuntimeState() = default;
  static void LockForFork() ABSL_EXCLUSIVE_LOCK_FUNCTION(Get().mutex_);
  static void UnlockInParent() ABSL_UNLOCK_FUNCTION(Get().mutex_);
  static void UnlockInChild() ABSL_UNLOCK_FUNCTION(Get().mutex_);
  void DropInherited() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void EndChildren();
  std::vector<std::shared_ptr<Child>> TakeEndedChildren() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  std::atomic<bool> initialized_{false};
  std::atomic<bool> ending_{false};
  std::atomic<uint64_t> children_counted_{0};
  std::string program_;
  SignalSet blocked_signals_ = 0;
  ProcessIdentity identity_;

  Mutex mutex_;  // Never held while user code runs or the thread blocks.
  std::vector<std::shared_ptr<Child>> children_ ABSL_GUARDED_BY(mutex_);
  std::vector<std::shared_ptr<Child>> inherited_ ABSL_GUARDED_BY(mutex_);  // In a forked child: its creator's children.
  size_t sweep_at_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, std::function<void()>> exit_callbacks_ ABSL_GUARDED_BY(mutex_);
  uint64_t exit_callbacks_added_ ABSL_GUARDED_BY(mutex_) = 0;
  std::map<uint64_t, std::function<void()>> fork_handlers_ ABSL_GUARDED_BY(mutex_);
  uint64_t fork_handlers_added_ ABSL_GUARDED_BY(mutex_) = 0;
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_RUNTIME_STATE_H_
