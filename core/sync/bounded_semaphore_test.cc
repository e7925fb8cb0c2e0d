#include "core/sync/bounded_semaphore.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <limits>
#include <string>
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

[[maybe_unused]] const auto* const kEachBoundedSemaphoreFaultPoint = RequireDeathsAt(kBoundedSemaphoreFaultPoints);

INSTANTIATE_TYPED_TEST_SUITE_P(BoundedSemaphore, SharedObjectTest, BoundedSemaphore);

struct Scene {
  std::atomic<bool> end{false};
  std::atomic<bool> held{false};
  std::atomic<int> inside{0};
  std::atomic<int> most_inside{0};
  std::atomic<int64_t> acquired{0};
};

class BoundedSemaphoreTest : public testing::Test {
 protected:
  // A child that acquires `permits` and keeps them.
  ForkedChild Holder(int permits) {
    scene_->held = false;
    ForkedChild child([&] {
      for (int i = 0; i < permits; ++i) REGATTA_CHILD_REQUIRE(semaphore_.Acquire(Watchdog()).ok());
      scene_->held = true;
      for (;;) pause();
      return 0;
    });
    EXPECT_TRUE(Eventually([&] { return scene_->held.load(); }));
    return child;
  }

  BoundedSemaphore semaphore_ = *BoundedSemaphore::Create(3);
  Shared<Scene> scene_;
};

TEST_F(BoundedSemaphoreTest, HasAsManyPermitsAsItBeganWith) {
  for (int left = 2; left >= 0; --left) {
    EXPECT_THAT(semaphore_.Acquire(Deadline::Now()), IsOk());
    EXPECT_EQ(semaphore_.value(), left);
  }
  EXPECT_THAT(semaphore_.Acquire(Deadline::Now()), StatusIs(absl::StatusCode::kUnavailable));
  for (int i = 0; i < 3; ++i) EXPECT_THAT(semaphore_.Release(), IsOk());
  EXPECT_EQ(semaphore_.value(), 3);
}

TEST_F(BoundedSemaphoreTest, RefusesToBeReleasedMoreOftenThanAcquired) {
  ASSERT_THAT(semaphore_.Acquire(), IsOk());
  ASSERT_THAT(semaphore_.Release(), IsOk());
  const absl::Status status = semaphore_.Release();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("more often than acquired")));
  EXPECT_EQ(semaphore_.value(), 3);
}

TEST_F(BoundedSemaphoreTest, CreateRefusesNumbersThatItCannotHold) {
  for (const int64_t permits : {int64_t{0}, int64_t{-1}, std::numeric_limits<int64_t>::min(),
                                BoundedSemaphore::kMostPermits + 1, std::numeric_limits<int64_t>::max()}) {
    const absl::Status status = BoundedSemaphore::Create(permits).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr(std::to_string(permits))));
  }
  BoundedSemaphore most = *BoundedSemaphore::Create(BoundedSemaphore::kMostPermits);
  for (int64_t i = 0; i < BoundedSemaphore::kMostPermits; ++i) ASSERT_THAT(most.Acquire(Deadline::Now()), IsOk());
  EXPECT_FALSE(most.Acquire(Deadline::Now()).ok());
  EXPECT_EQ(BoundedSemaphore::Create()->value(), 1) << "one if no number is given";
}

TEST_F(BoundedSemaphoreTest, AcquireEndsAtItsDeadlineAndTakesNothing) {
  BoundedSemaphore one = *BoundedSemaphore::Create(1);
  ASSERT_THAT(one.Acquire(), IsOk());
  const Deadline deadline = Deadline::After(absl::Milliseconds(10));
  EXPECT_THAT(one.Acquire(deadline), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_TRUE(deadline.passed());
  ASSERT_THAT(one.Release(), IsOk());
  EXPECT_EQ(one.value(), 1);
}

TEST_F(BoundedSemaphoreTest, AnotherProcessMayReleaseWhenItHoldsNone) {
  ASSERT_THAT(semaphore_.Acquire(), IsOk());
  ForkedChild child([&] { return semaphore_.Release().ok() ? 0 : 1; });
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_EQ(semaphore_.value(), 3);
  EXPECT_FALSE(semaphore_.Release().ok());
}

TEST_F(BoundedSemaphoreTest, ReleaseGivesBackAPermitOfThisProcessFirst) {
  ForkedChild holder = Holder(1);
  ASSERT_THAT(semaphore_.Acquire(), IsOk());
  ASSERT_THAT(semaphore_.Release(), IsOk());
  EXPECT_EQ(semaphore_.value(), 2);
  holder.Kill();
  EXPECT_EQ(holder.Wait(), -SIGKILL);
  EXPECT_EQ(semaphore_.value(), 3) << "it was the dead process that still held one";
}

TEST_F(BoundedSemaphoreTest, ThePermitsOfADeadProcessComeBack) {
  ForkedChild holder = Holder(2);
  const int32_t pid = holder.pid();
  holder.Kill();
  EXPECT_EQ(holder.Wait(), -SIGKILL);
  EXPECT_EQ(semaphore_.value(), 3);
  int told = 0;
  for (int i = 0; i < 3; ++i) {
    const absl::StatusOr<Acquired> acquired = semaphore_.Acquire(Deadline::Now());
    ASSERT_THAT(acquired, IsOk());
    told += acquired->previous_owner_died == pid ? 1 : 0;
  }
  EXPECT_EQ(told, 2) << "once for each permit";
  EXPECT_FALSE(semaphore_.Acquire(Deadline::Now()).ok());
}

TEST_F(BoundedSemaphoreTest, TheNormalEndOfAHolderIsADeathToo) {
  ForkedChild holder([&] { return semaphore_.Acquire().ok() ? 0 : 1; });
  ASSERT_EQ(holder.Wait(), 0);
  EXPECT_EQ(semaphore_.value(), 3);
}

TEST_F(BoundedSemaphoreTest, ASleeperFindsThePermitOfADeadProcess) {
  ForkedChild holder = Holder(3);
  ForkedChild waiter([&] {
    const absl::StatusOr<Acquired> acquired = semaphore_.Acquire(Watchdog());
    REGATTA_CHILD_REQUIRE(acquired.ok() && acquired->previous_owner_died == holder.pid());
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return IsAsleep(waiter.pid()); }));
  holder.Kill();
  EXPECT_EQ(waiter.Wait(), 0);
}

