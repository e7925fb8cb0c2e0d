// AsyncResult: what a task will have returned.
//
// Handle     Copies share one result. It may outlive its pool: what was pending then is Cancelled.
// Threads    Thread-safe. Process: the pool's owner only.
// Waiting    Get and Wait look again while they wait, so a result is there as soon as its worker has posted it.
#ifndef REGATTA_CORE_POOL_ASYNC_RESULT_H_
#define REGATTA_CORE_POOL_ASYNC_RESULT_H_

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/codec/codec.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/pool/pool_core.h"

namespace regatta {

// absl::StatusOr<R>, and absl::Status for functions that return nothing else.
template <class R>
using Outcome = std::conditional_t<std::is_void_v<R>, absl::Status, absl::StatusOr<R>>;

namespace pool_internal {

template <class R>
struct CallbackOf {
  using Type = std::function<void(const R&)>;
};
template <>
struct CallbackOf<void> {
  using Type = std::function<void()>;
};
template <class R>
using Callback = typename CallbackOf<R>::Type;

template <class R>
Outcome<R> DecodeOutcome(absl::Status outcome, absl::Span<const std::byte> bytes) {
  if constexpr (std::is_void_v<R>) {
    return outcome;
  } else {
    if (!outcome.ok()) return outcome;
    return Decode<R>(bytes);
  }
}

template <class R>
class ResultState : public TaskState {
 public:
  bool Resolve(uint64_t, absl::Status outcome, absl::Span<const std::byte> bytes) override {
    result.emplace(DecodeOutcome<R>(std::move(outcome), bytes));
    return true;
  }
  void RunCallback() override {
    if (result->ok()) {
      if constexpr (std::is_void_v<R>) {
        if (callback) callback();
      } else {
        if (callback) callback(**result);
      }
    } else if (error_callback) {
      if constexpr (std::is_void_v<R>) {
        error_callback(*result);
      } else {
        error_callback(result->status());
      }
    }
  }

  std::optional<Outcome<R>> result;
  Callback<R> callback;
  std::function<void(const absl::Status&)> error_callback;
};

}  // namespace pool_internal

template <class R>
class AsyncResult {
 public:
  AsyncResult() = default;  // None yet: assign one to it.

  // Waits until `deadline`, and says the same every time once it is there. DeadlineExceeded (Unavailable with
  // Deadline::Now()): not yet; a later Get may succeed. Aborted: the worker was killed, with pid and signal (DeathOf).
  // Cancelled: the pool was terminated. Unknown: the function threw (ThrownType). Otherwise the function's own status.
  Outcome<R> Get(Deadline deadline = Deadline::Never()) const& {
    if (absl::Status there = Await(deadline); !there.ok()) return there;
    return *state_->result;
  }
  // The same, and moves the result out.
  Outcome<R> Get(Deadline deadline = Deadline::Never()) && {
    if (absl::Status there = Await(deadline); !there.ok()) return there;
    return *std::move(state_->result);
  }
  // Whether it is there by `deadline`.
  bool Wait(Deadline deadline = Deadline::Never()) const { return Await(deadline).ok(); }
  bool Ready() const { return Await(Deadline::Now()).ok(); }
  // Whether the task succeeded. FailedPrecondition: it isn't ready.
  absl::StatusOr<bool> Successful() const {
    if (!Ready()) return absl::FailedPreconditionError("Successful of a result that isn't ready: Wait for it first");
    return state_->result->ok();
  }

 private:
  friend class Pool;
  using State = pool_internal::ResultState<R>;
  AsyncResult(std::shared_ptr<PoolCore> core, std::shared_ptr<State> state)
      : core_(std::move(core)), state_(std::move(state)) {}

  absl::Status Await(Deadline deadline) const {
    if (state_ == nullptr) return absl::FailedPreconditionError("this AsyncResult belongs to no task");
    if (core_->Wait([this] { return state_->done.load(std::memory_order_acquire); }, deadline)) return absl::OkStatus();
    return deadline.is_now() ? absl::UnavailableError("the task has not ended yet")
                             : absl::DeadlineExceededError("the task has not ended yet");
  }

  std::shared_ptr<PoolCore> core_;
  std::shared_ptr<State> state_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_ASYNC_RESULT_H_
