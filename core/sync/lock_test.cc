#include "core/sync/lock.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <thread>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "core/shm/fault_points.h"
#include "core/testing/forked_child.h"
#include "core/testing/process_witness.h"
#include "core/testing/shared_object_suite.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

struct Scene {
  std::atomic<bool> held{false};
  std::atomic<bool> go{false};
  std::atomic<int> acquired{0};
  int64_t counter = 0;  // Plain: only the lock guards it.
};

INSTANTIATE_TYPED_TEST_SUITE_P(Lock, SharedObjectTest, Lock);

class LockTest : public testing::Test {
 protected:
  LockTest() : lock_(*Lock::Create()) {}
  // A child that acquires the lock and keeps it until told to go on; then it releases it.
  ForkedChild Holder() {
    ForkedChild child([&] {
      REGATTA_CHILD_REQUIRE(lock_.Acquire().ok());
      scene_->held = true;
      while (!scene_->go) usleep(100);
      REGATTA_CHILD_REQUIRE(lock_.Release().ok());
      return 0;
    });
    EXPECT_TRUE(Eventually([&] { return scene_->held.load(); }));
    return child;
  }
  Lock lock_;
  Shared<Scene> scene_;
};

TEST_F(LockTest, IsAcquiredAndReleased) {
  EXPECT_FALSE(lock_.holder().has_value());
  const absl::StatusOr<Acquired> acquired = lock_.Acquire();
  ASSERT_THAT(acquired, IsOk());
  EXPECT_FALSE(acquired->previous_owner_died.has_value());
  EXPECT_EQ(lock_.holder(), getpid());
  EXPECT_THAT(lock_.Release(), IsOk());
  EXPECT_FALSE(lock_.holder().has_value());
}

TEST_F(LockTest, ReleaseOfAFreeOneIsAnError) {
  const absl::Status status = lock_.Release();
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("nobody holds")));
}

