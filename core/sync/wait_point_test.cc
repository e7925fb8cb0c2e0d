#include "core/sync/wait_point.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <csignal>
#include <thread>
#include <vector>

#include "absl/time/time.h"
#include "core/os/cpu.h"
#include "core/os/deadline.h"
#include "core/shm/family.h"
#include "core/sync/fault_points.h"
#include "core/testing/forked_child.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

bool Elsewhere() { return false; }
void NothingToTidy() {}

struct Scene {
  WaitPoint point{};
  alignas(64) std::atomic<int64_t> items{0};
  alignas(64) std::atomic<int64_t> taken{0};
  std::atomic<int64_t> answered{0};
  std::atomic<int32_t> thread_id{0};
  std::atomic<bool> end{false};
};

class WaitPointTest : public testing::Test {
 protected:
  void SetUp() override { self_ = *Family::Self(); }
  // Takes one of the items, if there is one.
  bool TakeOne() {
    int64_t left = scene_->items.load();
    while (left > 0) {
      if (scene_->items.compare_exchange_weak(left, left - 1)) return true;
    }
    return false;
  }
  bool AwaitOne(Deadline deadline = Deadline::Never()) {
    const bool found =
        scene_->point.Await([&] { return TakeOne(); }, deadline, Elsewhere, *Family::Self(), NothingToTidy);
    // The contract: who took something passes wakes on that were left to it.
    if (scene_->point.anybody_sleeps() && scene_->items.load() > 0) scene_->point.Notify();
    return found;
  }
  void PutOne() {
    scene_->items.fetch_add(1);
    scene_->point.Notify();
  }
  Shared<Scene> scene_;
  Member self_ = kNobody;
};

TEST_F(WaitPointTest, WhatIsReadyIsFoundWithoutWaiting) {
  EXPECT_TRUE(scene_->point.Await([] { return true; }, Deadline::Now(), Elsewhere, self_, NothingToTidy));
  EXPECT_FALSE(scene_->point.Await([] { return false; }, Deadline::Now(), Elsewhere, self_, NothingToTidy));
}

TEST_F(WaitPointTest, DoesNotGiveUpBeforeTheDeadline) {
  const Deadline deadline = Deadline::After(absl::Milliseconds(10));
  EXPECT_FALSE(AwaitOne(deadline));
  EXPECT_TRUE(deadline.passed());
}

TEST_F(WaitPointTest, LooksOnceMoreAtTheDeadline) {
  const Deadline deadline = Deadline::After(absl::Milliseconds(1));
  EXPECT_TRUE(scene_->point.Await([&] { return deadline.passed(); }, deadline, Elsewhere, self_, NothingToTidy));
}

TEST_F(WaitPointTest, WakesASleeperInAnotherProcess) {
  ForkedChild child([&] { return AwaitOne() ? 0 : 1; });
  ASSERT_TRUE(Eventually([&] { return scene_->point.anybody_sleeps() && IsAsleep(child.pid()); }));
  PutOne();
  EXPECT_EQ(child.Wait(), 0);
}

TEST_F(WaitPointTest, NotifyAllWakesAll) {
  std::vector<ForkedChild> children;
  for (int i = 0; i < 5; ++i) {
    children.emplace_back([&] {
      return scene_->point.Await([&] { return scene_->end.load(); }, Deadline::Never(), Elsewhere, *Family::Self(),
                                 NothingToTidy)
                 ? 0
                 : 1;
    });
  }
  for (const ForkedChild& child : children) ASSERT_TRUE(Eventually([&] { return IsAsleep(child.pid()); }));
  scene_->end = true;
  const Deadline soon = Deadline::After(absl::Milliseconds(900));
  scene_->point.NotifyAll();
  for (ForkedChild& child : children) EXPECT_EQ(child.Wait(), 0);
  // A tick would come a second after the last; the watchdog tells waking from it.
  EXPECT_FALSE(soon.passed());
}

