#include "core/sync/event.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "core/os/deadline.h"
#include "core/os/memfd.h"
#include "core/shm/family.h"
#include "core/sync/fault_points.h"
#include "core/testing/died_at.h"
#include "core/testing/forked_child.h"
#include "core/testing/shared_object_suite.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

[[maybe_unused]] const auto* const kEachEventFaultPoint = RequireDeathsAt(kEventFaultPoints);

INSTANTIATE_TYPED_TEST_SUITE_P(Event, SharedObjectTest, Event);

struct Scene {
  std::atomic<bool> end{false};
  std::atomic<int> released{0};
  std::atomic<int64_t> calls{0};
  alignas(64) std::atomic<int64_t> item{0};
  alignas(64) std::atomic<int64_t> seen{0};
};

class EventTest : public testing::Test {
 protected:
  EventTest() : event_(*Event::Create()) {}

  // A child that waits and counts itself when it is released. It is asleep when this returns.
  ForkedChild Waiter() {
    ForkedChild child([&] {
      REGATTA_CHILD_REQUIRE(event_.Wait(Watchdog()).ok());
      scene_->released.fetch_add(1);
      return 0;
    });
    EXPECT_TRUE(FallsAsleep(child));
    return child;
  }
  std::vector<ForkedChild> Waiters(int count) {
    std::vector<ForkedChild> waiters;
    for (int i = 0; i < count; ++i) waiters.push_back(Waiter());
    return waiters;
  }
  // How many notifications the event's wait point has had.
  uint32_t Notifications() const {
    const Mapping bytes = *Mapping::Map(event_.descriptor(), 16384);
    const auto* layout = reinterpret_cast<const EventLayout*>(bytes.data() + event_.offset());
    return reinterpret_cast<const std::atomic<uint32_t>&>(layout->waiters).load() >> 1;
  }

  Event event_;
  Shared<Scene> scene_;
};

TEST_F(EventTest, IsSetFromSetToClear) {
  EXPECT_FALSE(event_.IsSet());
  event_.Set();
  EXPECT_TRUE(event_.IsSet());
  EXPECT_THAT(event_.Wait(), IsOk());
  EXPECT_TRUE(event_.IsSet()) << "Wait changes nothing";
  event_.Clear();
  EXPECT_FALSE(event_.IsSet());
}

TEST_F(EventTest, SetTwiceAndClearedTwiceIsLikeOnce) {
  event_.Set();
  event_.Set();
  event_.Clear();
  EXPECT_FALSE(event_.IsSet());
  event_.Clear();
  event_.Set();
  EXPECT_TRUE(event_.IsSet());
}

TEST_F(EventTest, ACopyIsTheSameEvent) {
  Event copy = event_;
  copy.Set();
  EXPECT_TRUE(event_.IsSet());
}

TEST_F(EventTest, WaitWithoutTimeDoesNotBlock) {
  for (const absl::Duration timeout : {absl::ZeroDuration(), absl::Seconds(-1)}) {
    const absl::Status now = event_.Wait(Deadline::After(timeout));
    EXPECT_THAT(now, StatusIs(absl::StatusCode::kUnavailable, testing::HasSubstr("is not set")));
  }
  event_.Set();
  EXPECT_THAT(event_.Wait(Deadline::Now()), IsOk());
  EXPECT_THAT(event_.Wait(Deadline::After(absl::Seconds(-1))), IsOk());
}

