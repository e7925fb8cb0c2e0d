#include "core/pool/callback_queue.h"

#include <utility>

#include "core/os/deadline.h"
#include "core/os/futex.h"

namespace regatta {

absl::Status CallbackQueue::Start() {
  if (started_.load(std::memory_order_acquire)) return absl::OkStatus();
  MutexLock one(starting_);
  if (helper_ != nullptr || stopped_.load()) return absl::OkStatus();
  absl::StatusOr<std::unique_ptr<HelperThread>> helper = HelperThread::Start(
      "regatta-calls", [this](HelperThread& self) { Body(self); },
      [this] {
        pushed_.fetch_add(1, std::memory_order_release);
        FutexWake(pushed_, 1);
      });
  if (!helper.ok()) return helper.status();
  helper_ = *std::move(helper);
  started_.store(true, std::memory_order_release);
  return absl::OkStatus();
}

void CallbackQueue::Push(std::shared_ptr<TaskState> state) {
  bool first = false;
  {
    MutexLock lock(mutex_);
    first = queue_.empty();
    queue_.push_back(std::move(state));
  }
  if (stopped_.load()) {
    while (RunOne()) {
    }
    return;
  }
  if (!first) return;  // The thread looks for more before it sleeps.
  pushed_.fetch_add(1, std::memory_order_release);
  FutexWake(pushed_, 1);
}

void CallbackQueue::Body(HelperThread& self) {
  thread_.store(std::this_thread::get_id());
  for (;;) {
    const uint32_t seen = pushed_.load(std::memory_order_acquire);
    self.Park();
    if (self.stopping()) return;
    if (!RunOne()) FutexWait(pushed_, seen, Deadline::Never());
  }
}

bool CallbackQueue::RunOne() {
  std::shared_ptr<TaskState> state;
  {
    MutexLock lock(mutex_);
    if (queue_.empty()) return false;
    state = std::move(queue_.front());
    queue_.pop_front();
  }
  const absl::Status thrown = state->RunCallback();
  state.reset();
  if (!thrown.ok()) {
    MutexLock lock(mutex_);
    ++failures_;
    last_failure_ = thrown;
  }
  returned_();
  return true;
}

void CallbackQueue::Stop() {
  std::unique_ptr<HelperThread> helper;
  {
    MutexLock one(starting_);
    stopped_.store(true);
    helper = std::move(helper_);
  }
  helper.reset();
  thread_.store(std::this_thread::get_id());
  while (RunOne()) {
  }
  thread_.store(std::thread::id());
}

uint64_t CallbackQueue::failures() const {
  MutexLock lock(mutex_);
  return failures_;
}

absl::Status CallbackQueue::last_failure() const {
  MutexLock lock(mutex_);
  return last_failure_;
}

}  // namespace regatta
