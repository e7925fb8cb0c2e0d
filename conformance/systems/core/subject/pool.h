// The core's Pool, as the scenarios see it: the same calls, and the place of the seeded faults.
#ifndef REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_POOL_H_
#define REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_POOL_H_

#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "conformance/systems/core/subject/fault.h"
#include "core/os/deadline.h"
#include "core/pool/pool.h"

namespace regatta::subject {

template <class R>
class AsyncResult {
 public:
  explicit AsyncResult(regatta::AsyncResult<R> result) : result_(std::move(result)) {}

  Outcome<R> Get(Deadline deadline = Deadline::Never()) const { return result_.Get(deadline); }
  bool Wait(Deadline deadline = Deadline::Never()) const { return result_.Wait(deadline); }
  bool Ready() const { return result_.Ready(); }
  absl::StatusOr<bool> Successful() const { return result_.Successful(); }

 private:
  regatta::AsyncResult<R> result_;
};

class Pool {
 public:
  static absl::StatusOr<Pool> Create(const PoolOptions& options = {}) {
    absl::StatusOr<regatta::Pool> pool = regatta::Pool::Create(options);
    if (!pool.ok()) return pool.status();
    return Pool(*std::move(pool));
  }

  template <class F, class... Args>
  auto Apply(F function, Args... arguments) {
    auto result = ApplyAsync(function, std::move(arguments)...);
    using O = decltype(result->Get());
    return result.ok() ? result->Get() : O(result.status());
  }

  template <class F, class... Args>
  auto ApplyAsync(F function, Args... arguments) {
    using R = typename Call<F, Args...>::Result;
    return ApplyAsync(TaskOptions<R>(), function, std::move(arguments)...);
  }
  template <class R, class F, class... Args>
  absl::StatusOr<AsyncResult<R>> ApplyAsync(TaskOptions<R> options, F function, Args... arguments) {
    if (Injected(Fault::kPoolTaskDropped) && ++tasks_ % 2 == 0) {
      return Wrapped(pool_.ApplyAsync(std::move(options), [] {
        if constexpr (!std::is_void_v<R>) return R{};
      }));
    }
    if (Injected(Fault::kPoolTaskDoubled)) {
      if (auto twin = pool_.ApplyAsync(function, arguments...); !twin.ok()) return twin.status();
    }
    if (Injected(Fault::kPoolTaskTorn))
      return Wrapped(pool_.ApplyAsync(std::move(options), function, Torn(std::move(arguments))...));
    return Wrapped(pool_.ApplyAsync(std::move(options), function, std::move(arguments)...));
  }

  absl::Status Close() { return Injected(Fault::kPoolCloseIgnored) ? absl::OkStatus() : pool_.Close(); }
  absl::Status Terminate() { return pool_.Terminate(); }
  absl::Status Join(Deadline deadline = Deadline::Never()) {
    if (Injected(Fault::kPoolCloseIgnored)) pool_.Close().IgnoreError();  // Or nothing would ever end.
    return pool_.Join(deadline);
  }
  int workers() const { return pool_.workers(); }
  PoolStatistics statistics() const { return pool_.statistics(); }

 private:
  explicit Pool(regatta::Pool pool) : pool_(std::move(pool)) {}
  template <class R>
  static absl::StatusOr<AsyncResult<R>> Wrapped(absl::StatusOr<regatta::AsyncResult<R>> result) {
    if (!result.ok()) return result.status();
    return AsyncResult<R>(*std::move(result));
  }

  regatta::Pool pool_;
  int tasks_ = 0;
};

}  // namespace regatta::subject

#endif  // REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_POOL_H_
