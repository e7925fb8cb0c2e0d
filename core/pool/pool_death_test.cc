// A worker dies at each step of its work, and so does the owner: one outcome for each task, no wrong task
// fails, the pool heals, nothing hangs.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cstdlib>
#include <numeric>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/ipc/queue.h"
#include "core/os/error.h"
#include "core/pool/fault_points.h"
#include "core/pool/pool.h"
#include "core/process/process.h"
#include "core/testing/died_at.h"
#include "core/testing/forked_child.h"
#include "core/testing/pool_tasks.h"
#include "core/testing/process_witness.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

[[maybe_unused]] const auto* const kEachPoolFaultPoint = RequireDeathsAt(kPoolFaultPoints);

int Pid() { return getpid(); }
int32_t Arm(const std::string& point, uint32_t skip) {
  ArmFaultPoint(FindFaultPoint(kPoolFaultPoints, point).value(), skip);
  return getpid();
}

struct Step {
  FaultPoint point;
  uint32_t skip;        // Passages of the arming task itself.
  bool fails_the_task;  // That the worker then held.
};

class WorkerDies : public testing::TestWithParam<Step> {};

INSTANTIATE_TEST_SUITE_P(AtEachStep, WorkerDies,
                         testing::Values(Step{fault::kPoolTrying, 0, false}, Step{fault::kPoolTaken, 0, false},
                                         Step{fault::kPoolClaimed, 0, true}, Step{fault::kPoolResultReserved, 0, true},
                                         Step{fault::kPoolResultWritten, 1, true}, Step{fault::kPoolDone, 1, false},
                                         Step{fault::kPoolPublished, 1, false}),
                         [](const auto& step) { return std::string(step.param.point.name()); });

// With one worker the order of everything is known.
TEST_P(WorkerDies, TheTaskThatItHeldFailsAndNoOther) {
  Pool pool = MakePool(1);
  for (int round = 0; round < 3; ++round) {
    Queue<int> gate = *Queue<int>::Create();
    Queue<int> begun = *Queue<int>::Create();
    AsyncResult<int32_t> arm = *pool.ApplyAsync(Arm, std::string(GetParam().point.name()), GetParam().skip);
    std::vector<AsyncResult<std::string>> results;
    for (int i = 0; i < 5; ++i) results.push_back(*pool.ApplyAsync(Large, size_t{200}));
    const absl::StatusOr<int32_t> pid = arm.Get(Watchdog());
    ASSERT_THAT(pid, IsOk());
    for (int i = 0; i < 5; ++i) {
      const absl::StatusOr<std::string> result = results[i].Get(Watchdog());
      if (i == 0 && GetParam().fails_the_task) {
        ASSERT_THAT(result, StatusIs(absl::StatusCode::kAborted));
        EXPECT_EQ(DeathOf(result.status())->pid, *pid);
        EXPECT_EQ(DeathOf(result.status())->signal, SIGKILL);
      } else {
        ASSERT_THAT(result, IsOk()) << "task " << i;
        EXPECT_EQ(result->size(), 200u);
      }
    }
    EXPECT_NE(*pool.Apply(Pid), *pid);
    EXPECT_EQ(pool.statistics().workers_died, static_cast<uint64_t>(round) + 1);
    EXPECT_EQ(pool.statistics().tasks_done, (static_cast<uint64_t>(round) + 1) * 7);
    RecordDeathAt(GetParam().point);
  }
}

TEST_P(WorkerDies, ARetriedTaskIsRunByAnother) {
  Pool pool = MakePool(2);
  const TaskOptions<int32_t> once{.retries = 0};
  const absl::StatusOr<int32_t> pid =
      pool.ApplyAsync(once, Arm, std::string(GetParam().point.name()), GetParam().skip)->Get(Watchdog());
  ASSERT_THAT(pid, IsOk());
  std::vector<AsyncResult<std::string>> results;
  while (!Gone(*pid)) {
    results.push_back(*pool.ApplyAsync(TaskOptions<std::string>{.retries = 1}, Large, size_t{200}));
    EXPECT_TRUE(results.size() % 100 != 0 || results.back().Wait(Watchdog()));
  }
  for (auto& result : results) EXPECT_THAT(result.Get(Watchdog()), IsOk());
  EXPECT_EQ(pool.statistics().tasks_retried, GetParam().fails_the_task ? 1u : 0u);
}

