// AsyncResult: what a task will have returned.
//
// Handle     Copies share one result. It may outlive its pool: what was pending then is Cancelled.
// Threads    Thread-safe. Process: the pool's owner only; in a forked child every call is FailedPrecondition.
// Decoding   The first Get (or the callback) decodes the result, in its thread. If the codec throws, that is the
//            result.
#ifndef REGATTA_CORE_POOL_ASYNC_RESULT_H_
#define REGATTA_CORE_POOL_ASYNC_RESULT_H_

#include <climits>
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
#include "core/os/futex.h"
#include "core/pool/pool_core.h"
#include "core/process/call.h"

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

// Whether values of T can be copied: std::is_copy_constructible says so of a vector of what can't.
template <class T>
struct IsCopyable : std::is_copy_constructible<T> {};
template <class T>
requires requires { typename T::value_type; }
struct IsCopyable<T> : std::conjunction<std::is_copy_constructible<T>, IsCopyable<typename T::value_type>> {};
template <>
struct IsCopyable<void> : std::true_type {};

// Decoding these runs no user code, so it needs no thread and no moment of its own; and they are copied as fast as
// moved.
template <class R>
inline constexpr bool kIsPlain = std::is_void_v<R> || std::is_arithmetic_v<R>;

// Runs `work`, which returns an Outcome<R> and may throw.
template <class R, class Work>
Outcome<R> OutcomeOf(Work&& work) {
  std::optional<Outcome<R>> outcome;
  const absl::Status thrown = call_internal::WithoutExceptions([&] {
    outcome.emplace(work());
    return absl::OkStatus();
  });
  if (!thrown.ok()) return thrown;
  return *std::move(outcome);
}

template <class R>
Outcome<R> DecodeOutcome(const RawResult& raw) {
  if constexpr (std::is_void_v<R>) {
    return raw.error();
  } else if constexpr (kIsPlain<R>) {
    if (!raw.error().ok()) return raw.error();
    return Decode<R>(raw.bytes());
  } else {
    if (!raw.error().ok()) return raw.error();
    return OutcomeOf<R>([&] { return Decode<R>(raw.bytes()); });
  }
}

template <class R>
struct Callbacks {
  Callback<R> success;
  std::function<void(const absl::Status&)> error;
};

template <class R>
class ResultState : public TaskState {
 public:
  void SetCallbacks(Callback<R> success, std::function<void(const absl::Status&)> error) {
    if (!success && !error) return;
    callbacks_.reset(new Callbacks<R>{std::move(success), std::move(error)});
    wants_callback = true;
    users_.store(1, std::memory_order_relaxed);
  }

  bool Take(uint64_t, uint32_t, RawResult&& result) override {
    if constexpr (kIsPlain<R>) {
      result_.emplace(DecodeOutcome<R>(result));
      SetSettled();
    } else {
      raw_.emplace(std::move(result));
    }
    return true;
  }

  absl::Status RunCallback() override {
    Settle(Deadline::Never());
    absl::Status thrown = call_internal::WithoutExceptions([&] { return Call(); });
    if (!thrown.ok() && result_->ok() && callbacks_->error) {
      thrown = call_internal::WithoutExceptions([&] {
        callbacks_->error(thrown);
        return absl::OkStatus();
      });
    }
    callbacks_.reset();
    users_.fetch_sub(1, std::memory_order_release);
    if constexpr (!IsCopyable<R>::value) FutexWake(users_, INT_MAX);
    return thrown;
  }

  // The result. It is settled.
  Outcome<R> Copy() {
    if constexpr (kIsPlain<R>) {
      return *result_;
    } else {
      if (!result_->ok()) return result_->status();
      const User user(&users_);
      if (!user.granted()) return MovedOut();
      return OutcomeOf<R>([&]() -> Outcome<R> { return *result_; });
    }
  }
  // The result, moved out if nothing else reads it. A callback that has yet to run does. What can't be copied is waited
  // for.
  Outcome<R> MoveOut([[maybe_unused]] const PoolCore& core, [[maybe_unused]] Deadline deadline) {
    if constexpr (kIsPlain<R>) {
      return *result_;
    } else {
      if (!result_->ok()) return result_->status();
      for (;;) {
        uint32_t users = 0;
        if (users_.compare_exchange_strong(users, kMovedOut, std::memory_order_acquire)) {
          return OutcomeOf<R>([&]() -> Outcome<R> { return *std::move(result_); });
        }
        if ((users & kMovedOut) != 0) return MovedOut();
        if constexpr (IsCopyable<R>::value) {
          return Copy();
        } else {
          if (core.InCallback()) {
            return absl::FailedPreconditionError("a callback is reading this result, which can't be copied");
          }
          if (deadline.passed()) return absl::DeadlineExceededError("the task's callback has not returned yet");
          FutexWait(users_, users, deadline);
        }
      }
    }
  }
  bool succeeded() const { return result_->ok(); }

 protected:
  bool Decode() override {
    if (!raw_.has_value()) return false;
    result_.emplace(DecodeOutcome<R>(*raw_));
    raw_.reset();
    return true;
  }

