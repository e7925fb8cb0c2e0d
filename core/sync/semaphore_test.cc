#include "core/sync/semaphore.h"

#include <atomic>
#include <csignal>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "core/os/deadline.h"
#include "core/sync/fault_points.h"
#include "core/testing/died_at.h"
#include "core/testing/forked_child.h"
#include "core/testing/shared_object_suite.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

[[maybe_unused]] const auto* const kEachSemaphoreFaultPoint = RequireDeathsAt(kSemaphoreFaultPoints);

INSTANTIATE_TYPED_TEST_SUITE_P(Semaphore, SharedObjectTest, Semaphore);

struct Scene {
  std::atomic<bool> end{false};
  std::atomic<int> inside{0};
  std::atomic<int> most_inside{0};
  std::atomic<int64_t> acquired{0};
};

class SemaphoreTest : public testing::Test {
 protected:
  // A child that acquires a permit and counts itself. It is asleep when this returns.
  ForkedChild Waiter() {
    ForkedChild child([&] {
      REGATTA_CHILD_REQUIRE(semaphore_.Acquire(Watchdog()).ok());
      scene_->acquired.fetch_add(1);
      return 0;
    });
    EXPECT_TRUE(FallsAsleep(child));
    return child;
  }
  // Acquires and releases until the end, and records how many processes did so at once.
  int UseUntilEnd() {
    while (!scene_->end) {
      REGATTA_CHILD_REQUIRE(semaphore_.Acquire(Watchdog()).ok());
      const int inside = scene_->inside.fetch_add(1) + 1;
      int most = scene_->most_inside;
      while (most < inside && !scene_->most_inside.compare_exchange_weak(most, inside)) {
      }
      scene_->acquired.fetch_add(1);
      scene_->inside.fetch_sub(1);
      REGATTA_CHILD_REQUIRE(semaphore_.Release().ok());
    }
    return 0;
  }

  Semaphore semaphore_ = *Semaphore::Create(0);
  Shared<Scene> scene_;
};

TEST_F(SemaphoreTest, HasThePermitsThatItBeganWith) {
  Semaphore three = *Semaphore::Create(3);
  EXPECT_EQ(three.value(), 3);
  for (int left = 2; left >= 0; --left) {
    EXPECT_THAT(three.Acquire(Deadline::Now()), IsOk());
    EXPECT_EQ(three.value(), left);
  }
  EXPECT_THAT(three.Acquire(Deadline::Now()), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_EQ(Semaphore::Create()->value(), 1) << "one if no number is given";
}

TEST_F(SemaphoreTest, CreateRefusesNumbersThatItCannotHold) {
  for (const int64_t permits : {int64_t{-1}, std::numeric_limits<int64_t>::min(), Semaphore::kMostPermits + 1,
                                std::numeric_limits<int64_t>::max()}) {
    const absl::Status status = Semaphore::Create(permits).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr(std::to_string(permits))));
  }
  EXPECT_EQ(Semaphore::Create(Semaphore::kMostPermits)->value(), Semaphore::kMostPermits);
}

TEST_F(SemaphoreTest, GrowsBeyondItsBeginUpToTheMost) {
  ASSERT_THAT(semaphore_.Release(5), IsOk());
  EXPECT_EQ(semaphore_.value(), 5);
  for (const int64_t permits : {Semaphore::kMostPermits - 4, std::numeric_limits<int64_t>::max()}) {
    EXPECT_THAT(semaphore_.Release(permits), StatusIs(absl::StatusCode::kOutOfRange));
    EXPECT_EQ(semaphore_.value(), 5) << "nothing was added";
  }
  ASSERT_THAT(semaphore_.Release(Semaphore::kMostPermits - 5), IsOk());
  EXPECT_THAT(semaphore_.Release(), StatusIs(absl::StatusCode::kOutOfRange));
  EXPECT_THAT(semaphore_.Acquire(Deadline::Now()), IsOk());
  EXPECT_EQ(semaphore_.value(), Semaphore::kMostPermits - 1);
}

TEST_F(SemaphoreTest, ReleaseOfNothingIsAnError) {
  for (const int64_t permits : {int64_t{0}, int64_t{-1}, std::numeric_limits<int64_t>::min()}) {
    EXPECT_THAT(semaphore_.Release(permits), StatusIs(absl::StatusCode::kInvalidArgument));
  }
  EXPECT_EQ(semaphore_.value(), 0);
}