TEST_F(EventTest, WaitEndsAtItsDeadline) {
  const Deadline deadline = Deadline::After(absl::Milliseconds(10));
  EXPECT_THAT(event_.Wait(deadline), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_TRUE(deadline.passed());
  EXPECT_THAT(event_.Wait(deadline), StatusIs(absl::StatusCode::kDeadlineExceeded)) << "a deadline that has passed";
  event_.Set();
  EXPECT_THAT(event_.Wait(deadline), IsOk());
}

TEST_F(EventTest, SetReleasesAllProcessesAndThreadsThatWait) {
  std::vector<ForkedChild> waiters = Waiters(4);
  ForkedChild with_threads([&] {
    std::vector<std::thread> threads;
    for (int i = 0; i < 4; ++i) {
      threads.emplace_back([&] {
        if (event_.Wait(Watchdog()).ok()) scene_->released.fetch_add(1);
      });
    }
    for (std::thread& thread : threads) thread.join();
    return 0;
  });
  std::atomic<int32_t> id{0};
  std::thread thread([&] {
    id = ThisThreadId();
    if (event_.Wait(Watchdog()).ok()) scene_->released.fetch_add(1);
  });
  ASSERT_TRUE(Eventually([&] { return id != 0 && IsAsleep(id); }));
  event_.Set();
  thread.join();
  for (ForkedChild& waiter : waiters) EXPECT_EQ(waiter.Wait(), 0);
  EXPECT_EQ(with_threads.Wait(), 0);
  EXPECT_EQ(scene_->released, 9);
}

TEST_F(EventTest, SetAndClearAtOnceReleaseThoseWhoWaitedAndNobodyElse) {
  for (int round = 1; round <= 10; ++round) {
    std::vector<ForkedChild> waiters = Waiters(4);
    event_.Set();
    event_.Clear();
    for (ForkedChild& waiter : waiters) ASSERT_EQ(waiter.Wait(), 0);
    ASSERT_EQ(scene_->released, 4 * round);
    EXPECT_THAT(event_.Wait(Deadline::After(absl::Milliseconds(2))), StatusIs(absl::StatusCode::kDeadlineExceeded));
  }
}

// A waiter that nobody wakes looks again after 50 ms, and then once a second. So these sleep longer than 50 ms first,
// and the fastest of some rounds tells a wake-up from a look.
TEST_F(EventTest, SetItselfWakesAllWhoSleep) {
  int64_t fastest = std::numeric_limits<int64_t>::max();
  for (int round = 0; round < 3; ++round) {
    std::vector<ForkedChild> waiters = Waiters(4);
    EXPECT_FALSE(event_.Wait(Deadline::After(absl::Milliseconds(100))).ok());
    const int64_t since = MonotonicNanos();
    event_.Set();
    event_.Clear();
    for (ForkedChild& waiter : waiters) ASSERT_EQ(waiter.Wait(), 0);
    fastest = std::min(fastest, MonotonicNanos() - since);
  }
  EXPECT_LT(fastest, 500'000'000);
}

TEST_F(EventTest, AStoppedWaiterHoldsUpNobodyAndIsReleasedOnceItContinues) {
  ForkedChild stopped = Waiter();
  stopped.Stop();
  std::vector<ForkedChild> others = Waiters(2);
  event_.Set();
  event_.Clear();
  for (ForkedChild& other : others) EXPECT_EQ(other.Wait(), 0);
  EXPECT_FALSE(stopped.HasEnded());
  stopped.Continue();
  EXPECT_EQ(stopped.Wait(), 0) << "the event was set while it waited";
}

TEST_F(EventTest, SignalsNeitherEndAWaitNorMoveItsDeadline) {
  ForkedChild child([&] {
    InterruptOften(absl::Microseconds(200));
    const Deadline deadline = Deadline::After(absl::Milliseconds(120));
    REGATTA_CHILD_REQUIRE(event_.Wait(deadline).code() == absl::StatusCode::kDeadlineExceeded && deadline.passed());
    scene_->calls = 1;
    REGATTA_CHILD_REQUIRE(event_.Wait(Watchdog()).ok());
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return scene_->calls == 1 && IsAsleep(child.pid()); }));
  event_.Set();
  EXPECT_EQ(child.Wait(), 0);
}

TEST_F(EventTest, AnIdleWaiterCostsNoCpu) {
  const CpuUse before = CpuUseOfThisThread();
  EXPECT_FALSE(event_.Wait(Deadline::After(absl::Milliseconds(400))).ok());
  const CpuUse after = CpuUseOfThisThread();
  EXPECT_LT(after.cpu - before.cpu, absl::Milliseconds(20)) << "of 400";
  EXPECT_LE(after.sleeps - before.sleeps, 10);
}

