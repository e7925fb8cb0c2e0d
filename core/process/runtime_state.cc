#include "core/process/runtime_state.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/os/deadline.h"
#include "core/os/lifeline.h"
#include "core/process/standard_streams.h"

namespace regatta {
namespace {

// How long a daemonic child that was sent SIGTERM may take before it is sent SIGKILL.
constexpr absl::Duration kTimeToTerminate = absl::Seconds(1);
// As long as there are fewer children, all are examined each time one is added.
constexpr size_t kSweepAlwaysBelow = 16;

}  // namespace

RuntimeState& RuntimeState::Get() {
  static RuntimeState& state = *new RuntimeState;  // Never destroyed: exit handlers use it.
  return state;
}

void RuntimeState::Initialize(std::string program) {
  program_ = std::move(program);
  blocked_signals_ = BlockedSignals();
  Lifeline::WatchForks();  // Children cut their lifelines while mutex_ is held.
  pthread_atfork(LockForFork, UnlockInParent, UnlockInChild);
  std::atexit([] { Get().End(); });
  initialized_.store(true, std::memory_order_release);
}

absl::Status RuntimeState::CheckMayStart() const {
  if (!initialized()) {
    return absl::FailedPreconditionError(
        "nothing can be started before regatta::Init: call regatta::Init(&argc, &argv) first thing in main, and start "
        "nothing from static initialisers");
  }
  if (identity_.daemon) {
    return absl::FailedPreconditionError(
        absl::StrCat(identity_.name,
                     " is daemonic and may start no process: it ends by a signal when its creator does, "
                     "and would leave its children behind; start it with daemon = false"));
  }
  if (ending_.load(std::memory_order_relaxed)) {
    return absl::FailedPreconditionError(absl::StrCat(identity_.name, " is ending and can't start processes any more"));
  }
  return absl::OkStatus();
}

void RuntimeState::Become(ProcessIdentity identity) {
  {
    MutexLock lock(mutex_);
    DropInherited();
  }
  identity_ = std::move(identity);
}

ChildIdentity RuntimeState::NextChildIdentity(absl::string_view prefix) {
  const uint64_t count = children_counted_.fetch_add(1, std::memory_order_relaxed) + 1;
  std::string number = identity_.number.empty() ? absl::StrCat(count) : absl::StrCat(identity_.number, ":", count);
  return {absl::StrCat(prefix, "-", number), std::move(number)};
}

void RuntimeState::AddChild(std::shared_ptr<Child> child) {
  std::vector<std::shared_ptr<Child>> ended;  // Destroyed after the lock is.
  MutexLock lock(mutex_);
  if (children_.size() >= sweep_at_) ended = TakeEndedChildren();
  children_.push_back(std::move(child));
}

void RuntimeState::ForgetEndedChildren() {
  std::vector<std::shared_ptr<Child>> ended;  // Destroyed after the lock is.
  MutexLock lock(mutex_);
  ended = TakeEndedChildren();
}

std::vector<std::shared_ptr<Child>> RuntimeState::TakeEndedChildren() {
  const auto running =
      std::partition(children_.begin(), children_.end(), [](const auto& old) { return !old->status().has_value(); });
  std::vector<std::shared_ptr<Child>> ended(std::make_move_iterator(running), std::make_move_iterator(children_.end()));
  children_.erase(running, children_.end());
  // Examine all of them again when there are twice as many.
  sweep_at_ = children_.size() < kSweepAlwaysBelow ? 0 : 2 * children_.size();
  return ended;
}

uint64_t RuntimeState::AddExitCallback(std::function<void()> callback) {
  MutexLock lock(mutex_);
  exit_callbacks_.emplace(++exit_callbacks_added_, std::move(callback));
  return exit_callbacks_added_;
}

void RuntimeState::RemoveExitCallback(uint64_t id) {
  MutexLock lock(mutex_);
  exit_callbacks_.erase(id);
}

uint64_t RuntimeState::AddForkHandler(std::function<void()> in_child) {
  MutexLock lock(mutex_);
  fork_handlers_.emplace(++fork_handlers_added_, std::move(in_child));
  return fork_handlers_added_;
}

void RuntimeState::RemoveForkHandler(uint64_t id) {
  MutexLock lock(mutex_);
  fork_handlers_.erase(id);
}

void RuntimeState::End() {
  ending_.store(true, std::memory_order_relaxed);
  {
    MutexLock lock(mutex_);
    if (exit_callbacks_.empty() && children_.empty()) return;
  }
  FlushStandardStreams();  // So the text that this process printed before comes before the children's last lines.
  for (;;) {
    std::function<void()> callback;
    {
      MutexLock lock(mutex_);
      if (exit_callbacks_.empty()) break;
      callback = std::move(exit_callbacks_.rbegin()->second);
      exit_callbacks_.erase(std::prev(exit_callbacks_.end()));
    }
    callback();
  }
  EndChildren();
}

void RuntimeState::EndChildren() {
  std::vector<std::shared_ptr<Child>> children;
  {
    MutexLock lock(mutex_);
    children.swap(children_);
  }
  for (const auto& child : children) {
    if (child->daemon()) child->Terminate().IgnoreError();  // End() follows and reports the result.
  }
  const Deadline patience = Deadline::After(kTimeToTerminate);
  const auto report = [](const absl::Status& why) {
    fprintf(stderr, "At the end of process %d: %s\n", getpid(), std::string(why.message()).c_str());
  };
  for (const auto& child : children) {
    if (!child->daemon() || child->Wait(patience).ok()) continue;
    if (const absl::StatusOr<ExitStatus> ended = child->End(); !ended.ok()) report(ended.status());
  }
  for (const auto& child : children) {
    if (child->daemon()) continue;
    if (const absl::StatusOr<ExitStatus> ended = child->Wait(); !ended.ok()) report(ended.status());
  }
}

void RuntimeState::DropInherited() {
  // Keep the objects instead of freeing them, because the kernel would copy each page of the heap that is touched here.
  for (const auto& child : children_) {
    if (child.use_count() == 1) child->CloseInForkedChild();
  }
  if (inherited_.empty()) {
    inherited_.swap(children_);
  } else {
    children_.clear();
  }
  sweep_at_ = 0;
  exit_callbacks_.clear();
  for (const auto& [id, in_child] : fork_handlers_) in_child();
  fork_handlers_.clear();
  children_counted_.store(0, std::memory_order_relaxed);
  ending_.store(false, std::memory_order_relaxed);
}

void RuntimeState::LockForFork() { Get().mutex_.Lock(); }
void RuntimeState::UnlockInParent() { Get().mutex_.Unlock(); }
void RuntimeState::UnlockInChild() {
  Get().DropInherited();
  Get().mutex_.Unlock();
}

}  // namespace regatta
