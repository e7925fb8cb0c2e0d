// Processes of a pool's nursery are killed: alone, one after another, at each of their steps, among tasks and dying
// workers. The pool heals, and leaves nothing behind.
//
// REGATTA_STORM_KILLS sets the number of kills of the storm.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "core/ipc/queue.h"
#include "core/os/error.h"
#include "core/os/pidfd.h"
#include "core/os/proc.h"
#include "core/pool/pool.h"
#include "core/process/fault_points.h"
#include "core/testing/forked_child.h"
#include "core/testing/pool_tasks.h"
#include "core/testing/pool_witness.h"
#include "core/testing/process_witness.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr int kWorkers = 4;
constexpr uint32_t kNone = 1 << 30;

int g_set_before_create = 0;

int SetBeforeCreate(int) { return g_set_before_create; }
int WaitFor(Queue<int> gate, Queue<int> begun) {
  begun.Put(getpid()).IgnoreError();
  return gate.Get().value_or(0);
}

bool IsRunning(int32_t pid) {
  const absl::StatusOr<char> state = ProcessStateLetter(pid);
  return state.ok() && *state != 'Z' && *state != 'X';
}

class NurseryDeath : public testing::TestWithParam<StartMethod> {
 protected:
  void SetUp() override {
    // What a process makes with its first pool and keeps.
    ASSERT_THAT(Pool::Create({.workers = 1, .method = GetParam()})->Apply(Square, 2), IsOkAndHolds(4));
    children_ = ChildrenOf(getpid());
    descriptors_ = OpenDescriptors();
  }
  void TearDown() override {
    pool_.reset();
    board_.reset();
    EXPECT_EQ(ChildrenOf(getpid()), children_);
    EXPECT_EQ(OpenDescriptors(), descriptors_);
  }

  void Make(int workers = kWorkers) {
    auto pool = Pool::Create({.workers = workers, .method = GetParam()});
    ASSERT_THAT(pool, IsOk());
    pool_ = std::make_unique<Pool>(*std::move(pool));
    board_ = *FindBoard();
  }

  size_t WholeNursery() const { return GetParam() == StartMethod::kFork ? 2 : 1; }
  // The running processes of the pool that are no workers.
  std::vector<int32_t> Nursery() const {
    std::set<int32_t> others = ChildrenOf(getpid());
    for (const int32_t pid : pool_->statistics().pids) others.erase(pid);
    for (const int32_t pid : children_) others.erase(pid);
    std::erase_if(others, [&](int32_t pid) { return killed_.contains(pid) || !IsRunning(pid); });
    return {others.begin(), others.end()};
  }
  // A process that was killed may run for a moment still.
  void KillOfNursery(int32_t pid) {
    ASSERT_EQ(kill(pid, SIGKILL), 0);
    killed_.insert(pid);
  }
  void KillWorkers() {
    for (const int32_t pid : pool_->statistics().pids) ASSERT_EQ(kill(pid, SIGKILL), 0);
  }
  // One that a fork pool's keeper replaces at once; of another pool the next start does.
  void AwaitHealed(uint64_t workers_died) {
    ASSERT_TRUE(Eventually([&] {
      const PoolStatistics now = pool_->statistics();
      // One that dies before it is ready counts as one that can't start.
      return now.workers_died == workers_died && now.pids.size() == kWorkers &&
             std::ranges::all_of(now.pids, [&](int32_t pid) { return WorkerOf(*board_, kWorkers, pid).has_value(); }) &&
             (GetParam() != StartMethod::kFork || Nursery().size() == WholeNursery());
    })) << pool_->statistics().pids.size()
        << " workers, nursery of " << Nursery().size();
  }

  std::set<int32_t> children_;
  std::set<int32_t> killed_;
  std::multiset<std::string> descriptors_;
  std::unique_ptr<Pool> pool_;
  std::unique_ptr<Board> board_;
};
INSTANTIATE_TEST_SUITE_P(Methods, NurseryDeath, testing::Values(StartMethod::kFork, StartMethod::kSpawn),
                         [](const auto& info) { return std::string(StartMethodName(info.param)); });