TEST_F(EventTest, AChildOfForkUsesTheHandleThatItFinds) {
  ForkedChild child([&] {
    event_.Set();
    return event_.Wait(Deadline::Now()).ok() ? 0 : 1;
  });
  EXPECT_THAT(event_.Wait(Watchdog()), IsOk());
  EXPECT_EQ(child.Wait(), 0);
}

// A consumer clears first and reads then, so an item whose producer found the event set is not missed either.
TEST_F(EventTest, SetOfASetEventIsSeenByTheNextClear) {
  constexpr int64_t kItems = 120'000;
  ForkedChild consumer([&] {
    while (scene_->seen < kItems) {
      REGATTA_CHILD_REQUIRE(event_.Wait(Watchdog()).ok());
      event_.Clear();
      scene_->seen.store(scene_->item.load(std::memory_order_relaxed), std::memory_order_release);
    }
    return 0;
  });
  for (int64_t i = 1; i <= kItems; ++i) {
    scene_->item.store(i, std::memory_order_relaxed);
    event_.Set();
    if (i % 3 != 0) continue;
    const Deadline watchdog = Watchdog();
    while (scene_->seen.load(std::memory_order_acquire) < i)
      ASSERT_FALSE(watchdog.passed()) << "item " << i << " is missed";
  }
  EXPECT_EQ(consumer.Wait(), 0);
}

// Two processes wait for each other in turn, each time cleared.
int TakeTurns(Event& mine, Event& theirs, int rounds) {
  for (int i = 0; i < rounds; ++i) {
    REGATTA_CHILD_REQUIRE(mine.Wait(Watchdog()).ok());
    mine.Clear();
    theirs.Set();
  }
  return 0;
}