// A waiter has announced itself and has looked in vain. It must not fall asleep beside a notification that came since,
// although another waiter has announced itself after that.
TEST_F(WaitPointTest, AWaiterDoesNotSleepThroughANotificationBehindItsBack) {
  ForkedChild waiter([&] {
    bool stopped = false;
    int64_t sleeps_before = 0;
    int64_t sleeps_after = -1;
    const bool found = scene_->point.Await(
        [&] {
          if (stopped) {
            sleeps_after = CpuUseOfThisThread().sleeps;
            return scene_->end.load();
          }
          if (scene_->point.anybody_sleeps()) {  // This is the look after its own announcement.
            stopped = true;
            kill(getpid(), SIGSTOP);
            sleeps_before = CpuUseOfThisThread().sleeps;
          }
          return false;
        },
        Deadline::Never(), Elsewhere, *Family::Self(), NothingToTidy);
    REGATTA_CHILD_REQUIRE(found && sleeps_after == sleeps_before);
    return 0;
  });
  waiter.AwaitStop();
  scene_->end = true;
  scene_->point.NotifyAll();
  ForkedChild other([&] { return AwaitOne() ? 0 : 1; });
  ASSERT_TRUE(Eventually([&] { return scene_->point.anybody_sleeps() && IsAsleep(other.pid()); }));
  waiter.Continue();
  EXPECT_EQ(waiter.Wait(), 0);
}

TEST_F(WaitPointTest, IdleIsCalledOnceASleepHasLasted) {
  int calls = 0;
  const int64_t start = MonotonicNanos();
  int64_t first_call = 0;
  scene_->point.Await([] { return false; }, Deadline::After(absl::Milliseconds(120)), Elsewhere, self_,
                      [&] {
                        if (calls++ == 0) first_call = MonotonicNanos();
                      });
  EXPECT_EQ(calls, 1);
  EXPECT_GE(first_call - start, 50'000'000);
}

TEST_F(WaitPointTest, AWaiterBesideItsPartnerYieldsAndFinds) {
  std::thread partner([&] {
    for (int i = 0; i < 200; ++i) {
      PutOne();
      ASSERT_TRUE(Eventually([&] { return scene_->taken == i + 1; }));
    }
  });
  for (int i = 0; i < 200; ++i) {
    EXPECT_TRUE(
        scene_->point.Await([&] { return TakeOne(); }, Deadline::Never(), [] { return true; }, self_, NothingToTidy));
    scene_->taken = i + 1;
  }
  partner.join();
}

// Ping-pong with every wait made to sleep: one lost wake would show as a tick of a second, and many as a hang.
TEST_F(WaitPointTest, LosesNoWake) {
  Shared<Scene> back;
  constexpr int kRounds = 20'000;
  const auto await = [](Scene& scene, int64_t value) {
    return scene.point.Await([&] { return scene.items.load(std::memory_order_relaxed) >= value; }, Watchdog(),
                             Elsewhere, *Family::Self(), NothingToTidy);
  };
  ForkedChild child([&] {
    for (int i = 1; i <= kRounds; ++i) {
      REGATTA_CHILD_REQUIRE(await(*scene_, i));
      back->items.store(i, std::memory_order_release);
      back->point.Notify();
    }
    return 0;
  });
  int64_t longest = 0;
  for (int i = 1; i <= kRounds; ++i) {
    const int64_t start = MonotonicNanos();
    scene_->items.store(i, std::memory_order_release);
    scene_->point.Notify();
    ASSERT_TRUE(await(*back, i));
    longest = std::max(longest, MonotonicNanos() - start);
  }
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_LT(longest, 900'000'000) << "a wake was lost, and found by the tick";
}

// Several sleepers and bursts: each wake passes on what more there is, and nobody sleeps beside an item until the tick.
TEST_F(WaitPointTest, LeavesNoItemBesideASleeper) {
  constexpr int kItems = 30'000;
  constexpr int kWaiters = 3;
  std::vector<ForkedChild> children;
  for (int i = 0; i < kWaiters; ++i) {
    children.emplace_back([&] {
      for (;;) {
        REGATTA_CHILD_REQUIRE(AwaitOne(Watchdog()));
        if (scene_->end) return 0;
        scene_->taken.fetch_add(1);
      }
    });
  }
  int64_t longest = 0;
  for (int i = 0; i < kItems; i += 2) {
    const int64_t start = MonotonicNanos();
    PutOne();
    PutOne();
    while (scene_->taken.load() < i + 2) YieldProcessor();
    longest = std::max(longest, MonotonicNanos() - start);
  }
  scene_->end = true;
  scene_->items = 1000;
  scene_->point.NotifyAll();
  for (ForkedChild& child : children) EXPECT_EQ(child.Wait(), 0);
  EXPECT_LT(longest, 900'000'000) << "an item lay beside a sleeper until its tick";
}

