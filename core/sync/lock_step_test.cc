// A process is killed after every single instruction of acquiring and releasing a lock, alone and with others about;
// the others get the lock, and are told of a dead holder exactly where there was one.
//
// Of long operations, and where a death costs the others a tick (a second), a share of the instructions is taken; all
// of them by
//   ./tools/bazel test //core/sync:lock_every_step --test_output=all
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <optional>

#include "core/shm/family.h"
#include "core/sync/lock.h"
#include "core/testing/forked_child.h"
#include "core/testing/single_step.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

using At = SteppedChild::At;

constexpr uint64_t kAll = 5000;

struct Scene {
  std::atomic<bool> done{false};  // The victim's call has returned.
  std::atomic<int32_t> told{0};   // Who died, as the waiter was told.
  std::atomic<int64_t> acquired_at{0};
};

class LockStep : public testing::Test {
 protected:
  LockStep() { EXPECT_THAT(Family::Self(), IsOk()); }

  void Reset() {
    lock_ = *Lock::Create();
    scene_->done = false;
    scene_->told = 0;
    scene_->acquired_at = 0;
  }
  SteppedChild Acquirer(bool known = true) {
    return SteppedChild([&, known] {
      if (known) REGATTA_CHILD_REQUIRE(Family::Self().ok());
      BeginSteps();
      const bool acquired = lock_.Acquire().ok();
      scene_->done = true;
      EndSteps();
      return acquired ? 0 : 1;
    });
  }
  SteppedChild Releaser() {
    return SteppedChild([&] {
      REGATTA_CHILD_REQUIRE(lock_.Acquire().ok());
      BeginSteps();
      const bool released = lock_.Release().ok();
      scene_->done = true;
      EndSteps();
      return released ? 0 : 1;
    });
  }
  // One that sleeps until it gets the lock, and releases it.
  ForkedChild Waiter() {
    ForkedChild waiter([&] {
      const absl::StatusOr<Acquired> acquired = lock_.Acquire(Watchdog());
      REGATTA_CHILD_REQUIRE(acquired.ok());
      scene_->acquired_at = MonotonicNanos();
      scene_->told = acquired->previous_owner_died.value_or(0);
      REGATTA_CHILD_REQUIRE(lock_.Release().ok());
      return 0;
    });
    EXPECT_TRUE(Eventually([&] { return IsAsleep(waiter.pid()); }));
    return waiter;
  }
  // The waiter gets it; `dead` is who died holding it, 0 for nobody.
  void ExpectGets(ForkedChild& waiter, int32_t dead, int64_t since) {
    EXPECT_EQ(waiter.Wait(), 0);
    EXPECT_EQ(scene_->told, dead);
    longest_ = std::max(longest_, scene_->acquired_at - since);
  }
  // This process gets it, and only once is it told.
  void ExpectIsFree(int32_t dead) {
    const int64_t since = MonotonicNanos();
    const absl::StatusOr<Acquired> acquired = lock_.Acquire(Watchdog());
    longest_ = std::max(longest_, MonotonicNanos() - since);
    ASSERT_THAT(acquired, IsOk());
    EXPECT_EQ(acquired->previous_owner_died.value_or(0), dead);
    EXPECT_THAT(lock_.Release(), IsOk());
    EXPECT_FALSE(lock_.Acquire()->previous_owner_died.has_value());
    EXPECT_THAT(lock_.Release(), IsOk());
    EXPECT_FALSE(lock_.holder().has_value());
  }
  ~LockStep() override { std::printf("others waited for at most %.1f ms\n", static_cast<double>(longest_) / 1e6); }

  const SteppedHere here_;
  Lock lock_;
  Shared<Scene> scene_;
  int64_t longest_ = 0;
};

TEST_F(LockStep, AcquiringAFreeOne) {
  KillAtEachStep("acquire", kAll, [&](uint64_t n) {
    Reset();
    SteppedChild victim = Acquirer();
    const At at = victim.Step(n);
    const int32_t holder = lock_.holder().value_or(0);
    EXPECT_TRUE(holder == victim.pid() || (holder == 0 && !scene_->done)) << "after " << n;
    EXPECT_NE(at, At::kAsleep);
    victim.Kill();
    ExpectIsFree(holder);
    return victim.process().steps();
  });
}

