// A process dies, or is stopped, at each step of waiting for a condition and of notifying. The others go on, and no
// notification is lost or doubled.
#include <unistd.h>

#include <csignal>
#include <optional>
#include <thread>
#include <vector>

#include "core/os/deadline.h"
#include "core/sync/condition.h"
#include "core/sync/fault_points.h"
#include "core/testing/condition_scene.h"
#include "core/testing/died_at.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

[[maybe_unused]] const auto* const kEachConditionFaultPoint = RequireDeathsAt(kConditionFaultPoints);

using ConditionDeathTest = ConditionTest;

TEST_F(ConditionDeathTest, ADeadWaiterIsPassedOver) {
  ForkedChild dead = Waiter();
  ForkedChild next = Waiter();
  dead.Kill();
  EXPECT_EQ(dead.Wait(), -SIGKILL);
  Notify();
  EXPECT_EQ(next.Wait(), 0);
  EXPECT_TRUE(NoneIsLeft()) << "one notification woke one waiter";
}

TEST_F(ConditionDeathTest, AStoppedWaiterDelaysOnlyItself) {
  ForkedChild stopped = Waiter();
  stopped.Stop();
  std::vector<ForkedChild> others = Waiters(2);
  Notify(3);
  for (ForkedChild& other : others) EXPECT_EQ(other.Wait(), 0);
  EXPECT_FALSE(stopped.HasEnded());
  stopped.Continue();
  EXPECT_EQ(stopped.Wait(), 0);
}

// The victim was notified, and dies before its Wait has returned.
TEST_F(ConditionDeathTest, TheNotificationOfADeadWaiterGoesToTheNextThatWaits) {
  for (const FaultPoint point : {fault::kWaiterWoken, fault::kConditionAcquired}) {
    SCOPED_TRACE(point.name());
    ForkedChild victim = Waiter(0, point);
    ForkedChild next = Waiter();
    ForkedChild last = Waiter();
    Notify();
    EXPECT_TRUE(DiedAt(point, victim));
    EXPECT_EQ(next.Wait(), 0) << "at its look once a second";
    EXPECT_FALSE(last.HasEnded());
    Notify();
    EXPECT_EQ(last.Wait(), 0);
    EXPECT_TRUE(NoneIsLeft());
  }
}

TEST_F(ConditionDeathTest, TheNotificationOfADeadWaiterGoesToTheNextThatComes) {
  ForkedChild victim = Waiter();
  victim.Stop();
  Notify();
  victim.Kill();
  EXPECT_EQ(victim.Wait(), -SIGKILL);
  ASSERT_THAT(condition_.Acquire(), IsOk());
  EXPECT_TRUE(condition_.Wait(Watchdog())->notified);
  ASSERT_THAT(condition_.Release(), IsOk());
  EXPECT_TRUE(NoneIsLeft());
}

TEST_F(ConditionDeathTest, TheNotificationOfAllEndsWithItsWaiter) {
  ForkedChild victim = Waiter();
  victim.Stop();
  NotifyAll();
  victim.Kill();
  EXPECT_EQ(victim.Wait(), -SIGKILL);
  EXPECT_TRUE(NoneIsLeft());
}

TEST_F(ConditionDeathTest, NotificationsOfDeadWaitersDoNotFillIt) {
  ForkedChild victims([&] {
    std::vector<std::thread> threads;
    for (int i = 0; i < Condition::kMostWaiters; ++i) {
      threads.emplace_back([&] {
        condition_.Acquire().IgnoreError();
        scene_->items += 1;
        condition_.Wait().IgnoreError();
        condition_.Release().IgnoreError();
      });
    }
    for (std::thread& thread : threads) thread.join();
    return 0;
  });
  ASSERT_TRUE(Eventually([&] {
    const absl::StatusOr<ScopedCondition> held = ScopedCondition::Acquire(condition_);
    return scene_->items == Condition::kMostWaiters;
  }));
  ASSERT_THAT(condition_.Acquire(), IsOk());
  ASSERT_THAT(condition_.Notify(Condition::kMostWaiters), IsOk());
  victims.Kill();  // None of them could acquire the lock.
  EXPECT_EQ(victims.Wait(), -SIGKILL);
  for (int i = 0; i < Condition::kMostWaiters; ++i) ASSERT_TRUE(condition_.Wait(Watchdog())->notified) << i;
  EXPECT_FALSE(condition_.Wait(Deadline::Now())->notified);
}

