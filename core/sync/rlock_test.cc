#include "core/sync/rlock.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/os/deadline.h"
#include "core/shm/fault_points.h"
#include "core/sync/fault_points.h"
#include "core/testing/died_at.h"
#include "core/testing/forked_child.h"
#include "core/testing/shared_object_suite.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

[[maybe_unused]] const auto* const kEachRLockFaultPoint = RequireDeathsAt(kRLockFaultPoints);

INSTANTIATE_TYPED_TEST_SUITE_P(RLock, SharedObjectTest, RLock);

struct Scene {
  std::atomic<bool> end{false};
  std::atomic<bool> held{false};
  std::atomic<int64_t> done{0};
  int64_t counter = 0;  // Plain: only the lock guards it.
};

class RLockTest : public testing::Test {
 protected:
  // A child that acquires the lock twice and keeps it.
  ForkedChild Holder() {
    ForkedChild child([&] {
      REGATTA_CHILD_REQUIRE(lock_.Acquire().ok() && lock_.Acquire().ok());
      scene_->held = true;
      for (;;) pause();
      return 0;
    });
    EXPECT_TRUE(Eventually([&] { return scene_->held.load(); }));
    return child;
  }
  absl::StatusCode TryElsewhere() {
    absl::StatusCode code = absl::StatusCode::kOk;
    std::thread([&] {
      code = lock_.Acquire(Deadline::Now()).status().code();
      if (code == absl::StatusCode::kOk) {
        EXPECT_THAT(lock_.Release(), IsOk());
      }
    }).join();
    return code;
  }

  RLock lock_ = *RLock::Create();
  Shared<Scene> scene_;
};

TEST_F(RLockTest, IsReleasedByAsManyReleasesAsAcquires) {
  for (uint32_t depth = 1; depth <= 3; ++depth) {
    ASSERT_THAT(lock_.Acquire(Deadline::Now()), IsOk());
    EXPECT_EQ(lock_.depth(), depth);
  }
  EXPECT_EQ(lock_.holder(), getpid());
  for (uint32_t depth = 3; depth > 0; --depth) {
    EXPECT_EQ(TryElsewhere(), absl::StatusCode::kUnavailable);
    ASSERT_THAT(lock_.Release(), IsOk());
    EXPECT_EQ(lock_.depth(), depth - 1);
  }
  EXPECT_EQ(TryElsewhere(), absl::StatusCode::kOk);
  EXPECT_FALSE(lock_.holder().has_value());
}

TEST_F(RLockTest, OnlyItsOwnerMayReleaseIt) {
  const auto refused = [&] {
    const absl::Status status = lock_.Release();
    return status.code() == absl::StatusCode::kFailedPrecondition &&
           status.message().find("doesn't own the lock") != std::string::npos;
  };
  EXPECT_TRUE(refused()) << "no thread holds it";
  ASSERT_THAT(lock_.Acquire(), IsOk());
  std::thread([&] { EXPECT_TRUE(refused()) << "another thread"; }).join();
  ForkedChild child([&] { return refused() && lock_.depth() == 0 ? 0 : 1; });
  EXPECT_EQ(child.Wait(), 0) << "another process";
  EXPECT_THAT(lock_.Release(), IsOk());
  EXPECT_TRUE(refused()) << "released already";
}