// The first call of a process, which joins the family in it; killed at each system call.
TEST_F(LockStep, AcquiringForTheFirstTime) {
  KillAtEachStep("first acquire, system calls", kAll, [&](uint64_t n) {
    Reset();
    SteppedChild victim = Acquirer(/*known=*/false);
    victim.StepCalls(n);
    const int32_t holder = lock_.holder().value_or(0);
    EXPECT_TRUE(holder == victim.pid() || (holder == 0 && !scene_->done)) << "after " << n;
    victim.Kill();
    ExpectIsFree(holder);
    return victim.process().steps();
  });
}

TEST_F(LockStep, TakingOverFromADeadHolder) {
  KillAtEachStep("take over", 120, [&](uint64_t n) {
    Reset();
    ForkedChild dead([&] { return lock_.Acquire().ok() ? 0 : 1; });
    EXPECT_EQ(dead.Wait(), 0);
    const int32_t before = lock_.holder().value_or(0);
    SteppedChild victim = Acquirer();
    victim.Step(n);
    const int32_t holder = lock_.holder().value_or(0);
    EXPECT_TRUE(holder == victim.pid() || (holder == before && !scene_->done)) << "after " << n;
    victim.Kill();
    ExpectIsFree(holder);
    return victim.process().steps();
  });
}

TEST_F(LockStep, Releasing) {
  KillAtEachStep("release", kAll, [&](uint64_t n) {
    Reset();
    SteppedChild victim = Releaser();
    victim.Step(n);
    const int32_t holder = lock_.holder().value_or(0);
    EXPECT_TRUE((holder == victim.pid() && !scene_->done) || holder == 0) << "after " << n;
    victim.Kill();
    ExpectIsFree(holder);
    return victim.process().steps();
  });
}

TEST_F(LockStep, ReleasingWhileAnotherSleeps) {
  KillAtEachStep("release to a sleeper", kAll, [&](uint64_t n) {
    Reset();
    SteppedChild victim = Releaser();
    ForkedChild waiter = Waiter();
    victim.Step(n);
    const bool held = lock_.holder() == victim.pid();
    EXPECT_FALSE(held && scene_->done) << "after " << n;
    const int64_t since = MonotonicNanos();
    victim.Kill();
    ExpectGets(waiter, held ? victim.pid() : 0, since);
    ExpectIsFree(0);
    return victim.process().steps();
  });
}

// Up to its sleep.
TEST_F(LockStep, WaitingForAHolder) {
  KillAtEachStep("wait", 100, [&](uint64_t n) {
    Reset();
    EXPECT_THAT(lock_.Acquire(), IsOk());
    SteppedChild victim = Acquirer();
    EXPECT_NE(victim.Step(n), At::kEnd);
    EXPECT_EQ(lock_.holder(), getpid());
    victim.Kill();
    ForkedChild waiter = Waiter();
    const int64_t since = MonotonicNanos();
    EXPECT_THAT(lock_.Release(), IsOk());
    ExpectGets(waiter, 0, since);
    ExpectIsFree(0);
    return victim.process().steps();
  });
}

// The one that was woken dies with the wake-up, or with the lock; another sleeps behind it.
TEST_F(LockStep, GettingItAfterASleep) {
  KillAtEachStep("woken", 4, [&](uint64_t n) {
    Reset();
    EXPECT_THAT(lock_.Acquire(), IsOk());
    SteppedChild victim = Acquirer();
    EXPECT_EQ(victim.Step(1'000'000), At::kAsleep);
    ForkedChild waiter = Waiter();
    EXPECT_THAT(lock_.Release(), IsOk());
    EXPECT_TRUE(Eventually([&] { return victim.Step(1) != At::kAsleep; })) << "who slept first is woken first";
    const uint64_t before = victim.process().steps();
    victim.Step(n);
    const bool held = lock_.holder() == victim.pid();
    EXPECT_TRUE(held || !scene_->done) << "after " << n;
    const int64_t since = MonotonicNanos();
    victim.Kill();
    ExpectGets(waiter, held ? victim.pid() : 0, since);
    ExpectIsFree(0);
    return victim.process().steps() - before;
  });
}

}  // namespace
}  // namespace regatta
