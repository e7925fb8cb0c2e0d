// A process is killed after every single instruction of setting, clearing and waiting for an event, with others about:
// they are released where the event was set, and the event goes on working.
//
// Where a death costs the others a tick (a second), a share of the instructions is taken; all of them by
// REGATTA_EVERY_STEP=1.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <cstdio>

#include "core/os/deadline.h"
#include "core/shm/family.h"
#include "core/sync/event.h"
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
  std::atomic<int64_t> released_at{0};
};

class EventStep : public testing::Test {
 protected:
  EventStep() { EXPECT_THAT(Family::Self(), IsOk()); }
  ~EventStep() override { std::printf("others waited for at most %.1f ms\n", static_cast<double>(longest_) / 1e6); }

  void Reset() {
    event_ = *Event::Create();
    scene_->done = false;
    scene_->released_at = 0;
  }
  SteppedChild Setter() {
    return SteppedChild([&] {
      REGATTA_CHILD_REQUIRE(Family::Self().ok());
      BeginSteps();
      event_.Set();
      scene_->done = true;
      EndSteps();
      return 0;
    });
  }
  SteppedChild VictimThatWaits() {
    return SteppedChild([&] {
      REGATTA_CHILD_REQUIRE(Family::Self().ok());
      BeginSteps();
      const bool released = event_.Wait().ok();
      scene_->done = true;
      EndSteps();
      return released ? 0 : 1;
    });
  }
  // A process that sleeps until it is released.
  ForkedChild Waiter() {
    ForkedChild waiter([&] {
      REGATTA_CHILD_REQUIRE(event_.Wait(Watchdog()).ok());
      scene_->released_at = MonotonicNanos();
      return 0;
    });
    EXPECT_TRUE(Eventually([&] { return IsAsleep(waiter.pid()); }));
    return waiter;
  }
  void ExpectReleased(ForkedChild& waiter, int64_t since) {
    EXPECT_EQ(waiter.Wait(), 0);
    longest_ = std::max(longest_, scene_->released_at - since);
  }
  // Set, Clear and Wait do what they should, for this process and for one that sleeps.
  void ExpectWorks() {
    event_.Clear();
    EXPECT_FALSE(event_.Wait(Deadline::Now()).ok());
    ForkedChild waiter = Waiter();
    const int64_t since = MonotonicNanos();
    event_.Set();
    event_.Clear();
    ExpectReleased(waiter, since);
  }

  const SteppedHere here_;
  Event event_;
  Shared<Scene> scene_;
  int64_t longest_ = 0;
};

TEST_F(EventStep, SettingWithoutWaiters) {
  KillAtEachStep("set", kAll, [&](uint64_t n) {
    Reset();
    SteppedChild victim = Setter();
    EXPECT_NE(victim.Step(n), At::kAsleep);
    EXPECT_TRUE(event_.IsSet() || !scene_->done) << "after " << n;
    victim.Kill();
    ExpectWorks();
    return victim.process().steps();
  });
}

// The process that waits is released if the victim has set the event, and by the next Set if it has not.
TEST_F(EventStep, SettingWhileAnotherSleeps) {
  KillAtEachStep("set with a sleeper", 100, [&](uint64_t n) {
    Reset();
    ForkedChild waiter = Waiter();
    SteppedChild victim = Setter();
    victim.Step(n);
    const bool is_set = event_.IsSet();
    EXPECT_TRUE(is_set || !scene_->done) << "after " << n;
    const int64_t since = MonotonicNanos();
    victim.Kill();
    if (!is_set) {
      EXPECT_FALSE(waiter.HasEnded()) << "after " << n;
      event_.Set();
    }
    ExpectReleased(waiter, since);
    ExpectWorks();
    return victim.process().steps();
  });
}

TEST_F(EventStep, Clearing) {
  KillAtEachStep("clear", kAll, [&](uint64_t n) {
    Reset();
    event_.Set();
    SteppedChild victim([&] {
      BeginSteps();
      event_.Clear();
      scene_->done = true;
      EndSteps();
      return 0;
    });
    EXPECT_NE(victim.Step(n), At::kAsleep);
    EXPECT_FALSE(event_.IsSet() && scene_->done) << "after " << n;
    victim.Kill();
    ExpectWorks();
    return victim.process().steps();
  });
}

// Up to its sleep.
TEST_F(EventStep, Waiting) {
  KillAtEachStep("wait", 150, [&](uint64_t n) {
    Reset();
    SteppedChild victim = VictimThatWaits();
    EXPECT_NE(victim.Step(n), At::kEnd);
    victim.Kill();
    ExpectWorks();
    return victim.process().steps();
  });
}

// From its sleep on, beside another sleeper that is released with it.
TEST_F(EventStep, BeingReleased) {
  KillAtEachStep("woken", 150, [&](uint64_t n) {
    Reset();
    SteppedChild victim = VictimThatWaits();
    EXPECT_EQ(victim.Step(1'000'000), At::kAsleep);
    ForkedChild waiter = Waiter();
    const int64_t since = MonotonicNanos();
    event_.Set();
    EXPECT_TRUE(Eventually([&] { return victim.Step(1) != At::kAsleep; }));
    const uint64_t before = victim.process().steps();
    victim.Step(n);
    victim.Kill();
    ExpectReleased(waiter, since);
    ExpectWorks();
    return victim.process().steps() - before;
  });
}

}  // namespace
}  // namespace regatta