TEST_F(LockTest, SaysWhoHoldsItWithoutWaitingOrAfter) {
  ForkedChild holder = Holder();
  const std::string text = absl::StrCat("process ", holder.pid());
  for (const absl::Duration timeout : {absl::ZeroDuration(), absl::Seconds(-1)}) {
    const absl::Status now = lock_.Acquire(Deadline::After(timeout)).status();
    EXPECT_THAT(now, StatusIs(absl::StatusCode::kUnavailable, testing::HasSubstr(text)));
  }
  const Deadline deadline = Deadline::After(absl::Milliseconds(10));
  EXPECT_THAT(lock_.Acquire(deadline), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_TRUE(deadline.passed());
}

TEST_F(LockTest, CopiesAreTheSameLock) {
  Lock copy = lock_;
  ASSERT_THAT(copy.Acquire(), IsOk());
  EXPECT_THAT(lock_.Acquire(Deadline::Now()), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(lock_.Release(), IsOk());
}

TEST_F(LockTest, TenThousandTakeAHundredDescriptors) {
  const auto before = CountDescriptors();
  std::vector<Lock> locks;
  for (int i = 0; i < 10'000; ++i) {
    absl::StatusOr<Lock> lock = Lock::Create();
    ASSERT_THAT(lock, IsOk());
    locks.push_back(*std::move(lock));
  }
  EXPECT_LE(CountDescriptors(), before + 100);
  for (Lock& lock : locks) ASSERT_THAT(lock.Acquire(Deadline::Now()), IsOk());
  for (Lock& lock : locks) ASSERT_THAT(lock.Release(), IsOk());
}

TEST_F(LockTest, AnotherProcessMayReleaseIt) {
  ASSERT_THAT(lock_.Acquire(), IsOk());
  ForkedChild child([&] { return lock_.Release().ok() ? 0 : 1; });
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_THAT(lock_.Acquire(Deadline::Now()), IsOk());
}

TEST_F(LockTest, AnotherThreadMayReleaseIt) {
  ASSERT_THAT(lock_.Acquire(), IsOk());
  std::thread([&] { EXPECT_THAT(lock_.Release(), IsOk()); }).join();
  EXPECT_THAT(lock_.Acquire(Deadline::Now()), IsOk());
}

TEST_F(LockTest, TheEndOfTheThreadThatAcquiredReleasesNothing) {
  std::thread([&] { ASSERT_THAT(lock_.Acquire(), IsOk()); }).join();
  EXPECT_THAT(lock_.Acquire(Deadline::After(absl::Milliseconds(5))), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_EQ(lock_.holder(), getpid());
}

TEST_F(LockTest, ThreadsOfOneProcessExcludeEachOther) {
  constexpr int kEach = 20'000;
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i) {
    threads.emplace_back([&] {
      for (int n = 0; n < kEach; ++n) {
        ASSERT_THAT(lock_.Acquire(), IsOk());
        ++scene_->counter;
        ASSERT_THAT(lock_.Release(), IsOk());
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(scene_->counter, 4 * kEach);
}

TEST_F(LockTest, ProcessesCountExactly) {
  constexpr int kEach = 20'000;
  std::vector<ForkedChild> children;
  for (int i = 0; i < 6; ++i) {
    children.emplace_back([&] {
      for (int n = 0; n < kEach; ++n) {
        const absl::StatusOr<ScopedLock> held = ScopedLock::Acquire(lock_);
        REGATTA_CHILD_REQUIRE(held.ok() && !held->how().previous_owner_died.has_value());
        ++scene_->counter;
      }
      return 0;
    });
  }
  for (ForkedChild& child : children) EXPECT_EQ(child.Wait(), 0);
  EXPECT_EQ(scene_->counter, 6 * kEach);
}

TEST_F(LockTest, AfterTheHoldersDeathTheNextIsToldWhoDied) {
  ForkedChild holder = Holder();
  const int32_t pid = holder.pid();
  holder.Kill();
  const absl::StatusOr<Acquired> acquired = lock_.Acquire(Watchdog());
  ASSERT_THAT(acquired, IsOk());
  EXPECT_EQ(acquired->previous_owner_died, pid);
  ASSERT_THAT(lock_.Release(), IsOk());
  EXPECT_FALSE(lock_.Acquire()->previous_owner_died.has_value()) << "only the next one is told";
}

TEST_F(LockTest, TheHoldersNormalEndIsADeathToo) {
  ForkedChild holder([&] { return lock_.Acquire().ok() ? 0 : 1; });
  const int32_t pid = holder.pid();
  ASSERT_EQ(holder.Wait(), 0);
  EXPECT_EQ(lock_.Acquire(Deadline::Now())->previous_owner_died, pid);
}

TEST_F(LockTest, AWaiterIsWokenByTheHoldersDeath) {
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

TEST_F(LockTest, AKilledWaiterHoldsUpNobody) {
  ASSERT_THAT(lock_.Acquire(), IsOk());
  ForkedChild first([&] { return lock_.Acquire().ok() ? 0 : 1; });
  ForkedChild second([&] { return lock_.Acquire().ok() && lock_.Release().ok() ? 0 : 1; });
  ASSERT_TRUE(Eventually([&] { return IsAsleep(first.pid()) && IsAsleep(second.pid()); }));
  first.Kill();
  first.Wait();
  ASSERT_THAT(lock_.Release(), IsOk());
  EXPECT_EQ(second.Wait(), 0);
}

TEST_F(LockTest, TravelsAsADescriptor) {
  ASSERT_TRUE(lock_.descriptor().valid());
  absl::StatusOr<Lock> attached = Lock::Attach(*lock_.descriptor().Duplicate(), lock_.offset());
  ASSERT_THAT(attached, IsOk());
  ASSERT_THAT(attached->Acquire(), IsOk());
  EXPECT_FALSE(lock_.Acquire(Deadline::Now()).ok());
  EXPECT_THAT(lock_.Release(), IsOk());
}

TEST_F(LockTest, ScopedReleasesOnEveryWayOut) {
  {
    const absl::StatusOr<ScopedLock> held = ScopedLock::Acquire(lock_);
    ASSERT_THAT(held, IsOk());
    EXPECT_EQ(lock_.holder(), getpid());
    EXPECT_FALSE(ScopedLock::Acquire(lock_, Deadline::Now()).ok());
    EXPECT_EQ(lock_.holder(), getpid()) << "who failed to acquire releases nothing";
  }
  EXPECT_FALSE(lock_.holder().has_value());
  try {
    const absl::StatusOr<ScopedLock> held = ScopedLock::Acquire(lock_);
    throw 1;
  } catch (int) {
    EXPECT_FALSE(lock_.holder().has_value());
  }
}

TEST_F(LockTest, ScopedMovesItsHold) {
  absl::StatusOr<ScopedLock> first = ScopedLock::Acquire(lock_);
  {
    const ScopedLock second = *std::move(first);
    EXPECT_EQ(lock_.holder(), getpid());
  }
  EXPECT_FALSE(lock_.holder().has_value());
}

TEST_F(LockTest, ScopedInAChildOfForkReleasesNothing) {
  const absl::StatusOr<ScopedLock> held = ScopedLock::Acquire(lock_);
  ForkedChild child([&] {
    { const ScopedLock inherited = std::move(const_cast<ScopedLock&>(*held)); }
    return lock_.holder() == getppid() ? 0 : 1;
  });
  EXPECT_EQ(child.Wait(), 0);
}

// Deaths at each step, with others waiting: the lock never stays lost, and a dead holder is named exactly where there
// was one.
struct Step {
  FaultPoint point;
  bool held;  // Whether the victim dies holding it.
};

TEST_F(LockTest, ADeathAtEachStepLeavesItToTheOthers) {
  for (const Step step :
       {Step{fault::kLockReleased, false}, Step{fault::kLockWaiting, false}, Step{fault::kLockTakenOver, true}}) {
    for (uint32_t skip = 0; skip < 3; ++skip) {
      SCOPED_TRACE(testing::Message() << step.point.name() << " after " << skip);
      std::atomic<bool>& go = scene_->go;
      go = false;
      scene_->acquired = 0;
      // The victim passes the point again and again: it takes over from a dead holder, waits for a live one, or just
      // releases.
      ForkedChild victim([&] {
        ArmFaultPoint(step.point, skip);
        for (uint32_t i = 0; i <= skip; ++i) {
          if (step.point == fault::kLockReleased) {
            REGATTA_CHILD_REQUIRE(lock_.Acquire().ok());
          } else if (step.point == fault::kLockTakenOver) {
            ForkedChild dead([&] {
              DisarmFaultPoint();
              return lock_.Acquire().ok() ? 0 : 1;
            });
            REGATTA_CHILD_REQUIRE(dead.Wait() == 0);
            REGATTA_CHILD_REQUIRE(lock_.Acquire().ok());
          } else {
            REGATTA_CHILD_REQUIRE(lock_.Acquire().ok());
            REGATTA_CHILD_REQUIRE(!lock_.Acquire(Deadline::After(absl::Milliseconds(1))).ok());
          }
          REGATTA_CHILD_REQUIRE(lock_.Release().ok());
        }
        return 0;
      });
      const int32_t pid = victim.pid();
      ASSERT_EQ(victim.Wait(), -SIGKILL);
      const absl::StatusOr<Acquired> acquired = lock_.Acquire(Watchdog());
      ASSERT_THAT(acquired, IsOk());
      const bool held = step.held || step.point == fault::kLockWaiting;  // It waits for what it holds itself.
      EXPECT_EQ(acquired->previous_owner_died, held ? std::optional<int32_t>(pid) : std::nullopt);
      ASSERT_THAT(lock_.Release(), IsOk());
    }
  }
}

// Who releases dies before it wakes the sleepers: the kernel wakes them at its death, without waiting for a tick.
TEST_F(LockTest, ADeathBetweenReleaseAndWakeLeavesNoSleeper) {
  ForkedChild holder([&] {
    REGATTA_CHILD_REQUIRE(lock_.Acquire().ok());
    scene_->held = true;
    while (!scene_->go) usleep(100);
    ArmFaultPoint(fault::kLockReleased);
    lock_.Release().IgnoreError();
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return scene_->held.load(); }));
  std::vector<ForkedChild> waiters;
  for (int i = 0; i < 3; ++i) {
    waiters.emplace_back([&] {
      const absl::StatusOr<ScopedLock> held = ScopedLock::Acquire(lock_);
      REGATTA_CHILD_REQUIRE(held.ok() && !held->how().previous_owner_died.has_value());
      scene_->acquired.fetch_add(1);
      return 0;
    });
  }
  for (const ForkedChild& waiter : waiters) ASSERT_TRUE(Eventually([&] { return IsAsleep(waiter.pid()); }));
  scene_->go = true;
  EXPECT_EQ(holder.Wait(), -SIGKILL);
  for (ForkedChild& waiter : waiters) EXPECT_EQ(waiter.Wait(), 0);
  EXPECT_EQ(scene_->acquired, 3);
}

}  // namespace
}  // namespace regatta