TEST_P(WorkerDies, AMapFailsWithThatDeathOrIsWholeAndImapGoesOn) {
  Pool pool = MakePool(2);
  std::vector<size_t> sizes(40);
  std::iota(sizes.begin(), sizes.end(), size_t{180});
  ASSERT_THAT(pool.Apply(Arm, std::string(GetParam().point.name()), GetParam().skip), IsOk());
  int deaths = 0;
  for (int round = 0; pool.statistics().workers_died == 0 || round < 3; ++round) {
    const absl::StatusOr<std::vector<std::string>> all = pool.Map(Large, sizes, {.chunk = 3});
    if (!all.ok()) {
      EXPECT_TRUE(DeathOf(all.status()).has_value()) << all.status();
      ++deaths;
      continue;
    }
    for (size_t i = 0; i < sizes.size(); ++i) EXPECT_EQ((*all)[i].size(), sizes[i]);
  }
  EXPECT_LE(deaths, GetParam().fails_the_task ? 1 : 0);
  ASSERT_THAT(pool.Apply(Arm, std::string(GetParam().point.name()), GetParam().skip), IsOk());
  int failed = 0;
  while (pool.statistics().workers_died < 2) {
    auto results = pool.Imap(Large, sizes);
    ASSERT_THAT(results, IsOk());
    absl::StatusOr<std::string> item;
    size_t i = 0;
    for (; *results->Next(&item, Watchdog()); ++i) {
      if (item.ok()) {
        EXPECT_EQ(item->size(), sizes[i]);
      } else {
        EXPECT_TRUE(DeathOf(item.status()).has_value()) << item.status();
        ++failed;
      }
    }
    EXPECT_EQ(i, sizes.size());
  }
  EXPECT_LE(failed, GetParam().fails_the_task ? 1 : 0);
}

TEST_P(WorkerDies, EveryCallbackRunsOnceAndJoinReturns) {
  std::atomic<int> good{0};
  std::atomic<int> bad{0};
  Pool pool = MakePool(2);
  const TaskOptions<std::string> counted{.callback = [&](const std::string&) { ++good; },
                                         .error_callback = [&](const absl::Status&) { ++bad; }};
  ASSERT_THAT(pool.Apply(Arm, std::string(GetParam().point.name()), GetParam().skip), IsOk());
  for (int i = 0; i < 300; ++i) ASSERT_THAT(pool.ApplyAsync(counted, Large, size_t{200}), IsOk());
  ASSERT_THAT(pool.Close(), IsOk());
  const absl::Status joined = pool.Join(Watchdog());
  EXPECT_THAT(joined, IsOk());
  EXPECT_EQ(good + bad, 300);
  EXPECT_LE(bad, GetParam().fails_the_task ? 1 : 0);
}

TEST_P(WorkerDies, TerminateEndsAllTheSame) {
  std::vector<AsyncResult<std::string>> results;
  const std::set<int32_t> before = ChildrenOf(getpid());
  {
    Pool pool = MakePool(2);
    ASSERT_THAT(pool.Apply(Arm, std::string(GetParam().point.name()), GetParam().skip), IsOk());
    for (int i = 0; i < 200; ++i) results.push_back(*pool.ApplyAsync(Large, size_t{200}));
    ASSERT_THAT(pool.Terminate(), IsOk());
    for (auto& result : results) {
      const absl::StatusOr<std::string> got = result.Get(Watchdog());
      EXPECT_TRUE(got.ok() || absl::IsCancelled(got.status()) || absl::IsAborted(got.status())) << got.status();
    }
  }
  EXPECT_EQ(ChildrenOf(getpid()), before) << "its processes don't";
  for (auto& result : results) EXPECT_TRUE(result.Ready()) << "a result may outlive its pool";
}

TEST(WorkersThatDie, BeforeTheyAreReadyBreakThePoolWithTheCause) {
  ArmFaultPoint(fault::kPoolWorkerAttached);
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 2});
  DisarmFaultPoint();
  ASSERT_THAT(pool, IsOk());
  const absl::StatusOr<int> result = pool->Apply(Square, 2);
  EXPECT_THAT(result, StatusIs(absl::StatusCode::kAborted, testing::HasSubstr("SIGKILL")));
  EXPECT_LE(pool->statistics().workers_started, 12u) << "a bounded number of them";
  RecordDeathAt(fault::kPoolWorkerAttached);
}