TEST_F(ConditionDeathTest, ADeathAtEachStepOfWaitAndNotifyDelaysOthersByATickAtMost) {
  for (const FaultPoint point : {fault::kWaiterJoins, fault::kConditionReleased}) {
    SCOPED_TRACE(point.name());
    ForkedChild victim([&] {
      REGATTA_CHILD_REQUIRE(condition_.Acquire().ok());
      ArmFaultPoint(point);
      return condition_.Wait(Watchdog()).ok() ? 0 : 1;
    });
    EXPECT_TRUE(DiedAt(point, victim));
    ForkedChild next = Waiter();
    Notify();
    EXPECT_EQ(next.Wait(), 0);
    EXPECT_TRUE(NoneIsLeft());
  }
  ForkedChild waiter = Waiter();
  ForkedChild notifier([&] {
    REGATTA_CHILD_REQUIRE(condition_.Acquire().ok());
    ArmFaultPoint(fault::kWaiterNotified);
    return condition_.Notify().ok() ? 0 : 1;
  });
  EXPECT_TRUE(DiedAt(fault::kWaiterNotified, notifier));
  EXPECT_EQ(waiter.Wait(), 0);
  EXPECT_TRUE(NoneIsLeft());
}

TEST_F(ConditionDeathTest, ADeathWhileTakingANotificationOverLeavesItToTheNext) {
  ForkedChild first = Waiter();
  first.Stop();
  ForkedChild second = Waiter(0, fault::kNotificationTakenOver);
  ForkedChild third = Waiter();
  Notify();
  first.Kill();
  EXPECT_EQ(first.Wait(), -SIGKILL);
  EXPECT_TRUE(DiedAt(fault::kNotificationTakenOver, second));
  EXPECT_EQ(third.Wait(), 0);
  EXPECT_TRUE(NoneIsLeft());
}

TEST_F(ConditionDeathTest, WaitTellsWhoDiedWithTheLock) {
  ForkedChild waiter([&] {
    REGATTA_CHILD_REQUIRE(condition_.Acquire().ok());
    scene_->done = 1;
    const absl::StatusOr<Waited> waited = condition_.WaitFor([&] { return scene_->items == 1; }, Watchdog());
    REGATTA_CHILD_REQUIRE(waited.ok() && waited->notified);
    REGATTA_CHILD_REQUIRE(waited->previous_owner_died == scene_->woken);
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return scene_->done == 1 && IsAsleep(waiter.pid()); }));
  ForkedChild notifier([&] {
    REGATTA_CHILD_REQUIRE(condition_.Acquire().ok());
    scene_->items = 1;
    scene_->woken = getpid();
    REGATTA_CHILD_REQUIRE(condition_.Notify().ok());
    raise(SIGKILL);
    return 0;
  });
  EXPECT_EQ(notifier.Wait(), -SIGKILL);
  EXPECT_EQ(waiter.Wait(), 0);
}

// Producers and consumers are killed at random moments. Items that a consumer died with are gone; nobody stands still.
TEST_F(ConditionDeathTest, SurvivesAStormOfDeaths) {
  const auto producer = [&] {
    return ForkedChild([&] {
      while (!scene_->end) {
        const absl::StatusOr<ScopedCondition> held = ScopedCondition::Acquire(condition_, Watchdog());
        REGATTA_CHILD_REQUIRE(held.ok());
        if (scene_->items < 100) {
          ++scene_->items;
          REGATTA_CHILD_REQUIRE(condition_.Notify().ok());
        }
      }
      return 0;
    });
  };
  const auto consumer = [&] {
    return ForkedChild([&] {
      while (!scene_->end) {
        const absl::StatusOr<ScopedCondition> held = ScopedCondition::Acquire(condition_, Watchdog());
        REGATTA_CHILD_REQUIRE(held.ok());
        const absl::StatusOr<Waited> waited =
            condition_.WaitFor([&] { return scene_->items > 0 || scene_->end; }, Watchdog());
        REGATTA_CHILD_REQUIRE(waited.ok() && waited->notified);
        --scene_->items;
        scene_->done.fetch_add(1);
      }
      return 0;
    });
  };
  std::vector<ForkedChild> children;
  for (int i = 0; i < 2; ++i) children.push_back(producer());
  for (int i = 0; i < 3; ++i) children.push_back(consumer());
  for (size_t kill = 0; kill < 60; ++kill) {
    const int64_t done = scene_->done;
    ASSERT_TRUE(Eventually([&] { return scene_->done > done + 50; })) << "stands still after " << kill << " deaths";
    ForkedChild& victim = children[kill % children.size()];
    victim.Kill();
    EXPECT_EQ(victim.Wait(), -SIGKILL);
    victim = kill % children.size() < 2 ? producer() : consumer();
  }
  scene_->end = true;
  NotifyAll();
  for (ForkedChild& child : children) EXPECT_EQ(child.Wait(), 0);
}

}  // namespace
}  // namespace regatta
