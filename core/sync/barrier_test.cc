#include "core/sync/barrier.h"

#include <unistd.h>

#include <atomic>
#include <csignal>
#include <limits>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
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

[[maybe_unused]] const auto* const kEachBarrierFaultPoint = RequireDeathsAt(kBarrierFaultPoints);

INSTANTIATE_TYPED_TEST_SUITE_P(Barrier, SharedObjectTest, Barrier);

struct Scene {
  std::atomic<bool> end{false};
  std::atomic<int> actions{0};
  std::atomic<int64_t> turns{0};
  std::atomic<uint32_t> indices{0};
  std::atomic<int64_t> arrived[4]{};
};

class BarrierTest : public testing::Test {
 protected:
  // A child that waits once, and ends with 0 if it is released and with 1 + the status's code if it is not. It is
  // asleep when this returns.
  ForkedChild Waiter() {
    ForkedChild child([&] {
      const absl::StatusOr<int> index = barrier_.Wait(Watchdog());
      if (!index.ok()) return 1 + static_cast<int>(index.status().code());
      scene_->indices.fetch_or(1U << *index);
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
  void ExpectBroken(absl::string_view text) {
    const absl::Status status = barrier_.Wait(Watchdog()).status();
    EXPECT_TRUE(barrier_.broken());
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted, testing::HasSubstr(text)));
    EXPECT_EQ(barrier_.waiting(), 0);
  }
  // After Reset, a whole turn.
  void ExpectWorks() {
    ASSERT_THAT(barrier_.Reset(), IsOk());
    EXPECT_FALSE(barrier_.broken());
    std::vector<ForkedChild> waiters = Waiters(2);
    EXPECT_THAT(barrier_.Wait(Watchdog()), IsOk());
    for (ForkedChild& waiter : waiters) EXPECT_EQ(waiter.Wait(), 0);
    EXPECT_EQ(barrier_.waiting(), 0);
  }
  static constexpr int kAborted = 1 + static_cast<int>(absl::StatusCode::kAborted);

  Barrier barrier_ = *Barrier::Create(3);
  Shared<Scene> scene_;
};

TEST_F(BarrierTest, ReleasesAllWhenTheLastArrives) {
  EXPECT_EQ(barrier_.parties(), 3);
  std::vector<ForkedChild> waiters = Waiters(2);
  EXPECT_EQ(barrier_.waiting(), 2);
  const absl::StatusOr<int> index = barrier_.Wait(Watchdog());
  ASSERT_THAT(index, IsOk());
  for (ForkedChild& waiter : waiters) EXPECT_EQ(waiter.Wait(), 0);
  EXPECT_EQ(scene_->indices | 1U << *index, 7U) << "each index from 0 to 2 once";
  EXPECT_EQ(barrier_.waiting(), 0);
}

TEST_F(BarrierTest, OfOnePartyNeverBlocks) {
  Barrier one = *Barrier::Create();
  for (int i = 0; i < 3; ++i) EXPECT_EQ(*one.Wait(Deadline::Now()), 0);
}

TEST_F(BarrierTest, CreateRefusesNumbersThatItCannotHold) {
  for (const int64_t parties : {int64_t{0}, int64_t{-1}, std::numeric_limits<int64_t>::min(),
                                int64_t{Barrier::kMostParties} + 1, std::numeric_limits<int64_t>::max()}) {
    const absl::Status status = Barrier::Create(parties).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr(std::to_string(parties))));
  }
}

