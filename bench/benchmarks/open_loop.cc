// queue_open_loop and pool_open_loop: latency under load. Messages and tasks fall due at 50, 70 and 90 % of the
// capacity measured just before in the same process, and their latency counts from when each was due
// (harness/open_loop.h).
#include "bench/harness/open_loop.h"

#include <algorithm>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmarks/add_arms.h"
#include "bench/message_open_loop.h"
#include "bench/peers/boost_message_queue.h"
#include "bench/peers/core_pool.h"
#include "bench/peers/core_queue.h"
#include "bench/peers/cpython.h"
#include "bench/peers/pipe.h"
#include "bench/peers/ring.h"
#include "bench/peers/task_pool.h"
#include "bench/peers/threads.h"
#include "bench/peers/zeromq.h"
#include "bench/tasks.h"
#include "core/os/deadline.h"

namespace regatta::bench {
namespace {

constexpr int kLoads[] = {50, 70, 90};
constexpr size_t kBytes = 64;

// Empty tasks handed to a pool of one worker by a submitter that also takes the results, in order, whenever none is
// due.
template <class P>
class TaskOpenLoop : public OpenLoop {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(PartnerWatch&, const PoolShape& shape, int load) {
    absl::StatusOr<std::unique_ptr<P>> pool = P::Create(shape);
    if (!pool.ok()) return pool.status();
    std::unique_ptr<TaskOpenLoop> fixture(new TaskOpenLoop(*std::move(pool)));
    if (absl::Status set = fixture->SetLoad(1000, load); !set.ok()) return set;
    return fixture;
  }

  absl::Status Finish() override { return pool_->Finish(); }

 private:
  using Handle = decltype(std::declval<P&>().Submit(&RunGrain, Grain()));
  struct Pending {
    int64_t due_ns;
    uint64_t value;
    typename Handle::value_type result;
  };

  explicit TaskOpenLoop(std::unique_ptr<P> pool) : pool_(std::move(pool)) {}

  // Nanoseconds from when the first task may be due to the last result.
  absl::StatusOr<int64_t> RunPart(int64_t tasks, double per_second, uint64_t seed) override {
    const std::vector<int64_t> arrivals = PoissonArrivals(seed, per_second, static_cast<size_t>(tasks));
    samples_.clear();
    const int64_t began = MonotonicNanos();
    const absl::Status sent = SendWhenDue(
        arrivals, began, &MonotonicNanos, [this] { return TakeIfReady(); },
        [this](int64_t due) {
          const uint64_t value = ++value_;
          Handle result = pool_->Submit(&RunGrain, Grain{.value = value, .steps = 0});
          if (!result.ok()) [[unlikely]]
            return result.status();
          pending_.push_back({due, value, *std::move(result)});
          return absl::OkStatus();
        });
    if (!sent.ok()) return sent;
    while (!pending_.empty()) {
      if (absl::Status taken = TakeIfReady(); !taken.ok()) return taken;
    }
    return MonotonicNanos() - began;
  }

  // The oldest result, if it is there.
  absl::Status TakeIfReady() {
    if (pending_.empty() || !pending_.front().result.Ready()) return absl::OkStatus();
    Pending& oldest = pending_.front();
    samples_.push_back(MonotonicNanos() - oldest.due_ns);
    const absl::StatusOr<uint64_t> result = oldest.result.Get();
    if (!result.ok()) [[unlikely]]
      return result.status();
    if (*result != oldest.value) [[unlikely]] {
      return absl::DataLossError(absl::StrCat("the task returned ", *result, " instead of ", oldest.value));
    }
    pending_.pop_front();
    return absl::OkStatus();
  }

