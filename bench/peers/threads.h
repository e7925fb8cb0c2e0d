// Threads: oneTBB's, in one process. What a pool of processes is compared with where the work could also be threads.
//
// In Map and MapUnordered the caller is one of the `workers` threads, as oneTBB has it; Apply hands its task to another
// thread.
#ifndef REGATTA_BENCH_PEERS_THREADS_H_
#define REGATTA_BENCH_PEERS_THREADS_H_

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "bench/peers/task_pool.h"
#include "bench/results/context.h"

namespace regatta::bench {

Availability ThreadsAvailability();

class Threads {
 public:
  // Unavailable: not built in. Else what oneTBB threw.
  static absl::StatusOr<std::unique_ptr<Threads>> Create(const PoolShape& shape);
  ~Threads();

  template <class F, class Item>
  absl::StatusOr<ResultOf<F, Item>> Apply(F function, const Item& item) {
    absl::StatusOr<ResultOf<F, Item>> result(absl::UnknownError("the task did not run"));
    if (absl::Status ran = OnOther([&] { result = function(item); }); !ran.ok()) return ran;
    return result;
  }
  // Returns at once; what it returns is asked Ready, and then Get.
  template <class R>
  class Pending {
   public:
    bool Ready() const { return state_->done.load(std::memory_order_acquire); }
    absl::StatusOr<R> Get() const { return state_->result; }

   private:
    friend class Threads;
    struct State {
      std::atomic<bool> done{false};
      absl::StatusOr<R> result = absl::UnknownError("the task did not run");
    };
    std::shared_ptr<State> state_ = std::make_shared<State>();
  };
  template <class F, class Item>
  absl::StatusOr<Pending<ResultOf<F, Item>>> Submit(F function, const Item& item) {
    Pending<ResultOf<F, Item>> pending;
    const absl::Status begun = BeginOnOther([state = pending.state_, function, item] {
      state->result = function(item);
      state->done.store(true, std::memory_order_release);
    });
    if (!begun.ok()) return begun;
    return pending;
  }
  template <class F, class Item>
  absl::Status Map(F function, const std::vector<Item>& items, int64_t chunk, std::vector<ResultOf<F, Item>>& results) {
    results.resize(items.size());
    return ForAll(static_cast<int64_t>(items.size()), chunk, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) results[i] = function(items[i]);
    });
  }
  template <class F, class Item, class Done>
  absl::Status MapUnordered(F function, const std::vector<Item>& items, Done done) {
    std::mutex mutex;
    absl::Status failed;
    const absl::Status ran = ForAll(static_cast<int64_t>(items.size()), 1, [&](int64_t begin, int64_t end) {
      for (int64_t i = begin; i < end; ++i) {
        absl::StatusOr<ResultOf<F, Item>> result = function(items[i]);
        const std::lock_guard<std::mutex> lock(mutex);
        if (result.ok()) {
          done(*result);
        } else {
          failed.Update(result.status());
        }
      }
    });
    return ran.ok() ? failed : ran;
  }
  absl::Status Finish() { return absl::OkStatus(); }

 private:
  struct Impl;
  Threads();
  absl::Status OnOther(const std::function<void()>& work);
  absl::Status BeginOnOther(std::function<void()> work);
  absl::Status ForAll(int64_t items, int64_t chunk, const std::function<void(int64_t, int64_t)>& work);

  std::unique_ptr<Impl> impl_;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_PEERS_THREADS_H_