TEST_F(BarrierTest, TheMostPartiesMeetTwice) {
  Barrier large = *Barrier::Create(Barrier::kMostParties);
  std::vector<std::thread> threads;
  std::atomic<int64_t> sum{0};
  for (int i = 0; i < Barrier::kMostParties; ++i) {
    threads.emplace_back([&] {
      for (int turn = 0; turn < 2; ++turn) {
        const absl::StatusOr<int> index = large.Wait(Watchdog());
        ASSERT_THAT(index, IsOk());
        sum.fetch_add(*index);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sum, int64_t{Barrier::kMostParties} * (Barrier::kMostParties - 1));
}

// Nobody is ever ahead of another by more than the turn that is being ended.
TEST_F(BarrierTest, KeepsProcessesAndThreadsInStep) {
  constexpr int kTurns = 5'000;
  const auto run = [&](size_t mine) {
    for (int turn = 1; turn <= kTurns; ++turn) {
      scene_->arrived[mine].store(turn, std::memory_order_relaxed);
      REGATTA_CHILD_REQUIRE(barrier_.Wait(Watchdog()).ok());
      for (size_t other = 0; other < 3; ++other) {
        const int64_t seen = scene_->arrived[other].load(std::memory_order_relaxed);
        REGATTA_CHILD_REQUIRE(seen == turn || seen == turn + 1);
      }
    }
    return 0;
  };
  ForkedChild with_threads([&] {
    std::thread other([&] { run(1); });
    const int code = run(0);
    other.join();
    return code;
  });
  ForkedChild third([&] { return run(2); });
  EXPECT_EQ(with_threads.Wait(), 0);
  EXPECT_EQ(third.Wait(), 0);
  EXPECT_EQ(scene_->arrived[1], kTurns);
}

TEST_F(BarrierTest, TheLastPartyRunsItsActionBeforeAnybodyIsReleased) {
  const auto run = [&] {
    for (int turn = 1; turn <= 500; ++turn) {
      const absl::StatusOr<int> index = barrier_.Wait(
          [&] {
            scene_->actions.fetch_add(1);
            return absl::OkStatus();
          },
          Watchdog());
      REGATTA_CHILD_REQUIRE(index.ok() && scene_->actions == turn);
      // Until all have looked.
      REGATTA_CHILD_REQUIRE(barrier_.Wait(Watchdog()).ok());
    }
    return 0;
  };
  ForkedChild first(run);
  ForkedChild second(run);
  EXPECT_EQ(run(), 0);
  EXPECT_EQ(first.Wait(), 0);
  EXPECT_EQ(second.Wait(), 0);
}

TEST_F(BarrierTest, AnActionThatFailsOrThrowsBreaksIt) {
  for (const bool throws : {false, true}) {
    std::vector<ForkedChild> waiters = Waiters(2);
    const absl::Status status = barrier_
                                    .Wait([&]() -> absl::Status {
                                      if (throws) throw std::runtime_error("no wind");
                                      return absl::NotFoundError("no wind");
                                    })
                                    .status();
    EXPECT_THAT(status, StatusIs(throws ? absl::StatusCode::kUnknown : absl::StatusCode::kNotFound,
                                 testing::HasSubstr("no wind")));
    for (ForkedChild& waiter : waiters) EXPECT_EQ(waiter.Wait(), kAborted);
    ExpectBroken(absl::StrCat("process ", getpid(), " failed in its action"));
    ExpectWorks();
  }
}

TEST_F(BarrierTest, WhoArrivesDuringAnActionWaitsForTheNextTurn) {
  std::vector<ForkedChild> waiters = Waiters(2);
  ForkedChild fourth = ForkedChild([] { return 0; });
  ASSERT_THAT(barrier_.Wait([&] {
    EXPECT_THAT(barrier_.Wait(Deadline::After(absl::Milliseconds(5))), StatusIs(absl::StatusCode::kDeadlineExceeded));
    fourth = Waiter();
    return absl::OkStatus();
  }),
              IsOk());
  for (ForkedChild& waiter : waiters) EXPECT_EQ(waiter.Wait(), 0);
  EXPECT_FALSE(fourth.HasEnded());
  ASSERT_TRUE(Eventually([&] { return barrier_.waiting() == 1; }));
  ForkedChild fifth = Waiter();
  EXPECT_THAT(barrier_.Wait(Watchdog()), IsOk());
  EXPECT_EQ(fourth.Wait(), 0);
  EXPECT_EQ(fifth.Wait(), 0);
}

TEST_F(BarrierTest, ADeadlineBreaksItForAll) {
  std::vector<ForkedChild> waiters = Waiters(1);
  const Deadline deadline = Deadline::After(absl::Milliseconds(10));
  EXPECT_THAT(barrier_.Wait(deadline), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_TRUE(deadline.passed());
  EXPECT_EQ(waiters[0].Wait(), kAborted);
  ExpectBroken(absl::StrCat("process ", getpid(), " stopped waiting at its deadline"));
  ExpectWorks();
}

TEST_F(BarrierTest, WaitWithoutTimeLeavesItAsItWas) {
  std::vector<ForkedChild> waiters = Waiters(1);
  for (const absl::Duration timeout : {absl::ZeroDuration(), absl::Seconds(-1)}) {
    EXPECT_THAT(barrier_.Wait(Deadline::After(timeout)), StatusIs(absl::StatusCode::kUnavailable));
  }
  EXPECT_FALSE(barrier_.broken());
  waiters.push_back(Waiter());
  EXPECT_THAT(barrier_.Wait(Deadline::Now()), IsOk()) << "the last one need not wait";
  for (ForkedChild& waiter : waiters) EXPECT_EQ(waiter.Wait(), 0);
}

TEST_F(BarrierTest, AbortBreaksItForThoseWhoWaitAndThoseWhoCome) {
  std::vector<ForkedChild> waiters = Waiters(2);
  ASSERT_THAT(barrier_.Abort(), IsOk());
  for (ForkedChild& waiter : waiters) EXPECT_EQ(waiter.Wait(), kAborted);
  ExpectBroken(absl::StrCat("process ", getpid(), " called Abort"));
  ASSERT_THAT(barrier_.Abort(), IsOk()) << "again";
  ExpectWorks();
}

TEST_F(BarrierTest, ResetSendsThoseWhoWaitAway) {
  std::vector<ForkedChild> waiters = Waiters(2);
  ASSERT_THAT(barrier_.Reset(), IsOk());
  for (ForkedChild& waiter : waiters) EXPECT_EQ(waiter.Wait(), kAborted);
  EXPECT_FALSE(barrier_.broken());
  ExpectWorks();
}

TEST_F(BarrierTest, AbortAndResetDuringAnActionFailItsTurn) {
  for (const bool abort : {true, false}) {
    std::vector<ForkedChild> waiters = Waiters(2);
    const absl::Status status = barrier_
                                    .Wait([&] {
                                      EXPECT_THAT((abort ? barrier_.Abort() : barrier_.Reset()), IsOk());
                                      return absl::OkStatus();
                                    })
                                    .status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kAborted));
    for (ForkedChild& waiter : waiters) EXPECT_EQ(waiter.Wait(), kAborted);
    EXPECT_EQ(barrier_.broken(), abort);
    ExpectWorks();
  }
}

TEST_F(BarrierTest, TheDeathOfAWaiterBreaksIt) {
  std::vector<ForkedChild> waiters = Waiters(2);
  const int32_t pid = waiters[0].pid();
  waiters[0].Kill();
  EXPECT_EQ(waiters[0].Wait(), -SIGKILL);
  EXPECT_EQ(waiters[1].Wait(), kAborted) << "at its look once a second";
  ExpectBroken(absl::StrCat("process ", pid, " died while it waited"));
  ExpectWorks();
}

TEST_F(BarrierTest, TheDeathOfAWaiterIsFoundByTheNextThatComes) {
  std::vector<ForkedChild> waiters = Waiters(1);
  waiters[0].Kill();
  EXPECT_EQ(waiters[0].Wait(), -SIGKILL);
  ExpectBroken("died while it waited");
  ExpectWorks();
}

TEST_F(BarrierTest, TheDeathOfTheProcessInItsActionBreaksIt) {
  std::vector<ForkedChild> waiters = Waiters(2);
  ForkedChild last([&] {
    barrier_
        .Wait([] {
          raise(SIGKILL);
          return absl::OkStatus();
        })
        .IgnoreError();
    return 0;
  });
  EXPECT_EQ(last.Wait(), -SIGKILL);
  for (ForkedChild& waiter : waiters) EXPECT_EQ(waiter.Wait(), kAborted);
  ExpectWorks();
}

TEST_F(BarrierTest, AWaiterThatIsStoppedWhenReleasedHoldsUpNobody) {
  std::vector<ForkedChild> waiters = Waiters(2);
  waiters[0].Stop();
  ASSERT_THAT(barrier_.Wait(Watchdog()), IsOk());
  EXPECT_EQ(waiters[1].Wait(), 0);
  // Others meet meanwhile.
  std::vector<ForkedChild> others = Waiters(2);
  ASSERT_THAT(barrier_.Wait(Watchdog()), IsOk());
  for (ForkedChild& other : others) EXPECT_EQ(other.Wait(), 0);
  waiters[0].Continue();
  EXPECT_EQ(waiters[0].Wait(), 0) << "its own turn ended well";
}

TEST_F(BarrierTest, AHolderOfItsLockThatDoesNotRunIsNamedAndBreaksNothing) {
  ForkedChild holder([&] {
    scene_->indices = *Family::Self();
    for (;;) pause();
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return scene_->indices != 0; }));
  const Mapping bytes = *Mapping::Map(barrier_.descriptor(), *MemfdSize(barrier_.descriptor()));
  auto& lock = *reinterpret_cast<std::atomic<uint32_t>*>(bytes.data() + barrier_.offset() + 64);
  lock = scene_->indices.load();
  for (const absl::Duration timeout : {absl::ZeroDuration(), absl::Milliseconds(10)}) {
    const absl::Status status = barrier_.Wait(Deadline::After(timeout)).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kUnavailable));
    EXPECT_NE(status.message().find(absl::StrCat("process ", holder.pid())), std::string::npos) << status;
  }
  lock = 0;
  EXPECT_FALSE(barrier_.broken());
  ExpectWorks();
}