  std::unique_ptr<P> pool_;
  std::deque<Pending> pending_;
  uint64_t value_ = 0;
};

// CPython measures by itself; it is told the seed before each run.
class CPythonOpenLoop : public Fixture {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(PartnerWatch& watch, const PoolShape& shape, int load) {
    absl::StatusOr<std::unique_ptr<Fixture>> driver =
        CPython::Start(watch, "pool_open_loop", shape.cpus, {{"workers", shape.workers}, {"load", load}});
    if (!driver.ok()) return driver.status();
    return std::unique_ptr<Fixture>(new CPythonOpenLoop(*std::move(driver)));
  }
  absl::Status Run(int64_t operations, Meter& meter) override {
    auto* driver = static_cast<CPython*>(driver_.get());
    if (absl::Status told = driver->Tell(absl::StrCat("[", meter.seed(), "]")); !told.ok()) return told;
    return driver->Run(operations, meter);
  }
  absl::Status Finish() override { return driver_->Finish(); }

 private:
  explicit CPythonOpenLoop(std::unique_ptr<Fixture> driver) : driver_(std::move(driver)) {}
  std::unique_ptr<Fixture> driver_;
};

struct QueueSystem {
  const char* name;
  absl::StatusOr<std::unique_ptr<Fixture>> (*start)(PartnerWatch&, const ArmPlacement&, const ChannelShape&, int load);
};

constexpr QueueSystem kQueues[] = {
    {"core", &MessageOpenLoop<CoreQueue>::Start}, {"ring", &MessageOpenLoop<Ring>::Start},
    {"pipe", &MessageOpenLoop<Pipe>::Start},      {"boost_message_queue", &MessageOpenLoop<BoostMessageQueue>::Start},
    {"zeromq", &MessageOpenLoop<ZeroMq>::Start},
};

struct PoolSystem {
  const char* name;
  int64_t min_operations;
  absl::StatusOr<std::unique_ptr<Fixture>> (*start)(PartnerWatch&, const PoolShape&, int load);
};

constexpr PoolSystem kPools[] = {
    {"core", 500, &TaskOpenLoop<CorePool>::Start},
    {"threads", 500, &TaskOpenLoop<Threads>::Start},
    {"cpython", 50, &CPythonOpenLoop::Start},
};

// Without same_cpu: the sender spins until a message is due, so on the receiver's processor it would measure time
// slices.
std::vector<ArmPlacement> OnTwoProcessors(std::vector<ArmPlacement> placements) {
  std::erase_if(placements, [](const ArmPlacement& placement) { return placement.name == "same_cpu"; });
  return placements;
}

}  // namespace

template <>
void AddArms<RowIndex("queue_open_loop")>(const Benchmark& row, const Configuration& configuration,
                                          std::vector<Arm>& arms) {
  for (const QueueSystem& system : kQueues) {
    for (const ArmPlacement& placement : OnTwoProcessors(configuration.Pairs())) {
      for (const int load : kLoads) {
        Arm arm = configuration.NewArm(
            row, system.name,
            {{"bytes", absl::StrCat(kBytes)}, {"load", absl::StrCat(load)}, {"placement", placement.name}}, placement);
        arm.rate = true;
        arm.min_operations = 1000;
        arm.start = [&system, placement, load](PartnerWatch& watch) {
          return system.start(watch, placement, ChannelShape{.bytes = kBytes}, load);
        };
        arms.push_back(std::move(arm));
      }
    }
  }
}

template <>
void AddArms<RowIndex("pool_open_loop")>(const Benchmark& row, const Configuration& configuration,
                                         std::vector<Arm>& arms) {
  for (const PoolSystem& system : kPools) {
    for (const ArmPlacement& placement : OnTwoProcessors(configuration.PoolPairs(1))) {
      for (const int load : kLoads) {
        Arm arm = configuration.NewArm(row, system.name,
                                       {{"workers", "1"}, {"load", absl::StrCat(load)}, {"placement", placement.name}},
                                       placement);
        arm.rate = true;
        arm.min_operations = system.min_operations;
        arm.start = [&system, shape = PoolShape{.workers = 1, .cpus = placement.cpus}, load](PartnerWatch& watch) {
          return system.start(watch, shape, load);
        };
        arms.push_back(std::move(arm));
      }
    }
  }
}

}  // namespace regatta::bench
