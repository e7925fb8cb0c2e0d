// The core's Pool, as the scenarios see it: the same calls, and the place of the seeded faults.
#ifndef REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_POOL_H_
#define REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_POOL_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "conformance/systems/core/subject/async_result.h"
#include "conformance/systems/core/subject/fault.h"
#include "conformance/systems/core/subject/pool_faults.h"
#include "core/os/deadline.h"
#include "core/pool/pool.h"

namespace regatta::subject {

class Pool {
 public:
  static absl::StatusOr<Pool> Create(PoolOptions options = {});
  Pool(Pool&&) = default;
  ~Pool();

  template <class F, class... Args>
  auto Apply(F function, Args... arguments) {
    static std::mutex one_at_a_time;
    std::unique_lock<std::mutex> serial(one_at_a_time, std::defer_lock);
    if (Injected(Fault::kPoolSerial)) serial.lock();
    return Gotten(ApplyAsync(function, std::move(arguments)...));
  }

  template <class F, class... Args>
  auto ApplyAsync(F function, Args... arguments) {
    using R = typename Call<F, Args...>::Result;
    return ApplyAsync(TaskOptions<R>(), function, std::move(arguments)...);
  }
  template <class R, class F, class... Args>
  absl::StatusOr<AsyncResult<R>> ApplyAsync(TaskOptions<R> options, F function, Args... arguments) {
    if (Injected(Fault::kPoolLambdaRefused) && std::is_class_v<F>) return absl::InvalidArgumentError("a seeded fault");
    const int number = ++*tasks_;
    MangleCallback(options.callback, number);
    if (KeepsBack()) return KeepBack(std::move(options), function, std::move(arguments)...);
    if (Injected(Fault::kPoolTaskDropped) && number % 2 == 0) {
      return Wrapped(real().ApplyAsync(std::move(options), [] {
        if constexpr (!std::is_void_v<R>) return R{};
      }));
    }
    if (Injected(Fault::kPoolTaskDoubled)) {
      if (auto twin = real().ApplyAsync(function, arguments...); !twin.ok()) return twin.status();
    }
    if (Injected(Fault::kPoolTaskTorn)) {
      return Wrapped(real().ApplyAsync(std::move(options), function, Torn(std::move(arguments))...));
    }
    if (Injected(Fault::kPoolCallbackOvertakes) && options.callback && number > 1) {
      return CallBackAtOnce(std::exchange(options.callback, nullptr), function, std::move(arguments)...);
    }
    auto result = real().ApplyAsync(std::move(options), function, std::move(arguments)...);
    if (Injected(Fault::kPoolAsyncWaits) && result.ok()) result->Wait();
    if (Injected(Fault::kPoolWorkerEachTask)) EndAWorker();
    if (Injected(Fault::kPoolResultOfAnother) && result.ok()) {
      static regatta::AsyncResult<R> before = *result;
      *result = std::exchange(before, *result);
    }
    return Wrapped(std::move(result));
  }

  template <class F, class Item>
  auto Map(F function, std::vector<Item> items, MapOptions options = {}) {
    return Gotten(MapAsync(function, std::move(items), options));
  }
  template <class F, class Item>
  auto MapAsync(F function, std::vector<Item> items, MapOptions options = {}) {
    return Wrapped(real().MapAsync(function, MangledItems(std::move(items)), options));
  }
  template <class All, class F, class Item>
  absl::StatusOr<AsyncResult<All>> MapAsync(TaskOptions<All> whole, F function, std::vector<Item> items) {
    MangleCallback(whole.callback, 0);
    return Wrapped(real().MapAsync(std::move(whole), function, MangledItems(std::move(items))));
  }
  template <class F, class... Parts>
  auto StarMap(F function, std::vector<std::tuple<Parts...>> tuples) {
    return Gotten(Wrapped(real().StarMapAsync(function, MangledItems(std::move(tuples)))));
  }

  absl::Status Close();
  absl::Status Terminate();
  absl::Status Join(Deadline deadline = Deadline::Never());
  int workers() const { return pool_ == nullptr ? options_.workers.value_or(0) : pool_->workers(); }
  // Of the live workers.
  std::vector<int32_t> pids() const;

 private:
  explicit Pool(PoolOptions options) : options_(std::move(options)) {}
  template <class R>
  static absl::StatusOr<AsyncResult<R>> Wrapped(absl::StatusOr<regatta::AsyncResult<R>> result) {
    if (!result.ok()) return result.status();
    return AsyncResult<R>(*std::move(result));
  }
  template <class R>
  static Outcome<R> Gotten(absl::StatusOr<AsyncResult<R>> result) {
    if (!result.ok()) return result.status();
    return result->Get();
  }

  // For kPoolReversed, until Close; and kPoolJoinEarly, until the next task comes, or Join has returned.
  static bool KeepsBack() { return Injected(Fault::kPoolReversed) || Injected(Fault::kPoolJoinEarly); }
  template <class R, class F, class... Args>
  AsyncResult<R> KeepBack(TaskOptions<R> options, F function, Args... arguments) {
    if (Injected(Fault::kPoolJoinEarly)) SubmitKept();
    auto later = std::make_shared<regatta::AsyncResult<R>>();
    kept_.push_back([=, pool = &real()] {
      if (auto result = pool->ApplyAsync(options, function, arguments...); result.ok()) *later = *std::move(result);
    });
    return AsyncResult<R>(later);
  }
  // The newest first.
  void SubmitKept();

  template <class C, class F, class... Args>
  auto CallBackAtOnce(C callback, F function, Args... arguments) {
    auto result = real().ApplyAsync(function, std::move(arguments)...);
    if (result.ok()) {
      if (const auto outcome = result->Get(); outcome.ok()) CallBackWith(callback, outcome);
    }
    return Wrapped(std::move(result));
  }
  void EndAWorker();
  regatta::Pool& real();

  PoolOptions options_;
  std::unique_ptr<regatta::Pool> pool_;
  std::unique_ptr<std::atomic<int>> tasks_ = std::make_unique<std::atomic<int>>(0);
  std::vector<std::function<void()>> kept_;
};

}  // namespace regatta::subject

#endif  // REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_POOL_H_