TEST_F(SemaphoreTest, AcquireWithoutTimeDoesNotBlock) {
  for (const absl::Duration timeout : {absl::ZeroDuration(), absl::Seconds(-1)}) {
    EXPECT_THAT(semaphore_.Acquire(Deadline::After(timeout)), StatusIs(absl::StatusCode::kUnavailable));
  }
}

TEST_F(SemaphoreTest, AcquireEndsAtItsDeadlineAndTakesNothing) {
  const Deadline deadline = Deadline::After(absl::Milliseconds(10));
  EXPECT_THAT(semaphore_.Acquire(deadline), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_TRUE(deadline.passed());
  ASSERT_THAT(semaphore_.Release(), IsOk());
  EXPECT_EQ(semaphore_.value(), 1);
  EXPECT_THAT(semaphore_.Acquire(deadline), IsOk()) << "a permit that is there is taken after the deadline, too";
}

TEST_F(SemaphoreTest, ReleaseOfManyWakesAsMany) {
  std::vector<ForkedChild> waiters;
  for (int i = 0; i < 6; ++i) waiters.push_back(Waiter());
  ASSERT_THAT(semaphore_.Release(4), IsOk());
  ASSERT_TRUE(Eventually([&] { return scene_->acquired == 4; }));
  EXPECT_EQ(semaphore_.value(), 0);
  ASSERT_THAT(semaphore_.Release(3), IsOk());
  for (ForkedChild& waiter : waiters) EXPECT_EQ(waiter.Wait(), 0);
  EXPECT_EQ(semaphore_.value(), 1);
}

// A waiter that nobody wakes looks again after 50 ms, and then once a second: the fastest of some rounds tells a
// wake-up from a look.
TEST_F(SemaphoreTest, ReleaseItselfWakesThoseWhoSleep) {
  int64_t fastest = std::numeric_limits<int64_t>::max();
  for (int round = 0; round < 3; ++round) {
    std::vector<ForkedChild> waiters;
    for (int i = 0; i < 4; ++i) waiters.push_back(Waiter());
    EXPECT_FALSE(semaphore_.Acquire(Deadline::After(absl::Milliseconds(100))).ok());
    const int64_t since = MonotonicNanos();
    ASSERT_THAT(semaphore_.Release(4), IsOk());
    for (ForkedChild& waiter : waiters) ASSERT_EQ(waiter.Wait(), 0);
    fastest = std::min(fastest, MonotonicNanos() - since);
  }
  EXPECT_LT(fastest, 500'000'000);
}

TEST_F(SemaphoreTest, NeverMoreProcessesAndThreadsInsideThanPermits) {
  ASSERT_THAT(semaphore_.Release(3), IsOk());
  std::vector<ForkedChild> children;
  for (int i = 0; i < 4; ++i) {
    children.emplace_back([&] {
      std::thread other([&] { UseUntilEnd(); });
      const int code = UseUntilEnd();
      other.join();
      return code;
    });
  }
  ASSERT_TRUE(Eventually([&] { return scene_->acquired > 50'000; }));
  scene_->end = true;
  for (ForkedChild& child : children) EXPECT_EQ(child.Wait(), 0);
  EXPECT_LE(scene_->most_inside, 3);
  EXPECT_EQ(semaphore_.value(), 3) << "no permit is lost or made";
}

TEST_F(SemaphoreTest, HandsItemsToAndFroWithoutLosingAWakeUp) {
  Semaphore back = *Semaphore::Create(0);
  ForkedChild child([&] {
    for (int i = 0; i < 20'000; ++i) {
      REGATTA_CHILD_REQUIRE(semaphore_.Acquire(Watchdog()).ok());
      REGATTA_CHILD_REQUIRE(back.Release().ok());
    }
    return 0;
  });
  for (int i = 0; i < 20'000; ++i) {
    ASSERT_THAT(semaphore_.Release(), IsOk());
    ASSERT_THAT(back.Acquire(Watchdog()), IsOk());
  }
  EXPECT_EQ(child.Wait(), 0);
}

TEST_F(SemaphoreTest, ScopedReleasesOnEveryWayOut) {
  ASSERT_THAT(semaphore_.Release(), IsOk());
  {
    const absl::StatusOr<ScopedPermit> held = ScopedPermit::Acquire(semaphore_);
    ASSERT_THAT(held, IsOk());
    EXPECT_EQ(semaphore_.value(), 0);
    EXPECT_THAT(ScopedPermit::Acquire(semaphore_, Deadline::Now()), StatusIs(absl::StatusCode::kUnavailable));
  }
  EXPECT_EQ(semaphore_.value(), 1);
}

TEST_F(SemaphoreTest, SignalsNeitherEndAnAcquireNorMoveItsDeadline) {
  ForkedChild child([&] {
    InterruptOften(absl::Microseconds(200));
    const Deadline deadline = Deadline::After(absl::Milliseconds(120));
    REGATTA_CHILD_REQUIRE(semaphore_.Acquire(deadline).code() == absl::StatusCode::kDeadlineExceeded &&
                          deadline.passed());
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

Semaphore* g_of_handler = nullptr;

TEST_F(SemaphoreTest, ASignalHandlerMayReleaseIt) {
  ForkedChild releaser([&] {
    g_of_handler = &semaphore_;
    struct sigaction action = {};
    action.sa_handler = [](int) { g_of_handler->Release().IgnoreError(); };
    REGATTA_CHILD_REQUIRE(sigaction(SIGUSR1, &action, nullptr) == 0);
    scene_->inside = 1;
    while (!scene_->end) {
      REGATTA_CHILD_REQUIRE(semaphore_.Release().ok());
      REGATTA_CHILD_REQUIRE(semaphore_.Acquire().ok());
    }
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return scene_->inside == 1; }));
  for (int i = 0; i < 1000; ++i) {
    ASSERT_EQ(kill(releaser.pid(), SIGUSR1), 0);
    ASSERT_THAT(semaphore_.Acquire(Watchdog()), IsOk()) << "of signal " << i;
  }
  scene_->end = true;
  // The last permits that were taken in turn.
  ASSERT_THAT(semaphore_.Release(), IsOk());
  EXPECT_EQ(releaser.Wait(), 0);
}

TEST_F(SemaphoreTest, ADeathBeforeTheWakeUpIsMadeGoodByTheTick) {
  for (const FaultPoint point : {fault::kSemaphoreReleased, fault::kNotifyDisarmed}) {
    SCOPED_TRACE(point.name());
    ForkedChild waiter = Waiter();
    ForkedChild releaser([&] {
      ArmFaultPoint(point);
      return semaphore_.Release().ok() ? 0 : 1;
    });
    EXPECT_TRUE(DiedAt(point, releaser));
    EXPECT_EQ(waiter.Wait(), 0) << "the permit is there, and its waiter finds it";
    EXPECT_EQ(semaphore_.value(), 0);
  }
}

TEST_F(SemaphoreTest, ADeathAfterTakingAPermitHoldsUpNoOther) {
  ForkedChild victim([&] {
    ArmFaultPoint(fault::kSemaphoreAcquired);
    return semaphore_.Acquire(Watchdog()).ok() ? 0 : 1;
  });
  ASSERT_TRUE(Eventually([&] { return IsAsleep(victim.pid()); }));
  std::vector<ForkedChild> waiters;
  for (int i = 0; i < 2; ++i) waiters.push_back(Waiter());
  ASSERT_THAT(semaphore_.Release(3), IsOk());
  EXPECT_TRUE(DiedAt(fault::kSemaphoreAcquired, victim));
  for (ForkedChild& waiter : waiters) EXPECT_EQ(waiter.Wait(), 0);
  EXPECT_EQ(semaphore_.value(), 0) << "the dead process keeps its permit";
}

// Processes that acquire and release are killed at random moments. Each death keeps at most one permit; nobody stands
// still.
TEST_F(SemaphoreTest, SurvivesAStormOfDeaths) {
  constexpr int kKills = 60;
  ASSERT_THAT(semaphore_.Release(kKills + 1), IsOk());
  const auto user = [&] { return ForkedChild([&] { return UseUntilEnd(); }); };
  std::vector<ForkedChild> users;
  for (int i = 0; i < 4; ++i) users.push_back(user());
  for (size_t kill = 0; kill < kKills; ++kill) {
    const int64_t acquired = scene_->acquired;
    ASSERT_TRUE(Eventually([&] { return scene_->acquired > acquired + 50; })) << "stands still after " << kill;
    ForkedChild& victim = users[kill % users.size()];
    victim.Kill();
    EXPECT_EQ(victim.Wait(), -SIGKILL);
    victim = user();
  }
  scene_->end = true;
  for (ForkedChild& child : users) EXPECT_EQ(child.Wait(), 0);
  EXPECT_GE(semaphore_.value(), 1);
  EXPECT_LE(semaphore_.value(), kKills + 1) << "no death makes a permit";
}

}  // namespace
}  // namespace regatta
