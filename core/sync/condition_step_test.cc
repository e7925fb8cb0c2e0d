// A process is killed after every single instruction of Wait and Notify, with others about: no notification is lost or
// doubled, and the condition goes on working.
//
// Where a death costs the others a tick (a second), a share of the instructions is taken; all of them by
// REGATTA_EVERY_STEP=1.
#include <atomic>
#include <cstdint>

#include "absl/time/time.h"
#include "core/os/deadline.h"
#include "core/shm/family.h"
#include "core/sync/condition.h"
#include "core/testing/forked_child.h"
#include "core/testing/single_step.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

using At = SteppedChild::At;

class ConditionStep : public testing::Test {
 protected:
  ConditionStep() { EXPECT_THAT(Family::Self(), IsOk()); }

  void Reset() {
    condition_ = *Condition::Create();
    *done_ = false;
  }
  SteppedChild VictimThatWaits() {
    return SteppedChild([&] {
      REGATTA_CHILD_REQUIRE(condition_.Acquire().ok());
      BeginSteps();
      const bool notified = condition_.Wait()->notified;
      *done_ = true;
      EndSteps();
      return notified ? 0 : 1;
    });
  }
  SteppedChild VictimThatNotifies(bool all) {
    return SteppedChild([&] {
      REGATTA_CHILD_REQUIRE(condition_.Acquire().ok());
      BeginSteps();
      const bool ok = all ? condition_.NotifyAll().ok() : condition_.Notify().ok();
      *done_ = true;
      const bool released = condition_.Release().ok();
      EndSteps();
      return ok && released ? 0 : 1;
    });
  }
  // A process that sleeps until it is notified.
  ForkedChild Waiter() {
    ForkedChild waiter([&] {
      REGATTA_CHILD_REQUIRE(condition_.Acquire(Watchdog()).ok());
      const absl::StatusOr<Waited> waited = condition_.Wait(Watchdog());
      REGATTA_CHILD_REQUIRE(waited.ok() && waited->notified);
      return condition_.Release().ok() ? 0 : 1;
    });
    EXPECT_TRUE(Eventually([&] { return IsAsleep(waiter.pid()); }));
    return waiter;
  }
  void Notify() {
    ASSERT_THAT(condition_.Acquire(Watchdog()), IsOk());
    EXPECT_THAT(condition_.Notify(), IsOk());
    EXPECT_THAT(condition_.Release(), IsOk());
  }
  // One notification wakes one waiter, and none is left over.
  void ExpectWorks() {
    ForkedChild waiter = Waiter();
    Notify();
    EXPECT_EQ(waiter.Wait(), 0);
    ASSERT_THAT(condition_.Acquire(Watchdog()), IsOk());
    EXPECT_FALSE(condition_.Wait(Deadline::Now())->notified);
    EXPECT_THAT(condition_.Release(), IsOk());
  }

  const SteppedHere here_;
  Condition condition_;
  Shared<std::atomic<bool>> done_;
};

// Up to its sleep. The victim counts for no notification afterwards.
TEST_F(ConditionStep, Waiting) {
  KillAtEachStep("wait", 200, [&](uint64_t n) {
    Reset();
    SteppedChild victim = VictimThatWaits();
    EXPECT_NE(victim.Step(n), At::kEnd);
    victim.Kill();
    ExpectWorks();
    return victim.process().steps();
  });
}

// From its sleep on. Until its Wait has returned, the notification goes to the other one that waits.
TEST_F(ConditionStep, BeingNotified) {
  KillAtEachStep("notified", 60, [&](uint64_t n) {
    Reset();
    SteppedChild victim = VictimThatWaits();
    EXPECT_EQ(victim.Step(1'000'000), At::kAsleep);
    ForkedChild waiter = Waiter();
    Notify();
    EXPECT_TRUE(Eventually([&] { return victim.Step(1) != At::kAsleep; }));
    const uint64_t before = victim.process().steps();
    victim.Step(n);
    const bool returned = *done_;
    victim.Kill();
    // Between the last step of Wait and the store to `done_` the notification has had its effect: then this one is one
    // too many.
    if (returned || !Eventually([&] { return waiter.HasEnded(); }, absl::Seconds(3))) Notify();
    EXPECT_EQ(waiter.Wait(), 0) << "after " << n;
    return victim.process().steps() - before;
  });
}

// Each waiter is notified or it is not; the victim's death delays it by a tick at most.
TEST_F(ConditionStep, Notifying) {
  for (const bool all : {false, true}) {
    KillAtEachStep(all ? "notify all" : "notify", 60, [&](uint64_t n) {
      Reset();
      ForkedChild waiter = Waiter();
      waiter.Stop();
      SteppedChild victim = VictimThatNotifies(all);
      victim.Step(n);
      const bool returned = *done_;
      victim.Kill();
      waiter.Continue();
      if (!returned) {
        // It wakes nobody if the victim has notified the waiter.
        Notify();
      }
      EXPECT_EQ(waiter.Wait(), 0) << "after " << n;
      ExpectWorks();
      return victim.process().steps();
    });
  }
}

}  // namespace
}  // namespace regatta