TEST_F(BarrierTest, SignalsNeitherEndAWaitNorMoveItsDeadline) {
  ForkedChild child([&] {
    InterruptOften(absl::Microseconds(200));
    const Deadline deadline = Deadline::After(absl::Milliseconds(120));
    REGATTA_CHILD_REQUIRE(barrier_.Wait(deadline).status().code() == absl::StatusCode::kDeadlineExceeded);
    REGATTA_CHILD_REQUIRE(deadline.passed());
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST_F(BarrierTest, ADeathOnceArrivedFailsTheTurn) {
  ForkedChild victim([&] {
    ArmFaultPoint(fault::kBarrierArrived);
    return barrier_.Wait(Watchdog()).ok() ? 0 : 1;
  });
  EXPECT_TRUE(DiedAt(fault::kBarrierArrived, victim));
  ExpectBroken("died while it waited");
  ExpectWorks();
}

// The last party dies while it releases the others: they are all released, by the next who comes or at their look once
// a second.
TEST_F(BarrierTest, ADeathWhileEndingATurnLeavesItsEndAsItWasDecided) {
  for (const FaultPoint point : {fault::kBarrierEnding, fault::kBarrierMarked, fault::kBarrierTurned}) {
    SCOPED_TRACE(point.name());
    std::vector<ForkedChild> waiters = Waiters(2);
    ForkedChild last([&] {
      ArmFaultPoint(point);
      return barrier_.Wait(Watchdog()).ok() ? 0 : 1;
    });
    EXPECT_TRUE(DiedAt(point, last));
    for (ForkedChild& waiter : waiters) EXPECT_EQ(waiter.Wait(), 0);
    EXPECT_FALSE(barrier_.broken());
    ExpectWorks();
  }
}

// Parties are killed at random moments, and others take their places; who finds it broken resets it.
TEST_F(BarrierTest, SurvivesAStormOfDeaths) {
  const auto party = [&] {
    return ForkedChild([&] {
      while (!scene_->end) {
        const absl::StatusOr<int> index = barrier_.Wait(Watchdog());
        REGATTA_CHILD_REQUIRE(index.ok() || absl::IsAborted(index.status()));
        if (index.ok()) {
          scene_->turns.fetch_add(1);
        } else if (barrier_.broken()) {
          REGATTA_CHILD_REQUIRE(barrier_.Reset().ok());
        }
      }
      return 0;
    });
  };
  std::vector<ForkedChild> parties;
  for (int i = 0; i < 3; ++i) parties.push_back(party());
  for (size_t kill = 0; kill < 30; ++kill) {
    const int64_t turns = scene_->turns;
    ASSERT_TRUE(Eventually([&] { return scene_->turns > turns + 50; })) << "stands still after " << kill << " deaths";
    ForkedChild& victim = parties[kill % parties.size()];
    victim.Kill();
    EXPECT_EQ(victim.Wait(), -SIGKILL);
    victim = party();
  }
  scene_->end = true;
  ASSERT_TRUE(Eventually([&] {
    EXPECT_THAT(barrier_.Abort(), IsOk());
    return parties[0].HasEnded() && parties[1].HasEnded() && parties[2].HasEnded();
  }));
  for (ForkedChild& child : parties) EXPECT_EQ(child.Wait(), 0);
}

}  // namespace
}  // namespace regatta