TEST(WorkersThatDie, OnceTheyAreReadyFailNothingAndTerminateStillEnds) {
  ArmFaultPoint(fault::kPoolWorkerReady);
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 2});
  DisarmFaultPoint();
  ASSERT_THAT(pool, IsOk());
  AsyncResult<int> waiting = *pool->ApplyAsync(Square, 2);
  EXPECT_TRUE(Eventually([&] { return pool->statistics().workers_died >= 10; }));
  EXPECT_FALSE(waiting.Ready());
  ASSERT_THAT(pool->Terminate(), IsOk());
  EXPECT_THAT(waiting.Get(Watchdog()), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_TRUE(pool->statistics().pids.empty());
  RecordDeathAt(fault::kPoolWorkerReady);
}

// --- The owner ---

struct OwnersWorkers {
  std::atomic<int32_t> pids[3];
};

void RunOwner(Shared<OwnersWorkers>& shared, StartMethod method, bool at_point) {
  Pool pool = MakePool(3, method);
  const std::vector<int32_t> pids = pool.statistics().pids;
  for (size_t i = 0; i < 3; ++i) shared->pids[i] = pids[i];
  Queue<int> gate = *Queue<int>::Create();
  Queue<int> begun = *Queue<int>::Create();
  AsyncResult<int> held = *pool.ApplyAsync(BeginAndWaitFor, gate, begun, 1);
  const absl::StatusOr<int> worker = begun.Get(Watchdog());
  if (!worker.ok()) _exit(3);
  if (at_point) ArmFaultPoint(fault::kPoolTaskPosted, 2);
  for (int i = 0; i < 10; ++i) {
    if (!pool.ApplyAsync(Square, i).ok()) _exit(4);
  }
  kill(getpid(), SIGKILL);
}

class OwnerDies : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(StartMethods, OwnerDies, testing::ValuesIn(kAllStartMethods),
                         [](const auto& method) { return std::string(StartMethodName(method.param)); });

TEST_P(OwnerDies, ItsWorkersAreGoneAndNothingIsLeft) {
  const std::set<std::string> names = SharedMemoryNames();
  for (const bool at_point : {false, true}) {
    Shared<OwnersWorkers> shared;
    absl::StatusOr<Process> owner = Process::Fork({.daemon = false}, [&] {
      RunOwner(shared, GetParam(), at_point);
      return 0;
    });
    ASSERT_THAT(owner, IsOk());
    const absl::StatusOr<ExitStatus> end = owner->Join(Watchdog());
    ASSERT_THAT(end, IsOk());
    EXPECT_EQ(end->signal(), SIGKILL) << end->ToString();
    for (const auto& pid : shared->pids) {
      ASSERT_GT(pid, 0);
      EXPECT_TRUE(Eventually([&] { return Gone(pid); }, absl::Seconds(5))) << "worker " << pid;
    }
  }
  EXPECT_EQ(SharedMemoryNames(), names);
  RecordDeathAt(fault::kPoolTaskPosted);
}

// --- Standing still ---

TEST(AStoppedWorker, HoldsUpItsOwnTaskOnlyAndEndsItWhenContinued) {
  std::atomic<int> called{0};
  Pool pool = MakePool(2);
  Queue<int> gate = *Queue<int>::Create();
  Queue<int> begun = *Queue<int>::Create();
  AsyncResult<int> held = *pool.ApplyAsync(BeginAndWaitFor, gate, begun, 7);
  const int32_t pid = *begun.Get(Watchdog());
  ASSERT_EQ(kill(pid, SIGSTOP), 0);
  ASSERT_THAT(gate.Put(0), IsOk());
  for (int i = 0; i < 200; ++i) {
    EXPECT_THAT(pool.Apply(Square, i), IsOkAndHolds(i * i));
    ASSERT_THAT(pool.ApplyAsync(TaskOptions<int>{.callback = [&](const int&) { ++called; }}, Square, i), IsOk());
  }
  EXPECT_TRUE(Eventually([&] { return called == 200; })) << "callbacks go on";
  EXPECT_FALSE(held.Ready());
  ASSERT_EQ(kill(pid, SIGCONT), 0);
  EXPECT_THAT(held.Get(Watchdog()), IsOkAndHolds(7));
  EXPECT_EQ(pool.statistics().workers_died, 0u);
}