TEST_F(WaitPointTest, WorksWhereTheKernelRefusesItsFence) {
  Shared<Scene> back;
  const auto body = [](Scene& in, Scene& out) {
    RefuseMembarrier();
    const Member self = *Family::Self();
    for (int i = 1; i <= 2000; ++i) {
      REGATTA_CHILD_REQUIRE(
          in.point.Await([&] { return in.items.load() >= i; }, Watchdog(), Elsewhere, self, NothingToTidy));
      out.items.store(i);
      out.point.Notify();
    }
    return 0;
  };
  ForkedChild left([&] { return body(*scene_, *back); });
  ForkedChild right([&] {
    RefuseMembarrier();
    const Member self = *Family::Self();
    for (int i = 1; i <= 2000; ++i) {
      scene_->items.store(i);
      scene_->point.Notify();
      REGATTA_CHILD_REQUIRE(
          back->point.Await([&] { return back->items.load() >= i; }, Watchdog(), Elsewhere, self, NothingToTidy));
    }
    return 0;
  });
  EXPECT_EQ(left.Wait(), 0);
  EXPECT_EQ(right.Wait(), 0);
}

TEST_F(WaitPointTest, AStoppedSpinnerHoldsUpNoNotifier) {
  // The spinner stops while it has the token: its own look stops it, as a debugger or a shell would.
  std::atomic<int> looks{0};
  ForkedChild spinner([&] {
    scene_->point.Await(
        [&] {
          if (++looks == 60) kill(getpid(), SIGSTOP);  // Past the first looks: inside the spin.
          return false;
        },
        Deadline::Never(), Elsewhere, *Family::Self(), NothingToTidy);
    return 0;
  });
  spinner.AwaitStop();
  ForkedChild sleeper([&] {
    const Member self = *Family::Self();
    for (int i = 1; i <= 60; ++i) {
      if (!scene_->point.Await([&] { return scene_->items.load() >= i; }, Watchdog(), Elsewhere, self, NothingToTidy)) {
        return 1;
      }
      scene_->answered = i;
    }
    return 0;
  });
  const int64_t start = MonotonicNanos();
  for (int i = 1; i <= 60; ++i) {
    ASSERT_TRUE(Eventually([&] { return scene_->point.anybody_sleeps() && IsAsleep(sleeper.pid()); }));
    scene_->items = i;
    scene_->point.Notify();
    ASSERT_TRUE(Eventually([&] { return scene_->answered == i; }));
  }
  EXPECT_EQ(sleeper.Wait(), 0);
  EXPECT_LT(MonotonicNanos() - start, 2'000'000'000) << "each notification was left to the stopped one";
}

// Deaths of the spinner, of who just announced its sleep, of the woken, and of the notifier.
TEST_F(WaitPointTest, ADeathAtEachStepDelaysOthersByATickAtMost) {
  for (const FaultPoint point : {fault::kWaitTokenTaken, fault::kWaitAnnounced, fault::kWaitWoken}) {
    SCOPED_TRACE(point.name());
    scene_->items = 0;
    ForkedChild survivor([&] { return AwaitOne(Watchdog()) ? 0 : 1; });
    ASSERT_TRUE(FallsAsleep(survivor));  // So the token is free for the victim.
    ForkedChild victim([&] {
      ArmFaultPoint(point);
      AwaitOne();
      return 0;
    });
    if (point == fault::kWaitWoken) {
      ASSERT_TRUE(Eventually([&] { return IsAsleep(victim.pid()) && IsAsleep(survivor.pid()); }));
      scene_->point.NotifyAll();
    }
    EXPECT_EQ(victim.Wait(), -SIGKILL);
    PutOne();
    EXPECT_EQ(survivor.Wait(absl::Seconds(10)), 0);
  }
}

TEST_F(WaitPointTest, ANotifiersDeathBeforeTheWakeDelaysTheSleeperByATickAtMost) {
  ForkedChild sleeper([&] { return AwaitOne() ? 0 : 1; });
  ASSERT_TRUE(Eventually([&] { return scene_->point.anybody_sleeps() && IsAsleep(sleeper.pid()); }));
  ForkedChild notifier([&] {
    ArmFaultPoint(fault::kNotifyDisarmed);
    PutOne();
    return 0;
  });
  EXPECT_EQ(notifier.Wait(), -SIGKILL);
  EXPECT_EQ(sleeper.Wait(absl::Seconds(10)), 0);
}

}  // namespace
}  // namespace regatta