TEST_F(BoundedSemaphoreTest, ReleaseWakesASleeper) {
  ForkedChild holder = Holder(3);
  int64_t fastest = std::numeric_limits<int64_t>::max();
  for (int round = 0; round < 3; ++round) {
    ForkedChild waiter([&] {
      REGATTA_CHILD_REQUIRE(semaphore_.Acquire(Watchdog()).ok());
      scene_->acquired = MonotonicNanos();
      for (;;) pause();
      return 0;
    });
    ASSERT_TRUE(Eventually([&] { return IsAsleep(waiter.pid()); }));
    // It has looked after 50 ms, and looks again after a second: a wake-up is faster.
    EXPECT_FALSE(semaphore_.Acquire(Deadline::After(absl::Milliseconds(100))).ok());
    const int64_t since = MonotonicNanos();
    ASSERT_THAT(semaphore_.Release(), IsOk());
    ASSERT_TRUE(Eventually([&] { return scene_->acquired > since; }));
    fastest = std::min(fastest, scene_->acquired - since);
    waiter.Kill();
    EXPECT_EQ(waiter.Wait(), -SIGKILL);
    ASSERT_THAT(semaphore_.Acquire(Deadline::Now()), IsOk());
  }
  EXPECT_LT(fastest, 500'000'000);
}

TEST_F(BoundedSemaphoreTest, ScopedReleasesOnEveryWayOutButNotInAChildOfFork) {
  {
    const absl::StatusOr<ScopedBoundedPermit> held = ScopedBoundedPermit::Acquire(semaphore_);
    ASSERT_THAT(held, IsOk());
    ForkedChild child([&] {
      { const ScopedBoundedPermit copy = std::move(const_cast<ScopedBoundedPermit&>(*held)); }
      return semaphore_.value() == 2 ? 0 : 1;
    });
    EXPECT_EQ(child.Wait(), 0);
    EXPECT_EQ(semaphore_.value(), 2);
  }
  EXPECT_EQ(semaphore_.value(), 3);
}

TEST_F(BoundedSemaphoreTest, ADeathAtEachPointGivesThePermitBack) {
  for (const FaultPoint point : {fault::kBoundedPermitTaken, fault::kBoundedPermitReleased}) {
    SCOPED_TRACE(point.name());
    ForkedChild victim([&] {
      ArmFaultPoint(point);
      REGATTA_CHILD_REQUIRE(semaphore_.Acquire().ok());
      return semaphore_.Release().ok() ? 0 : 1;
    });
    EXPECT_TRUE(DiedAt(point, victim));
    EXPECT_EQ(semaphore_.value(), 3);
  }
}

// Processes that acquire and release are killed at random moments. No permit is lost, and never more are inside than
// there are.
TEST_F(BoundedSemaphoreTest, SurvivesAStormOfDeaths) {
  const auto user = [&] {
    return ForkedChild([&] {
      while (!scene_->end) {
        const absl::StatusOr<ScopedBoundedPermit> held = ScopedBoundedPermit::Acquire(semaphore_, Watchdog());
        REGATTA_CHILD_REQUIRE(held.ok());
        scene_->acquired.fetch_add(1);
      }
      return 0;
    });
  };
  std::vector<ForkedChild> users;
  for (int i = 0; i < 5; ++i) users.push_back(user());
  for (size_t kill = 0; kill < 60; ++kill) {
    const int64_t acquired = scene_->acquired;
    ASSERT_TRUE(Eventually([&] { return scene_->acquired > acquired + 50; })) << "stands still after " << kill;
    ForkedChild& victim = users[kill % users.size()];
    victim.Kill();
    EXPECT_EQ(victim.Wait(), -SIGKILL);
    victim = user();
  }
  scene_->end = true;
  for (ForkedChild& child : users) EXPECT_EQ(child.Wait(), 0);
  EXPECT_EQ(semaphore_.value(), 3);
}

TEST_F(BoundedSemaphoreTest, NeverMoreInsideThanPermits) {
  std::vector<ForkedChild> children;
  for (int i = 0; i < 5; ++i) {
    children.emplace_back([&] {
      for (int n = 0; n < 10'000; ++n) {
        REGATTA_CHILD_REQUIRE(semaphore_.Acquire(Watchdog()).ok());
        const int inside = scene_->inside.fetch_add(1) + 1;
        int most = scene_->most_inside;
        while (most < inside && !scene_->most_inside.compare_exchange_weak(most, inside)) {
        }
        scene_->inside.fetch_sub(1);
        REGATTA_CHILD_REQUIRE(semaphore_.Release().ok());
      }
      return 0;
    });
  }
  for (ForkedChild& child : children) EXPECT_EQ(child.Wait(), 0);
  EXPECT_LE(scene_->most_inside, 3);
  EXPECT_EQ(semaphore_.value(), 3);
}

}  // namespace
}  // namespace regatta