TEST_P(NurseryDeath, IsHealedAndDeadWorkersAreReplacedAgain) {
  g_set_before_create = 5;
  Make();
  g_set_before_create = 6;
  for (uint64_t round = 1; round <= 6; ++round) {
    const std::vector<int32_t> nursery = Nursery();
    ASSERT_EQ(nursery.size(), WholeNursery());
    // The one that serves, or its standby.
    KillOfNursery(nursery[round % nursery.size()]);
    KillWorkers();
    AwaitHealed(kWorkers * round);
    EXPECT_THAT(pool_->Apply(Square, 3), IsOkAndHolds(9));
    EXPECT_THAT(pool_->Apply(SetBeforeCreate, 0), IsOkAndHolds(GetParam() == StartMethod::kFork ? 5 : 0));
  }
}

TEST_P(NurseryDeath, CostsNoTaskAnything) {
  Make();
  Queue<int> gate = *Queue<int>::Create();
  Queue<int> begun = *Queue<int>::Create();
  AsyncResult<int> held = *pool_->ApplyAsync(WaitFor, gate, begun);
  ASSERT_THAT(begun.Get(Watchdog()), IsOk());
  for (const int32_t pid : Nursery()) {
    KillOfNursery(pid);
    EXPECT_THAT(pool_->Apply(Square, 3), IsOkAndHolds(9));
  }
  ASSERT_THAT(gate.Put(8), IsOk());
  EXPECT_THAT(held.Get(Watchdog()), IsOkAndHolds(8));
  EXPECT_EQ(pool_->statistics().workers_died, 0u);
}

TEST_P(NurseryDeath, OfAllItsProcessesAtOnceLeavesAForkPoolItsWorkersAndThenItSaysWhy) {
  Make(2);
  Queue<int> gate = *Queue<int>::Create();
  Queue<int> begun = *Queue<int>::Create();
  AsyncResult<int> held = *pool_->ApplyAsync(WaitFor, gate, begun);
  AsyncResult<int> held_too = *pool_->ApplyAsync(WaitFor, gate, begun);
  const int32_t first = *begun.Get(Watchdog());
  const int32_t second = *begun.Get(Watchdog());
  AsyncResult<int> waiting = *pool_->ApplyAsync(Square, 5);
  // Stopped, so that the one that goes last makes no other.
  const std::vector<int32_t> nursery = Nursery();
  for (const int32_t pid : nursery) ASSERT_EQ(kill(pid, SIGSTOP), 0);
  for (const int32_t pid : nursery) KillOfNursery(pid);
  ASSERT_TRUE(Eventually([&] { return GetParam() != StartMethod::kFork || Nursery().empty(); }));
  ASSERT_EQ(kill(first, SIGKILL), 0);
  if (GetParam() == StartMethod::kFork) {
    ASSERT_THAT(gate.Put(1), IsOk());
    EXPECT_THAT(waiting.Get(Watchdog()), IsOkAndHolds(25)) << "one worker is left";
    ASSERT_EQ(kill(second, SIGKILL), 0);
    absl::StatusOr<AsyncResult<int>> last = pool_->ApplyAsync(Square, 5);
    const absl::Status why = last.ok() ? last->Get(Watchdog()).status() : last.status();
    EXPECT_THAT(why, StatusIs(absl::StatusCode::kAborted, testing::HasSubstr("no worker of the pool is left")));
    EXPECT_TRUE(absl::StrContains(why.message(), "nursery is lost")) << why;
    EXPECT_TRUE(absl::StrContains(why.message(), "make another pool")) << why;
  } else {
    ASSERT_EQ(kill(second, SIGKILL), 0);
    EXPECT_THAT(waiting.Get(Watchdog()), IsOkAndHolds(25));
  }
}

// A copy of the owner that the C library knows nothing of holds the nursery's sockets open.
TEST_P(NurseryDeath, IsNoticedThoughACopyOfTheOwnerHoldsItsSockets) {
  Make();
  const pid_t copy = _Fork();
  if (copy == 0) {
    for (;;) pause();
  }
  children_.insert(copy);
  KillOfNursery(Nursery()[0]);
  KillWorkers();
  AwaitHealed(kWorkers);
  EXPECT_THAT(pool_->Apply(Square, 3), IsOkAndHolds(9));
  KillAndReap(copy);
  children_.erase(copy);
}