TEST_F(EventTest, LosesNoWakeUpBetweenTwoProcesses) {
  Event other = *Event::Create();
  ForkedChild left([&] { return TakeTurns(event_, other, 20'000); });
  ForkedChild right([&] { return TakeTurns(other, event_, 20'000); });
  event_.Set();
  EXPECT_EQ(left.Wait(), 0);
  EXPECT_EQ(right.Wait(), 0);
}

TEST_F(EventTest, WorksWhereTheKernelRefusesItsFence) {
  Event other = *Event::Create();
  const auto turns = [](Event& mine, Event& theirs) {
    RefuseMembarrier();
    return TakeTurns(mine, theirs, 2'000);
  };
  ForkedChild left([&] { return turns(event_, other); });
  ForkedChild right([&] { return turns(other, event_); });
  event_.Set();
  EXPECT_EQ(left.Wait(), 0);
  EXPECT_EQ(right.Wait(), 0);
}

Event* g_of_handler = nullptr;

TEST_F(EventTest, ASignalHandlerMaySetAndClearIt) {
  ForkedChild setter([&] {
    g_of_handler = &event_;
    struct sigaction action = {};
    action.sa_handler = [](int) {
      g_of_handler->Clear();
      g_of_handler->Set();
    };
    REGATTA_CHILD_REQUIRE(sigaction(SIGUSR1, &action, nullptr) == 0);
    while (!scene_->end) {
      event_.Set();
      event_.Clear();
      scene_->calls.fetch_add(1);
    }
    return 0;
  });
  ForkedChild waiter([&] {
    while (!scene_->end) {
      REGATTA_CHILD_REQUIRE(event_.Wait(Watchdog()).ok());
      scene_->released.fetch_add(1);
    }
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return scene_->calls > 0; }));
  for (int i = 0; i < 3000; ++i) ASSERT_EQ(kill(setter.pid(), SIGUSR1), 0);
  ASSERT_TRUE(Eventually([&] { return scene_->released > 100; }));
  scene_->end = true;
  EXPECT_EQ(setter.Wait(), 0);
  event_.Set();
  EXPECT_EQ(waiter.Wait(), 0);
}

TEST_F(EventTest, TheDeathOfAWaiterAtEachStepAffectsNobody) {
  for (const FaultPoint point : {fault::kWaitTokenTaken, fault::kWaitAnnounced, fault::kWaitWoken}) {
    SCOPED_TRACE(point.name());
    scene_->released = 0;
    event_.Clear();
    ForkedChild victim([&] {
      ArmFaultPoint(point);
      return event_.Wait(Watchdog()).ok() ? 0 : 1;
    });
    if (point == fault::kWaitWoken) {
      ASSERT_TRUE(Eventually([&] { return IsAsleep(victim.pid()) || victim.HasEnded(); }));
    } else {
      ASSERT_EQ(victim.Wait(), -SIGKILL);
    }
    std::vector<ForkedChild> waiters = Waiters(3);
    event_.Set();
    for (ForkedChild& waiter : waiters) EXPECT_EQ(waiter.Wait(), 0);
    EXPECT_EQ(scene_->released, 3);
    if (point == fault::kWaitWoken) {
      EXPECT_EQ(victim.Wait(), -SIGKILL);
    }
    EXPECT_THAT(event_.Wait(Deadline::Now()), IsOk());
  }
}

TEST_F(EventTest, TheDeathOfASetterBeforeItWokeAnybodyIsMadeGoodByTheTick) {
  for (const FaultPoint point : {fault::kEventSet, fault::kNotifyDisarmed}) {
    SCOPED_TRACE(point.name());
    event_.Clear();
    scene_->released = 0;
    std::vector<ForkedChild> waiters = Waiters(3);
    ForkedChild setter([&] {
      ArmFaultPoint(point);
      event_.Set();
      return 0;
    });
    EXPECT_TRUE(DiedAt(point, setter));
    EXPECT_TRUE(event_.IsSet());
    for (ForkedChild& waiter : waiters) EXPECT_EQ(waiter.Wait(absl::Seconds(10)), 0);
    EXPECT_EQ(scene_->released, 3);
  }
}

TEST_F(EventTest, TheNextSetWakesThoseWhomADeadSetterLeftAsleep) {
  ForkedChild waiter = Waiter();
  ForkedChild setter([&] {
    ArmFaultPoint(fault::kEventSet);
    event_.Set();
    return 0;
  });
  waiter.Stop();  // So that its tick does not come between.
  EXPECT_EQ(setter.Wait(), -SIGKILL);
  const uint32_t before = Notifications();
  event_.Set();
  EXPECT_EQ(Notifications(), before + 1);
  waiter.Continue();
  EXPECT_EQ(waiter.Wait(), 0);
}

// Setters, clearers and waiters are killed at random moments; others take their places. At the end one Set releases all
// who wait.
TEST_F(EventTest, SurvivesAStormOfDeaths) {
  const auto setter = [&] {
    return ForkedChild([&] {
      while (!scene_->end) {
        event_.Set();
        event_.Clear();
        scene_->calls.fetch_add(1);
      }
      return 0;
    });
  };
  const auto waiter = [&] {
    return ForkedChild([&] {
      while (!scene_->end) {
        const absl::Status status = event_.Wait(Watchdog());
        REGATTA_CHILD_REQUIRE(status.ok());
        scene_->released.fetch_add(1);
      }
      return 0;
    });
  };
  std::vector<ForkedChild> setters;
  std::vector<ForkedChild> waiters;
  for (int i = 0; i < 2; ++i) setters.push_back(setter());
  for (int i = 0; i < 3; ++i) waiters.push_back(waiter());
  for (size_t kill = 0; kill < 60; ++kill) {
    const int64_t calls = scene_->calls;
    const int released = scene_->released;
    ASSERT_TRUE(Eventually([&] { return scene_->calls > calls + 50 && scene_->released > released; }))
        << "stands still after " << kill << " deaths";
    ForkedChild& victim = kill % 2 == 0 ? setters[kill / 2 % 2] : waiters[kill / 2 % 3];
    victim.Kill();
    EXPECT_EQ(victim.Wait(), -SIGKILL);
    victim = kill % 2 == 0 ? setter() : waiter();
  }
  scene_->end = true;
  for (ForkedChild& child : setters) EXPECT_EQ(child.Wait(), 0);
  event_.Set();
  for (ForkedChild& child : waiters) EXPECT_EQ(child.Wait(), 0);
}

}  // namespace
}  // namespace regatta