  std::optional<Outcome<R>> result_;

 private:
  static constexpr uint32_t kMovedOut = uint32_t{1} << 31;

  // Keeps the result from being moved out.
  class User {
   public:
    explicit User(std::atomic<uint32_t>* users)
        : users_(users), granted_((users_->fetch_add(1, std::memory_order_acquire) & kMovedOut) == 0) {}
    ~User() {
      users_->fetch_sub(1, std::memory_order_release);
      if constexpr (!IsCopyable<R>::value) FutexWake(*users_, INT_MAX);
    }
    User(const User&) = delete;
    User& operator=(const User&) = delete;
    bool granted() const { return granted_; }

   private:
    std::atomic<uint32_t>* users_;
    bool granted_;
  };

  static absl::Status MovedOut() {
    return absl::FailedPreconditionError("this result was moved out: only one Get() of an rvalue can have it");
  }
  absl::Status Call() {
    if (!result_->ok()) {
      if (!callbacks_->error) return absl::OkStatus();
      if constexpr (std::is_void_v<R>) {
        callbacks_->error(*result_);
      } else {
        callbacks_->error(result_->status());
      }
    } else if (callbacks_->success) {
      if constexpr (std::is_void_v<R>) {
        callbacks_->success();
      } else {
        callbacks_->success(**result_);
      }
    }
    return absl::OkStatus();
  }

  std::optional<RawResult> raw_;
  std::unique_ptr<Callbacks<R>> callbacks_;
  std::atomic<uint32_t> users_{0};  // That read the result, among them a callback that has not returned; or kMovedOut.
};

}  // namespace pool_internal

template <class R>
class AsyncResult {
 public:
  AsyncResult() = default;  // None yet: assign one to it.

  // Waits until `deadline`, and returns the same every time once it is there. DeadlineExceeded (Unavailable with
  // Deadline::Now()): not yet; a later Get may succeed. Aborted: the worker was killed, with pid and signal (DeathOf).
  // Cancelled: the pool was terminated. Unknown: the function, or the codec of its result, threw (ThrownType).
  // Otherwise the function's own status.
  Outcome<R> Get(Deadline deadline = Deadline::Never()) const& {
    if (IsThere()) return state_->Copy();
    if (absl::Status there = Await(deadline); !there.ok()) return there;
    return state_->Copy();
  }
  // The same, and moves the value out, except a number: other handles' Get is FailedPrecondition afterwards. While a
  // callback has yet to read the value, it is copied; a value that can't be copied is waited for until the callback has
  // returned.
  Outcome<R> Get(Deadline deadline = Deadline::Never()) && {
    if (IsThere()) return state_->MoveOut(*core_, deadline);
    if (absl::Status there = Await(deadline); !there.ok()) return there;
    return state_->MoveOut(*core_, deadline);
  }
  // Whether it is there by `deadline`.
  bool Wait(Deadline deadline = Deadline::Never()) const { return AwaitEnd(deadline).ok(); }
  bool Ready() const { return AwaitEnd(Deadline::Now()).ok(); }
  // Whether the task succeeded. FailedPrecondition: it isn't ready.
  absl::StatusOr<bool> Successful() const {
    if (!Ready() || !Await(Deadline::Never()).ok()) {
      return absl::FailedPreconditionError("Successful of a result that isn't ready: Wait for it first");
    }
    return state_->succeeded();
  }

 private:
  friend class Pool;
  using State = pool_internal::ResultState<R>;
  AsyncResult(std::shared_ptr<PoolCore> core, std::shared_ptr<State> state)
      : core_(std::move(core)), state_(std::move(state)) {}

  // Whether it can be read at once; a few loads.
  bool IsThere() const {
    return state_ != nullptr && core_->IsOwner() && state_->done.load(std::memory_order_acquire) &&
           state_->is_settled();
  }
  // Waits until the task has ended.
  absl::Status AwaitEnd(Deadline deadline) const {
    if (state_ == nullptr) return absl::FailedPreconditionError("this AsyncResult belongs to no task");
    if (absl::Status owner = core_->CheckOwner(); !owner.ok()) return owner;
    if (state_->done.load(std::memory_order_acquire)) return absl::OkStatus();
    for (;;) {
      const auto look = [this] { return state_->done.load(std::memory_order_acquire) || state_->WantsSettling(); };
      if (absl::Status there = core_->Wait(*state_->waiters, look, deadline); !there.ok()) return there;
      if (state_->done.load(std::memory_order_acquire)) return absl::OkStatus();
      state_->SettleSome();
    }
  }
  // The same, and until it has been decoded.
  absl::Status Await(Deadline deadline) const {
    if (absl::Status there = AwaitEnd(deadline); !there.ok()) return there;
    if (state_->Settle(deadline)) return absl::OkStatus();
    return absl::DeadlineExceededError("another thread is still decoding the task's result");
  }

  std::shared_ptr<PoolCore> core_;
  std::shared_ptr<State> state_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_ASYNC_RESULT_H_
