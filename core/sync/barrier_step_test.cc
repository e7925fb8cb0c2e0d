// A process is killed after every single instruction of waiting at a barrier and of releasing it, with others about: a
// turn ends in the same way for all who live, and the barrier goes on working.
//
// Where a death costs the others a tick (a second), a share of the instructions is taken; all of them by
// REGATTA_EVERY_STEP=1.
#include <cstdint>

#include "core/os/deadline.h"
#include "core/shm/family.h"
#include "core/sync/barrier.h"
#include "core/testing/forked_child.h"
#include "core/testing/single_step.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

using At = SteppedChild::At;

class BarrierStep : public testing::Test {
 protected:
  static constexpr int kReleased = 0;
  static constexpr int kAborted = 2;

  BarrierStep() { EXPECT_THAT(Family::Self(), IsOk()); }

  SteppedChild Victim() {
    return SteppedChild([&] {
      REGATTA_CHILD_REQUIRE(Family::Self().ok());
      BeginSteps();
      const bool ok = barrier_.Wait().ok();
      EndSteps();
      return ok ? 0 : 1;
    });
  }
  // A process that sleeps at the barrier.
  ForkedChild Waiter() {
    ForkedChild waiter([&] {
      const absl::Status status = barrier_.Wait(Watchdog()).status();
      return status.ok() ? kReleased : absl::IsAborted(status) ? kAborted : 1;
    });
    EXPECT_TRUE(Eventually([&] { return IsAsleep(waiter.pid()); }));
    return waiter;
  }
  void ExpectWorks() {
    ASSERT_THAT(barrier_.Reset(), IsOk());
    ForkedChild first = Waiter();
    ForkedChild second = Waiter();
    EXPECT_THAT(barrier_.Wait(Watchdog()), IsOk());
    EXPECT_EQ(first.Wait(), kReleased);
    EXPECT_EQ(second.Wait(), kReleased);
    EXPECT_EQ(barrier_.waiting(), 0);
  }

  const SteppedHere here_;
  Barrier barrier_;
};

// Up to its sleep: the other, who waits already, is sent away if the victim had arrived. Else it waits for two more.
TEST_F(BarrierStep, Arriving) {
  KillAtEachStep("arrive", 60, [&](uint64_t n) {
    barrier_ = *Barrier::Create(3);
    ForkedChild waiter = Waiter();
    SteppedChild victim = Victim();
    EXPECT_NE(victim.Step(n), At::kEnd);
    const bool arrived = barrier_.waiting() == 2;
    victim.Kill();
    if (arrived) {
      EXPECT_EQ(waiter.Wait(), kAborted) << "after " << n;
    } else {
      ForkedChild second = Waiter();
      EXPECT_THAT(barrier_.Wait(Watchdog()), IsOk()) << "after " << n;
      EXPECT_EQ(waiter.Wait(), kReleased);
      EXPECT_EQ(second.Wait(), kReleased);
    }
    ExpectWorks();
    return victim.process().steps();
  });
}

// The last party dies somewhere between its arrival and its return: both others are released, or both are sent away.
TEST_F(BarrierStep, ReleasingTheOthers) {
  KillAtEachStep("release", 60, [&](uint64_t n) {
    barrier_ = *Barrier::Create(3);
    ForkedChild first = Waiter();
    ForkedChild second = Waiter();
    SteppedChild victim = Victim();
    const bool at_end = victim.Step(n) == At::kEnd;
    victim.Kill();
    // If the victim had not arrived, this call is the third. Otherwise it goes on with what the victim began.
    barrier_.Wait(Deadline::Now()).IgnoreError();
    const int how = first.Wait();
    EXPECT_TRUE(how == kReleased || (how == kAborted && !at_end)) << how << " after " << n;
    EXPECT_EQ(second.Wait(), how) << "after " << n;
    ExpectWorks();
    return victim.process().steps();
  });
}

// From its sleep on: its death is nobody's business any more.
TEST_F(BarrierStep, BeingReleased) {
  KillAtEachStep("released", 60, [&](uint64_t n) {
    barrier_ = *Barrier::Create(3);
    SteppedChild victim = Victim();
    EXPECT_EQ(victim.Step(1'000'000), At::kAsleep);
    ForkedChild waiter = Waiter();
    EXPECT_THAT(barrier_.Wait(Watchdog()), IsOk());
    EXPECT_TRUE(Eventually([&] { return victim.Step(1) != At::kAsleep; }));
    const uint64_t before = victim.process().steps();
    victim.Step(n);
    victim.Kill();
    EXPECT_EQ(waiter.Wait(), kReleased) << "after " << n;
    EXPECT_FALSE(barrier_.broken());
    ExpectWorks();
    return victim.process().steps() - before;
  });
}

}  // namespace
}  // namespace regatta