TEST(AStoppedWorker, IsEndedByTerminate) {
  Pool pool = MakePool(2);
  for (const int32_t pid : pool.statistics().pids) ASSERT_EQ(kill(pid, SIGSTOP), 0);
  AsyncResult<int> waiting = *pool.ApplyAsync(Square, 2);
  ASSERT_THAT(pool.Terminate(), IsOk());
  EXPECT_THAT(waiting.Get(Watchdog()), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_TRUE(pool.statistics().pids.empty());
}

// --- Callbacks and healing ---

TEST(ACallback, ThatWaitsForATaskOfADeadWorkerGetsItsError) {
  Queue<int> done = *Queue<int>::Create();  // Before the pool: a callback may still be in it as its item is got.
  Queue<int> object = *Queue<int>::Create();
  Pool pool = MakePool(1);
  const auto back = [&](const int&) {
    EXPECT_THAT(pool.Apply(Arm, std::string(fault::kPoolClaimed.name()), 0u), IsOk());
    EXPECT_TRUE(DeathOf(pool.Apply(Square, 3).status()).has_value());
    const auto put = [](Queue<int> queue) { return queue.Put(5).ok(); };
    EXPECT_TRUE(*pool.Apply(put, object)) << "and descriptors are handed on";
    EXPECT_THAT(pool.Join(), StatusIs(absl::StatusCode::kFailedPrecondition));
    EXPECT_THAT(done.Put(1), IsOk());
  };
  ASSERT_THAT(pool.ApplyAsync(TaskOptions<int>{.callback = back}, Square, 2), IsOk());
  EXPECT_THAT(done.Get(Watchdog()), IsOk());
}

TEST(ACallback, MayTerminateThePool) {
  Queue<int> done = *Queue<int>::Create();
  Pool pool = MakePool(2);
  const auto back = [&](const int&) {
    EXPECT_THAT(pool.Terminate(), IsOk());
    EXPECT_THAT(done.Put(1), IsOk());
  };
  ASSERT_THAT(pool.ApplyAsync(TaskOptions<int>{.callback = back}, Square, 2), IsOk());
  EXPECT_THAT(done.Get(Watchdog()), IsOk());
  EXPECT_THAT(pool.ApplyAsync(Square, 1), StatusIs(absl::StatusCode::kFailedPrecondition));
}

// --- Tasks that misbehave ---

TEST(ATask, ThatExitsFailsAloneWithItsCode) {
  Pool pool = MakePool(1);
  const absl::StatusOr<int> exited = pool.Apply([](int code) -> int { exit(code); }, 7);
  ASSERT_TRUE(DeathOf(exited.status()).has_value()) << exited.status();
  EXPECT_EQ(DeathOf(exited.status())->exit_code, 7);
  EXPECT_THAT(pool.Apply(Square, 3), IsOkAndHolds(9));
}

TEST(ATask, ThatForksAndReturnsInBothIsOneTask) {
  Pool pool = MakePool(1);
  for (int i = 0; i < 20; ++i) {
    EXPECT_THAT(pool.Apply(
                    [](int x) {
                      fork();
                      return x;
                    },
                    i),
                IsOkAndHolds(i));
    EXPECT_THAT(pool.Apply(Square, i), IsOkAndHolds(i * i));
  }
  EXPECT_EQ(pool.statistics().tasks_done, 40u);
}

TEST(ATask, ThatClosesAllDescriptorsHangsNobody) {
  Queue<int> called = *Queue<int>::Create();
  Pool pool = MakePool(1);
  const auto close_all = [] {
    for (int fd = 3; fd < 1024; ++fd) close(fd);
  };
  ASSERT_THAT(pool.Apply(close_all), IsOk());
  EXPECT_THAT(pool.Apply(Square, 3), IsOkAndHolds(9));
  const auto back = [&](const int& x) { EXPECT_THAT(called.Put(x), IsOk()); };
  for (int i = 1; i < 4; ++i) {
    ASSERT_THAT(pool.ApplyAsync(TaskOptions<int>{.callback = back}, Square, i), IsOk());
    EXPECT_THAT(called.Get(Watchdog()), IsOkAndHolds(i * i));
  }
  const auto put = [](Queue<int> queue) { return queue.Put(5).ok(); };
  EXPECT_FALSE(pool.Apply(put, called).ok()) << "it can't be given anything any more, and says so";
}

}  // namespace
}  // namespace regatta