class NurseryDeathAt : public testing::TestWithParam<FaultPoint> {};
INSTANTIATE_TEST_SUITE_P(Steps, NurseryDeathAt,
                         testing::Values(fault::kNurseryRequested, fault::kNurseryCloned, fault::kNurseryReplied),
                         [](const auto& info) { return std::string(info.param.name()); });

// The first passages are those of Create: a standby, and two workers.
TEST_P(NurseryDeathAt, ThisStepOfCreateGivesAPoolAllTheSame) {
  const std::set<int32_t> before = ChildrenOf(getpid());
  for (uint32_t passage = 0; passage < 4; ++passage) {
    Shared<std::atomic<uint32_t>> passages;
    *passages = passage;
    ArmFaultPointOnce(GetParam(), *passages);
    absl::StatusOr<Pool> pool = Pool::Create({.workers = 2});
    DisarmFaultPoint();
    ASSERT_THAT(pool, IsOk()) << " at passage " << passage;
    ASSERT_TRUE(Eventually([&] { return pool->statistics().pids.size() == 2; }));
    EXPECT_THAT(pool->Apply(Square, 3), IsOkAndHolds(9));
    ASSERT_THAT(pool->Terminate(), IsOk());
    EXPECT_EQ(ChildrenOf(getpid()), before);
  }
}

TEST_P(NurseryDeathAt, ThisStepOfReplacingAWorkerIsHealed) {
  Shared<std::atomic<uint32_t>> passages;
  *passages = kNone;
  ArmFaultPointOnce(GetParam(), *passages);
  Pool pool = *Pool::Create({.workers = 2});
  DisarmFaultPoint();
  // Two workers and two processes of the nursery, none of which is dying or on its way to the fault point: a second
  // death would take the last process of the nursery.
  const auto whole = [] {
    const std::set<int32_t> children = ChildrenOf(getpid());
    return children.size() == 4 && std::all_of(children.begin(), children.end(), IsAsleep);
  };
  for (uint64_t round = 1; round <= 4; ++round) {
    ASSERT_TRUE(Eventually(whole));
    *passages = 0;
    ASSERT_EQ(kill(pool.statistics().pids[0], SIGKILL), 0);
    ASSERT_TRUE(Eventually([&] {
      const PoolStatistics now = pool.statistics();
      return now.workers_died == round && now.pids.size() == 2 && *passages > kNone;
    }));
    EXPECT_THAT(pool.Apply(Square, 3), IsOkAndHolds(9));
  }
  EXPECT_TRUE(Eventually(whole));
}

TEST_P(NurseryDeath, StormAmongTasks) {
  const char* wanted = getenv("REGATTA_STORM_KILLS");
  const int rounds = wanted != nullptr ? atoi(wanted) : 40;
  const auto seed = static_cast<uint32_t>(MonotonicNanos());
  std::minstd_rand random(seed);
  std::vector<AsyncResult<int>> results;
  Make();
  uint64_t died = 0;
  int killed = 0;
  for (int round = 0; round < rounds; ++round) {
    for (int i = 0; i < 50; ++i) results.push_back(*pool_->ApplyAsync(TaskOptions<int>{.retries = 254}, Square, i));
    const uint32_t what = random() % 4;
    const std::vector<int32_t> nursery = Nursery();
    if (what != 0 && !nursery.empty()) {
      KillOfNursery(nursery[random() % nursery.size()]);
      ++killed;
    }
    if (what == 1) {
      KillWorkers();
      died += kWorkers;
    } else if (what != 2) {
      ASSERT_EQ(kill(pool_->statistics().pids[random() % kWorkers], SIGKILL), 0);
      ++died;
    }
    AwaitHealed(died);
  }
  for (size_t i = 0; i < results.size(); ++i) {
    const absl::StatusOr<int> result = results[i].Get(Watchdog());
    ASSERT_THAT(result, IsOk()) << " seed " << seed;
    EXPECT_EQ(*result, Square(static_cast<int>(i % 50)));
  }
  printf("killed %d processes of the nursery and %d workers, seed %u\n", killed, static_cast<int>(died), seed);
}

}  // namespace
}  // namespace regatta
