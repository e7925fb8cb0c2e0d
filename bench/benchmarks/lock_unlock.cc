// lock_unlock: acquires and releases a lock without contention.
#include "core/sync/lock.h"

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmarks/add_arms.h"
#include "bench/peers/cpython.h"
#include "bench/peers/pthread_mutex.h"
#include "core/os/deadline.h"

namespace regatta::bench {
namespace {

template <class L>
class Pairs : public Fixture {
 public:
  explicit Pairs(std::unique_ptr<L> lock) : lock_(std::move(lock)) {}

  absl::Status Run(int64_t operations, Meter& meter) override {
    // What the lock guards; it counts right only if every pair was taken.
    int64_t guarded = 0;
    meter.Begin();
    for (int64_t i = 0; i < operations; ++i) {
      if (absl::Status taken = lock_->Acquire(); !taken.ok()) [[unlikely]]
        return taken;
      ++guarded;
      asm volatile("" : "+m"(guarded));
      if (absl::Status released = lock_->Release(); !released.ok()) [[unlikely]]
        return released;
    }
    meter.End(operations);
    if (guarded != operations) return absl::DataLossError(absl::StrCat(guarded, " pairs of ", operations));
    return absl::OkStatus();
  }

 private:
  std::unique_ptr<L> lock_;
};

template <class L>
absl::StatusOr<std::unique_ptr<Fixture>> Started(absl::StatusOr<std::unique_ptr<L>> lock) {
  if (!lock.ok()) return lock.status();
  return std::unique_ptr<Fixture>(new Pairs<L>(*std::move(lock)));
}

// Its Acquire also says whether the previous holder died.
class CoreLock {
 public:
  static absl::StatusOr<std::unique_ptr<CoreLock>> Create() {
    absl::StatusOr<Lock> lock = Lock::Create();
    if (!lock.ok()) return lock.status();
    return std::unique_ptr<CoreLock>(new CoreLock(*std::move(lock)));
  }
  absl::Status Acquire() { return lock_.Acquire().status(); }
  absl::Status Release() { return lock_.Release(); }

 private:
  explicit CoreLock(Lock lock) : lock_(std::move(lock)) {}
  Lock lock_;
};

absl::StatusOr<std::unique_ptr<Fixture>> StartCPython(PartnerWatch& watch, const std::vector<int>& cpus) {
  return CPython::Start(watch, "lock_unlock", cpus);
}

struct System {
  const char* name;
  absl::StatusOr<std::unique_ptr<Fixture>> (*start)(PartnerWatch&, const std::vector<int>& cpus);
};

constexpr System kSystems[] = {
    {"core", [](PartnerWatch&, const std::vector<int>&) { return Started(CoreLock::Create()); }},
    {"pthread", [](PartnerWatch&, const std::vector<int>&) { return Started(PthreadMutex::Create(/*robust=*/false)); }},
    {"pthread_robust",
     [](PartnerWatch&, const std::vector<int>&) { return Started(PthreadMutex::Create(/*robust=*/true)); }},
    {"cpython", &StartCPython},
};

}  // namespace

template <>
void AddArms<RowIndex("lock_unlock")>(const Benchmark& row, const Configuration& configuration,
                                      std::vector<Arm>& arms) {
  const ArmPlacement placement = configuration.Alone();
  for (const System& system : kSystems) {
    Arm arm = configuration.NewArm(row, system.name, {}, placement);
    arm.min_operations = 100'000;
    arm.start = [&system, cpus = placement.cpus](PartnerWatch& watch) { return system.start(watch, cpus); };
    arms.push_back(std::move(arm));
  }
}

}  // namespace regatta::bench
