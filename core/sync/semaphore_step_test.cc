// A process is killed after every single instruction of acquiring and releasing a semaphore, with others about: a call
// has happened or it has not, and the semaphore goes on working.
//
// Where a death costs the others a tick (a second), a share of the instructions is taken; all of them by
// REGATTA_EVERY_STEP=1.
#include <atomic>
#include <cstdint>
#include <type_traits>

#include "core/os/deadline.h"
#include "core/shm/family.h"
#include "core/sync/bounded_semaphore.h"
#include "core/sync/semaphore.h"
#include "core/testing/forked_child.h"
#include "core/testing/single_step.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

using At = SteppedChild::At;

constexpr uint64_t kAll = 5000;

template <class S>
class SemaphoreStep : public testing::Test {
 protected:
  SemaphoreStep() { EXPECT_THAT(Family::Self(), IsOk()); }

  // With one permit, which this process has acquired if `acquired`.
  void Reset(bool acquired) {
    semaphore_ = *S::Create(1);
    *done_ = false;
    if (acquired) {
      EXPECT_THAT(semaphore_.Acquire(), IsOk());
    }
  }
  template <class Call>
  SteppedChild Victim(Call call) {
    return SteppedChild([&] {
      REGATTA_CHILD_REQUIRE(Family::Self().ok());
      BeginSteps();
      const bool ok = call();
      *done_ = true;
      EndSteps();
      return ok ? 0 : 1;
    });
  }
  SteppedChild Acquirer() {
    return Victim([&] { return semaphore_.Acquire().ok(); });
  }
  SteppedChild Releaser() {
    return Victim([&] { return semaphore_.Release().ok(); });
  }
  // A process that sleeps until it has a permit.
  ForkedChild Waiter() {
    ForkedChild waiter([&] { return semaphore_.Acquire(Watchdog()).ok() ? 0 : 1; });
    EXPECT_TRUE(Eventually([&] { return IsAsleep(waiter.pid()); }));
    return waiter;
  }
  // Gives back what the victim holds, if its permits do not come back by themselves, and uses the semaphore.
  void ExpectWorks(int64_t permits) {
    while (semaphore_.value() < permits) ASSERT_THAT(semaphore_.Release(), IsOk());
    EXPECT_EQ(semaphore_.value(), permits);
    for (int64_t i = 0; i < permits; ++i) EXPECT_THAT(semaphore_.Acquire(Deadline::Now()), IsOk());
    EXPECT_FALSE(semaphore_.Acquire(Deadline::Now()).ok());
    ForkedChild waiter = Waiter();
    EXPECT_THAT(semaphore_.Release(), IsOk());
    EXPECT_EQ(waiter.Wait(), 0);
  }

  const SteppedHere here_;
  S semaphore_;
  Shared<std::atomic<bool>> done_;
};

using Both = testing::Types<Semaphore, BoundedSemaphore>;
TYPED_TEST_SUITE(SemaphoreStep, Both);

TYPED_TEST(SemaphoreStep, Acquiring) {
  KillAtEachStep("acquire", kAll, [&](uint64_t n) {
    this->Reset(false);
    SteppedChild victim = this->Acquirer();
    EXPECT_NE(victim.Step(n), At::kAsleep);
    EXPECT_TRUE(this->semaphore_.value() == 0 || !*this->done_) << "after " << n;
    victim.Kill();
    this->ExpectWorks(1);
    return victim.process().steps();
  });
}

TYPED_TEST(SemaphoreStep, ReleasingWithoutWaiters) {
  KillAtEachStep("release", kAll, [&](uint64_t n) {
    this->Reset(true);
    SteppedChild victim = this->Releaser();
    EXPECT_NE(victim.Step(n), At::kAsleep);
    EXPECT_TRUE(this->semaphore_.value() == 1 || !*this->done_) << "after " << n;
    victim.Kill();
    this->ExpectWorks(1);
    return victim.process().steps();
  });
}

TYPED_TEST(SemaphoreStep, ReleasingWhileAnotherSleeps) {
  KillAtEachStep("release with a sleeper", 60, [&](uint64_t n) {
    this->Reset(true);
    ForkedChild waiter = this->Waiter();
    waiter.Stop();  // So that it takes nothing before the test has looked.
    SteppedChild victim = this->Releaser();
    victim.Step(n);
    const bool released = this->semaphore_.value() == 1;
    EXPECT_TRUE(released || !*this->done_) << "after " << n;
    victim.Kill();
    waiter.Continue();
    if (!released) {
      EXPECT_THAT(this->semaphore_.Release(), IsOk());
    }
    EXPECT_EQ(waiter.Wait(), 0) << "after " << n;
    return victim.process().steps();
  });
}

// Up to its sleep.
TYPED_TEST(SemaphoreStep, Waiting) {
  KillAtEachStep("wait", 100, [&](uint64_t n) {
    this->Reset(true);
    SteppedChild victim = this->Acquirer();
    EXPECT_NE(victim.Step(n), At::kEnd);
    victim.Kill();
    this->ExpectWorks(0);
    return victim.process().steps();
  });
}

// From its sleep on, beside another sleeper.
TYPED_TEST(SemaphoreStep, BeingWoken) {
  KillAtEachStep("woken", 60, [&](uint64_t n) {
    this->Reset(true);
    SteppedChild victim = this->Acquirer();
    EXPECT_EQ(victim.Step(1'000'000), At::kAsleep);
    ForkedChild waiter = this->Waiter();
    waiter.Stop();
    EXPECT_THAT(this->semaphore_.Release(), IsOk());
    EXPECT_TRUE(Eventually([&] { return victim.Step(1) != At::kAsleep; }));
    const uint64_t before = victim.process().steps();
    victim.Step(n);
    EXPECT_TRUE(this->semaphore_.value() == 0 || !*this->done_) << "after " << n;
    victim.Kill();
    waiter.Continue();
    // The permit of a plain semaphore is gone with the process that has it.
    if (this->semaphore_.value() == 0 && std::is_same_v<TypeParam, Semaphore>) this->semaphore_.Release().IgnoreError();
    EXPECT_EQ(waiter.Wait(), 0) << "after " << n;
    return victim.process().steps() - before;
  });
}

}  // namespace
}  // namespace regatta
