#include "bench/peers/threads.h"

#include <atomic>
#include <exception>
#include <semaphore>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/topology/affinity.h"

#if REGATTA_HAVE_TBB

#include <oneapi/tbb/blocked_range.h>
#include <oneapi/tbb/global_control.h>
#include <oneapi/tbb/parallel_for.h>
#include <oneapi/tbb/partitioner.h>
#include <oneapi/tbb/task_arena.h>
#include <oneapi/tbb/task_scheduler_observer.h>
#include <oneapi/tbb/version.h>

namespace regatta::bench {
namespace {

absl::Status Thrown(const std::exception& thrown) {
  return absl::UnknownError(absl::StrCat("oneTBB: ", thrown.what()));
}

// Pins each thread of an arena as it comes in, by its place there.
class Pinner : public tbb::task_scheduler_observer {
 public:
  Pinner(tbb::task_arena& arena, std::vector<int> cpus) : task_scheduler_observer(arena), cpus_(std::move(cpus)) {
    observe(true);
  }
  ~Pinner() override { observe(false); }

  void on_scheduler_entry(bool is_worker) override {
    const int place = tbb::this_task_arena::current_thread_index();
    if (!is_worker || place < 0) return;
    const absl::Status pinned = PinThisThread({cpus_[static_cast<size_t>(place) % cpus_.size()]});
    if (!pinned.ok()) failed_.store(true, std::memory_order_relaxed);
  }
  bool failed() const { return failed_.load(std::memory_order_relaxed); }

 private:
  const std::vector<int> cpus_;
  std::atomic<bool> failed_{false};
};

}  // namespace

struct Threads::Impl {
  explicit Impl(const PoolShape& shape)
      : limit(tbb::global_control::max_allowed_parallelism, static_cast<size_t>(shape.workers) + 1),
        together(shape.workers, /*reserved_for_masters=*/1),
        apart(shape.workers + 1, /*reserved_for_masters=*/1) {
    together.initialize();
    apart.initialize();
    if (shape.cpus.empty()) return;
    pinner_together.emplace(together, shape.cpus);
    pinner_apart.emplace(apart, shape.cpus);
  }
  absl::Status CheckPinned() const {
    const bool failed = (pinner_together && pinner_together->failed()) || (pinner_apart && pinner_apart->failed());
    return failed ? absl::PermissionDeniedError("a thread could not be pinned (--pin=false runs unpinned)")
                  : absl::OkStatus();
  }

  tbb::global_control limit;
  tbb::task_arena together;  // The caller is one of its threads.
  tbb::task_arena apart;     // The caller only waits.
  std::optional<Pinner> pinner_together;
  std::optional<Pinner> pinner_apart;
  std::binary_semaphore done{0};  // Apply's task has run.
};

Availability ThreadsAvailability() {
  return {.system = "threads", .present = true, .version = absl::StrCat("oneTBB ", TBB_VERSION_STRING), .reason = ""};
}

absl::StatusOr<std::unique_ptr<Threads>> Threads::Create(const PoolShape& shape) {
  try {
    std::unique_ptr<Threads> threads(new Threads);
    threads->impl_ = std::make_unique<Impl>(shape);
    return threads;
  } catch (const std::exception& thrown) {
    return Thrown(thrown);
  }
}

absl::Status Threads::OnOther(const std::function<void()>& work) {
  try {
    impl_->apart.enqueue([&] {
      work();
      impl_->done.release();
    });
    impl_->done.acquire();  // Spins a while, then sleeps.
    return impl_->CheckPinned();
  } catch (const std::exception& thrown) {
    return Thrown(thrown);
  }
}

absl::Status Threads::BeginOnOther(std::function<void()> work) {
  try {
    impl_->apart.enqueue(std::move(work));
    return impl_->CheckPinned();
  } catch (const std::exception& thrown) {
    return Thrown(thrown);
  }
}

absl::Status Threads::ForAll(int64_t items, int64_t chunk, const std::function<void(int64_t, int64_t)>& work) {
  using Range = tbb::blocked_range<int64_t>;
  const auto body = [&work](const Range& range) { work(range.begin(), range.end()); };
  try {
    impl_->together.execute([&] {
      if (chunk > 0) {
        // At most `chunk` items a task, always split as far as that.
        tbb::parallel_for(Range(0, items, static_cast<size_t>(chunk)), body, tbb::simple_partitioner());
      } else {
        tbb::parallel_for(Range(0, items), body, tbb::auto_partitioner());
      }
    });
    return impl_->CheckPinned();
  } catch (const std::exception& thrown) {
    return Thrown(thrown);
  }
}

}  // namespace regatta::bench

#else

namespace regatta::bench {

struct Threads::Impl {};

Availability ThreadsAvailability() {
  return {.system = "threads",
          .present = false,
          .version = "",
          .reason = "oneTBB was not installed when this was built (apt-get install libtbb-dev)"};
}

absl::StatusOr<std::unique_ptr<Threads>> Threads::Create(const PoolShape&) {
  return absl::UnavailableError(ThreadsAvailability().reason);
}
absl::Status Threads::OnOther(const std::function<void()>&) {
  return absl::UnavailableError(ThreadsAvailability().reason);
}
absl::Status Threads::BeginOnOther(std::function<void()>) {
  return absl::UnavailableError(ThreadsAvailability().reason);
}
absl::Status Threads::ForAll(int64_t, int64_t, const std::function<void(int64_t, int64_t)>&) {
  return absl::UnavailableError(ThreadsAvailability().reason);
}

}  // namespace regatta::bench

#endif

namespace regatta::bench {

Threads::Threads() = default;
Threads::~Threads() = default;

}  // namespace regatta::bench