TEST_F(RLockTest, NamesTheHolderWithoutTimeAndAtTheDeadline) {
  ForkedChild holder = Holder();
  const std::string text = absl::StrCat("process ", holder.pid());
  const absl::Status now = lock_.Acquire(Deadline::Now()).status();
  EXPECT_THAT(now, StatusIs(absl::StatusCode::kUnavailable, testing::HasSubstr(text)));
  const Deadline deadline = Deadline::After(absl::Milliseconds(10));
  EXPECT_THAT(lock_.Acquire(deadline), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_TRUE(deadline.passed());
}

TEST_F(RLockTest, ACopyIsTheSameLock) {
  RLock copy = lock_;
  ASSERT_THAT(lock_.Acquire(), IsOk());
  EXPECT_THAT(copy.Acquire(Deadline::Now()), IsOk()) << "this thread owns it";
  EXPECT_EQ(lock_.depth(), 2u);
}

TEST_F(RLockTest, AChildOfForkDoesNotOwnWhatItsParentOwns) {
  ASSERT_THAT(lock_.Acquire(), IsOk());
  for (const ForkCall call : {ForkCall::kFork, ForkCall::kUnderscoreFork, ForkCall::kClone}) {
    ForkedChild child(
        [&] { return lock_.Acquire(Deadline::Now()).status().code() == absl::StatusCode::kUnavailable ? 0 : 1; }, call);
    EXPECT_EQ(child.Wait(), 0);
  }
  EXPECT_EQ(lock_.depth(), 1u);
}

TEST_F(RLockTest, AThreadThatTakesTheNumberOfAnEndedOneOwnsNothing) {
  std::thread([&] { ASSERT_THAT(lock_.Acquire(), IsOk()); }).join();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(TryElsewhere(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(lock_.holder(), getpid());
}

TEST_F(RLockTest, ProcessesAndThreadsCountExactly) {
  constexpr int kEach = 10'000;
  const auto count = [&] {
    for (int n = 0; n < kEach; ++n) {
      const absl::StatusOr<ScopedRLock> outer = ScopedRLock::Acquire(lock_);
      REGATTA_CHILD_REQUIRE(outer.ok() && !outer->how().previous_owner_died.has_value());
      const absl::StatusOr<ScopedRLock> inner = ScopedRLock::Acquire(lock_);
      REGATTA_CHILD_REQUIRE(inner.ok());
      ++scene_->counter;
    }
    return 0;
  };
  std::vector<ForkedChild> children;
  for (int i = 0; i < 3; ++i) {
    children.emplace_back([&] {
      std::thread other(count);
      const int code = count();
      other.join();
      return code;
    });
  }
  for (ForkedChild& child : children) EXPECT_EQ(child.Wait(), 0);
  EXPECT_EQ(scene_->counter, 6 * kEach);
}

TEST_F(RLockTest, AfterTheOwnersDeathTheNextBeginsAtDepthOneAndHearsWhoDied) {
  ForkedChild holder = Holder();
  const int32_t pid = holder.pid();
  holder.Kill();
  const absl::StatusOr<Acquired> acquired = lock_.Acquire(Watchdog());
  ASSERT_THAT(acquired, IsOk());
  EXPECT_EQ(acquired->previous_owner_died, pid);
  EXPECT_EQ(lock_.depth(), 1u);
  ASSERT_THAT(lock_.Release(), IsOk());
  EXPECT_FALSE(lock_.Acquire()->previous_owner_died.has_value()) << "only the next one is told";
}

TEST_F(RLockTest, AWaiterIsWokenByTheOwnersDeath) {
  ForkedChild holder = Holder();
  ForkedChild waiter([&] {
    const absl::StatusOr<Acquired> acquired = lock_.Acquire();
    REGATTA_CHILD_REQUIRE(acquired.ok() && acquired->previous_owner_died == holder.pid());
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return IsAsleep(waiter.pid()); }));
  holder.Kill();
  EXPECT_EQ(waiter.Wait(), 0);
}

TEST_F(RLockTest, ADeathAtEachPointLeavesItToTheNext) {
  for (const FaultPoint point : {fault::kRLockTaken, fault::kRLockDisowned, fault::kLockReleased}) {
    SCOPED_TRACE(point.name());
    ForkedChild victim([&] {
      ArmFaultPoint(point);
      REGATTA_CHILD_REQUIRE(lock_.Acquire().ok() && lock_.Acquire().ok());
      REGATTA_CHILD_REQUIRE(lock_.Release().ok() && lock_.Release().ok());
      return 0;
    });
    const int32_t pid = victim.pid();
    EXPECT_TRUE(DiedAt(point, victim));
    const absl::StatusOr<Acquired> acquired = lock_.Acquire(Deadline::Now());
    ASSERT_THAT(acquired, IsOk());
    EXPECT_EQ(acquired->previous_owner_died.value_or(0), point == fault::kLockReleased ? 0 : pid);
    EXPECT_EQ(lock_.depth(), 1u);
    ASSERT_THAT(lock_.Release(), IsOk());
  }
}

TEST_F(RLockTest, SurvivesAStormOfDeaths) {
  const auto user = [&] {
    return ForkedChild([&] {
      while (!scene_->end) {
        const absl::StatusOr<ScopedRLock> outer = ScopedRLock::Acquire(lock_, Watchdog());
        REGATTA_CHILD_REQUIRE(outer.ok());
        const absl::StatusOr<ScopedRLock> inner = ScopedRLock::Acquire(lock_, Watchdog());
        REGATTA_CHILD_REQUIRE(inner.ok() && lock_.depth() == 2);
        scene_->done.fetch_add(1);
      }
      return 0;
    });
  };
  std::vector<ForkedChild> users;
  for (int i = 0; i < 4; ++i) users.push_back(user());
  for (size_t kill = 0; kill < 60; ++kill) {
    const int64_t done = scene_->done;
    ASSERT_TRUE(Eventually([&] { return scene_->done > done + 50; })) << "stands still after " << kill << " deaths";
    ForkedChild& victim = users[kill % users.size()];
    victim.Kill();
    EXPECT_EQ(victim.Wait(), -SIGKILL);
    victim = user();
  }
  scene_->end = true;
  for (ForkedChild& child : users) EXPECT_EQ(child.Wait(), 0);
}

}  // namespace
}  // namespace regatta
