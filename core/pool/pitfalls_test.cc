// Fifteen bugs that a core of this kind must not have: one test or more of each, by number, here where all layers are
// at hand; and where the same is tested more closely.
//
//   1  a killed worker loses its job, its caller hangs       pool_storm_test, pool_death_test, worker_step_test
//   2  a dead holder leaves a lock or a slot orphaned        ipc/queue_death_test, queue_step_test, queue_storm_test,
//                                                            queue.pml; sync/lock_test, lock_step_test, lock.pml
//   3  a notification blocks on a waiter that died           sync/wait_point_test, lock_cell_test
//   4  fork among threads deadlocks the child                process/helper_thread_test, nursery_test,
//                                                          ipc/queue_fork_test
//   5  inherited descriptors hide an end                     process/process_start_test, process_test, nursery_test
//   6  pid reuse, racing reapers, reaping that blocks        os/pidfd_test, process/process_test
//   7  parent-death signals per thread, orphaned children    process/process_end_test, process_fault_test
//   8  a bad decode kills the thread for results             codec/hostile_test, hook_test, process/call_test
//   9  a failing start respawns workers for ever             pool_death_test (the pool has no initializer)
//  10  recycling workers strands tasks                       (workers aren't recycled; replaced: 1)
//  11  a full wake-up pipe under a lock deadlocks            (wake-ups are words and an eventfd, which is never full)
//  12  get hangs after terminate                             pool_test, pool_death_test
//  13  shared names unlinked too early, or leaked            pool_storm_test, pool_death_test (there are no names)
//  14  a segment larger than the memory behind it            os/memfd_test, exhaustion tests of ipc and pool
//  15  join before drain deadlocks                           here
//   +  a zombie after a failed start                         process/process_exhaustion_test, process_fault_test
//   +  huge timeouts overflow                                os/deadline_test
//   +  map reads an endless input eagerly                    pool_test
//   +  a server that any local user may talk to              (a socket without a name: process/nursery_test)
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <memory>
#include <mutex>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "core/ipc/fault_points.h"
#include "core/ipc/queue.h"
#include "core/os/error.h"
#include "core/os/poll.h"
#include "core/pool/fault_points.h"
#include "core/pool/pool.h"
#include "core/process/process.h"
#include "core/sync/lock.h"
#include "core/testing/forked_child.h"
#include "core/testing/pool_tasks.h"
#include "core/testing/process_witness.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {

// One that can't be encoded if it says so, nor decoded.
struct Trouble {
  enum Kind : int { kNone, kEncoding, kDecoding };
  int kind = kNone;
  int number = 0;
};
template <>
struct Codec<Trouble> {
  static constexpr uint64_t kFingerprint = FingerprintOf("pitfalls_test.Trouble/1");
  static size_t Size(const Trouble&) { return 2 * sizeof(int); }
  static void Encode(const Trouble& trouble, Encoder& out) {
    if (trouble.kind == Trouble::kEncoding) return out.Fail(absl::InvalidArgumentError("trouble in encoding"));
    out.Write(trouble.kind);
    out.Write(trouble.number);
  }
  static bool Decode(Decoder& in, Trouble& trouble) {
    if (!in.Read(trouble.kind) || !in.Read(trouble.number)) return false;
    return trouble.kind != Trouble::kDecoding || in.Fail(absl::DataLossError("trouble in decoding"));
  }
};

namespace {

// --- 1 ---

TEST(Pitfall, N01UnderKillsOfBusyAndIdleWorkersEveryResultResolvesAndThePoolIsWholeAgain) {
  for (const int workers : {1, 2}) {
    Pool pool = MakePool(workers);
    const auto whole = [&] { return pool.statistics().pids.size() == static_cast<size_t>(workers); };
    uint64_t killed = 0;
    for (int round = 0; round < 20; ++round) {
      std::vector<AsyncResult<int>> results;
      if (round % 2 == 0) {
        for (int i = 0; i < 50; ++i) results.push_back(*pool.ApplyAsync(Square, i));
      }
      for (const int32_t pid : pool.statistics().pids) killed += kill(pid, SIGKILL) == 0 ? 1 : 0;
      int failed = 0;
      for (int i = 0; i < static_cast<int>(results.size()); ++i) {
        const absl::StatusOr<int> result = results[static_cast<size_t>(i)].Get(Watchdog());
        if (result.ok()) {
          EXPECT_EQ(*result, i * i);
        } else {
          EXPECT_TRUE(DeathOf(result.status()).has_value()) << result.status();
          ++failed;
        }
      }
      EXPECT_LE(failed, workers) << "no more than one task for each death";
      ASSERT_TRUE(Eventually([&] { return pool.statistics().workers_died == killed && whole(); }));
      EXPECT_THAT(pool.Apply(Square, 3), IsOkAndHolds(9));
    }
  }
}

// --- 2 ---

TEST(Pitfall, N02AKilledHolderOfALockOrOfASlotHoldsUpNobody) {
  Lock lock = *Lock::Create();
  Queue<int> queue = *Queue<int>::Create(2);
  for (const FaultPoint point : {fault::kArenaLocked, fault::kQueueCreditTaken, fault::kQueuePutBegun,
                                 fault::kQueuePutWritten, fault::kQueuePutPublished, fault::kQueueGetClaimed}) {
    ForkedChild victim([&] {
      REGATTA_CHILD_REQUIRE(lock.Acquire().ok());
      ArmFaultPoint(point);
      queue.Put(1).IgnoreError();
      queue.Get().IgnoreError();
      return 0;
    });
    const int32_t pid = victim.pid();
    ASSERT_EQ(victim.Wait(), -SIGKILL) << point.name();
    const absl::StatusOr<Acquired> acquired = lock.Acquire(Watchdog());
    ASSERT_THAT(acquired, IsOk());
    EXPECT_EQ(acquired->previous_owner_died, pid);
    ASSERT_THAT(lock.Release(), IsOk());
    while (queue.TryGet().ok()) {
    }
    for (int i = 0; i < 2; ++i) EXPECT_THAT(queue.Put(i, Watchdog()), IsOk()) << point.name();
    EXPECT_TRUE(IsFull(queue.TryPut(2))) << point.name();
    for (int i = 0; i < 2; ++i) EXPECT_THAT(queue.Get(Watchdog()), IsOkAndHolds(i));
  }
}

// --- 3 ---

TEST(Pitfall, N03PutCloseAndReleaseReturnThoughEveryWaiterWasKilled) {
  Lock lock = *Lock::Create();
  Queue<int> queue = *Queue<int>::Create(3);
  ASSERT_THAT(lock.Acquire(), IsOk());
  std::vector<ForkedChild> waiters;
  for (int i = 0; i < 3; ++i) {
    waiters.emplace_back([&] { return queue.Get().ok() ? 0 : 1; });
    waiters.emplace_back([&] { return lock.Acquire().ok() ? 0 : 1; });
  }
  for (const ForkedChild& waiter : waiters) ASSERT_TRUE(Eventually([&] { return IsAsleep(waiter.pid()); }));
  for (ForkedChild& waiter : waiters) {
    waiter.Kill();
    EXPECT_EQ(waiter.Wait(), -SIGKILL);
  }
  for (int i = 0; i < 3; ++i) EXPECT_THAT(queue.Put(i, Watchdog()), IsOk());
  EXPECT_THAT(lock.Release(), IsOk());
  EXPECT_THAT(lock.Acquire(Watchdog()), IsOk());
  for (int i = 0; i < 3; ++i) EXPECT_THAT(queue.Get(Watchdog()), IsOkAndHolds(i)) << "nobody took it who died asleep";
  EXPECT_THAT(queue.Close(), IsOk());
}

// --- 4 ---

TEST(Pitfall, N04AmongThreadsInTheAllocatorEveryStartReachesItsFunctionOrIsRefused) {
  Pool pool = MakePool(1);  // Its nursery was forked before there were threads.
  std::atomic<bool> end{false};
  std::mutex mutex;
  std::vector<std::thread> threads;
  for (int i = 0; i < 3; ++i) {
    threads.emplace_back([&] {
      for (size_t n = 1; !end; n = n * 7 % 9973) {
        const std::lock_guard<std::mutex> guard(mutex);
        const std::string text(n, 'x');
        end.load();
      }
    });
  }
  for (int i = 0; i < 150; ++i) {
    const StartMethod method = i % 10 == 0 ? StartMethod::kSpawn : StartMethod::kForkserver;
    absl::StatusOr<Process> process = Process::Start(
        {.method = method}, [](int x) { return static_cast<int>(std::string(static_cast<size_t>(x), 'y').size()); },
        i + 1);
    ASSERT_THAT(process, IsOk());
    EXPECT_EQ(process->Join(Watchdog())->exit_code(), i + 1);
  }
  for (uint64_t i = 1; i <= 50; ++i) {
    ASSERT_TRUE(Eventually([&] { return pool.statistics().pids.size() == 1; }));
    EXPECT_EQ(kill(pool.statistics().pids[0], SIGKILL), 0);
    ASSERT_TRUE(Eventually([&] { return pool.statistics().workers_died == i; }));
    EXPECT_THAT(pool.Apply(Square, 5), IsOkAndHolds(25));
  }
  const absl::Status refused = Process::Fork([] {}).status();
  EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("thread")));
  end = true;
  for (std::thread& thread : threads) thread.join();
}

// --- 5 ---

TEST(Pitfall, N05AGrandchildThatHoldsEveryDescriptorHidesNoEnd) {
  for (const StartMethod method : kAllStartMethods) {
    Queue<int> told = *Queue<int>::Create();
    absl::StatusOr<Process> child = Process::Start(
        {.method = method},
        [](Queue<int> told) {
          const int32_t grandchild = fork();
          if (grandchild == 0) {
            for (;;) pause();
          }
          return told.Put(grandchild).ok() ? 5 : 6;
        },
        told);
    ASSERT_THAT(child, IsOk());
    const int32_t grandchild = *told.Get(Watchdog());
    EXPECT_TRUE(*PollReadable(**child->sentinel(), Watchdog()));
    EXPECT_EQ(child->Join(Watchdog())->exit_code(), 5);
    EXPECT_FALSE(Gone(grandchild)) << "it still held them all";
    kill(grandchild, SIGKILL);
  }
}

// --- 6 ---

TEST(Pitfall, N06ASignalToTheReapedIsNothingAllWaitersSeeOneStatusAndAWaitKeepsItsDeadline) {
  Queue<int> gate = *Queue<int>::Create();
  absl::StatusOr<Process> process = Process::Start(
      {.method = StartMethod::kForkserver}, [](Queue<int> gate) { return gate.Get().value_or(99); }, gate);
  ASSERT_THAT(process, IsOk());
  EXPECT_THAT(process->Join(Deadline::After(absl::Milliseconds(20))), StatusIs(absl::StatusCode::kDeadlineExceeded));
  std::atomic<int> same{0};
  std::vector<std::thread> waiters;
  for (int i = 0; i < 8; ++i) {
    waiters.emplace_back([&] {
      if (process->Join(Watchdog())->exit_code() == 42) ++same;
    });
  }
  ASSERT_THAT(gate.Put(42), IsOk());
  for (std::thread& waiter : waiters) waiter.join();
  EXPECT_EQ(same, 8);
  EXPECT_THAT(process->Kill(), IsOk()) << "nobody is there to be hit";
  EXPECT_EQ(process->Join(Deadline::Now())->exit_code(), 42);
}

// --- 7 ---

TEST(Pitfall, N07ThePoolOfAThreadThatEndedLivesOnAndThatOfAKilledProcessIsGone) {
  std::optional<Pool> pool;
  std::thread([&] { pool.emplace(MakePool(2, StartMethod::kSpawn)); }).join();
  EXPECT_THAT(pool->Apply(Square, 6), IsOkAndHolds(36));
  for (const int32_t pid : pool->statistics().pids) EXPECT_FALSE(Gone(pid));
  pool.reset();

  Shared<std::atomic<int32_t>> pids[3];
  absl::StatusOr<Process> owner = Process::Fork({.daemon = false}, [&] {
    Pool mine = MakePool(2);
    (*pids[0]) = mine.statistics().pids[0];
    (*pids[1]) = mine.statistics().pids[1];
    const absl::StatusOr<Process> child = Process::Fork({.daemon = true}, [] {
      for (;;) pause();
    });
    (*pids[2]) = child.ok() ? child->pid().value_or(-1) : -1;
    kill(getpid(), SIGKILL);
  });
  ASSERT_THAT(owner, IsOk());
  EXPECT_EQ(owner->Join(Watchdog())->signal(), SIGKILL);
  for (const auto& pid : pids) {
    ASSERT_GT(pid->load(), 0);
    EXPECT_TRUE(Eventually([&] { return Gone(pid->load()); }));
  }
}

// --- 8 ---

Trouble MakeTrouble(int kind, int number) { return {kind, number}; }
int NumberOf(Trouble trouble) { return trouble.number; }

TEST(Pitfall, N08WhatCannotBeEncodedOrDecodedFailsThatItemOnlyAndVisibly) {
  Pool pool = MakePool(2);
  for (int round = 0; round < 3; ++round) {
    // Arguments: as the task is posted, and as the worker reads them.
    EXPECT_THAT(pool.Apply(NumberOf, Trouble{Trouble::kEncoding, 1}), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(pool.Apply(NumberOf, Trouble{Trouble::kDecoding, 1}), StatusIs(absl::StatusCode::kDataLoss));
    // Results: as the worker writes them, and as the owner reads them.
    EXPECT_THAT(pool.Apply(MakeTrouble, int{Trouble::kEncoding}, 1), StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(pool.Apply(MakeTrouble, int{Trouble::kDecoding}, 1), StatusIs(absl::StatusCode::kDataLoss));
    EXPECT_THAT(pool.Apply(NumberOf, Trouble{Trouble::kNone, 7}), IsOkAndHolds(7));
    // Thrown: what is no exception, and what is.
    EXPECT_THAT(pool.Apply([](int x) -> int { throw x; }, 3), StatusIs(absl::StatusCode::kUnknown));
    // In a chunk the others have their results.
    std::vector<int> kinds = {Trouble::kNone, Trouble::kDecoding, Trouble::kNone, Trouble::kEncoding, Trouble::kNone};
    auto results = pool.Imap([](int kind) { return Trouble{kind, 5}; }, kinds, {.chunk = 5});
    ASSERT_THAT(results, IsOk());
    absl::StatusOr<Trouble> item;
    for (const int kind : kinds) {
      ASSERT_TRUE(*results->Next(&item, Watchdog()));
      EXPECT_EQ(item.ok(), kind == Trouble::kNone) << kind << ": " << item.status();
    }
  }
  EXPECT_EQ(pool.statistics().workers_died, 0u);

  Queue<Trouble> queue = *Queue<Trouble>::Create(3);
  EXPECT_THAT(queue.Put({Trouble::kEncoding, 1}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_TRUE(queue.empty());
  ASSERT_THAT(queue.Put({Trouble::kDecoding, 1}), IsOk());
  ASSERT_THAT(queue.Put({Trouble::kNone, 2}), IsOk());
  EXPECT_THAT(queue.Get(Watchdog()), StatusIs(absl::StatusCode::kDataLoss));
  EXPECT_EQ(queue.Get(Watchdog())->number, 2);
}

// --- 9 ---

TEST(Pitfall, N09WorkersThatNeverGetReadyAreTriedABoundedNumberOfTimesAndTheErrorHasTheCause) {
  ArmFaultPoint(fault::kPoolWorkerAttached);
  Pool pool = MakePool(3);
  DisarmFaultPoint();
  const absl::Status why = pool.Apply(Square, 2).status();
  EXPECT_THAT(why, StatusIs(absl::StatusCode::kAborted, testing::HasSubstr("don't start")));
  EXPECT_LE(pool.statistics().workers_started, 20u);
}

// --- 11 ---

TEST(Pitfall, N11SubmitsWithoutNumberAgainstWorkersThatStandStillDoNotBlock) {
  constexpr int kTasks = 100'000;
  Pool pool = MakePool(2);
  const std::vector<int32_t> pids = pool.statistics().pids;
  for (const int32_t pid : pids) ASSERT_EQ(kill(pid, SIGSTOP), 0);
  std::atomic<int> called{0};
  const TaskOptions<int> counted{.callback = [&](const int&) { ++called; }};
  std::vector<AsyncResult<int>> results;
  results.reserve(kTasks);
  for (int i = 0; i < kTasks; ++i) {
    absl::StatusOr<AsyncResult<int>> result =
        i % 4 == 0 ? pool.ApplyAsync(counted, Square, i % 1000) : pool.ApplyAsync(Square, i % 1000);
    ASSERT_THAT(result, IsOk());
    results.push_back(*std::move(result));
  }
  for (const int32_t pid : pids) ASSERT_EQ(kill(pid, SIGCONT), 0);
  for (int i = 0; i < kTasks; ++i) {
    ASSERT_THAT(results[static_cast<size_t>(i)].Get(Watchdog()), IsOkAndHolds((i % 1000) * (i % 1000)));
  }
  ASSERT_THAT(pool.Close(), IsOk());
  EXPECT_THAT(pool.Join(Watchdog()), IsOk());
  EXPECT_EQ(called, kTasks / 4);
}

// --- 12 ---

TEST(Pitfall, N12GetOfEveryThreadReturnsWhenThePoolIsDestroyed) {
  Queue<int> gate = *Queue<int>::Create();
  Queue<int> begun = *Queue<int>::Create();
  std::vector<std::thread> threads;
  std::atomic<int> cancelled{0};
  {
    Pool pool = MakePool(1);
    for (int i = 0; i < 4; ++i) {
      AsyncResult<int> held = *pool.ApplyAsync(BeginAndWaitFor, gate, begun, i);
      threads.emplace_back([&cancelled, held] {
        if (absl::IsCancelled(held.Get(Watchdog()).status())) ++cancelled;
      });
    }
    ASSERT_THAT(begun.Get(Watchdog()), IsOk());
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(cancelled, 4);
}

// --- 13 ---

TEST(Pitfall, N13AnAttachersEndKeepsASegmentAndTheDeathOfAllItsUsersLeavesNothing) {
  const std::set<std::string> names = SharedMemoryNames();
  Queue<std::string> queue = *Queue<std::string>::Create();
  const std::string large(200'000, 'x');
  for (int i = 0; i < 3; ++i) {
    absl::StatusOr<Process> attacher = Process::Start(
        {.method = StartMethod::kSpawn}, [](Queue<std::string> queue) { return queue.Get().ok() ? 0 : 1; }, queue);
    ASSERT_THAT(attacher, IsOk());
    ASSERT_THAT(queue.Put(large), IsOk());
    EXPECT_EQ(attacher->Join(Watchdog())->exit_code(), 0);
  }
  ASSERT_THAT(queue.Put(large), IsOk());
  EXPECT_THAT(queue.Get(Watchdog()), IsOkAndHolds(large)) << "the attachers' ends took nothing along";
  ForkedChild creator([&] {
    Queue<std::string> other = *Queue<std::string>::Create();
    Lock lock = *Lock::Create();
    Pool pool = MakePool(2, StartMethod::kSpawn);
    REGATTA_CHILD_REQUIRE(other.Put(large).ok() && lock.Acquire().ok() && pool.Apply(Square, 2).ok());
    kill(getpid(), SIGKILL);
    return 0;
  });
  EXPECT_EQ(creator.Wait(), -SIGKILL);
  EXPECT_EQ(SharedMemoryNames(), names);
}

// --- 14 ---

TEST(Pitfall, N14WithoutMemoryThereIsAnErrorAndNoSignal) {
  ForkedChild child([] {
    Queue<std::string> queue = *Queue<std::string>::Create();
    REGATTA_CHILD_REQUIRE(queue.Put("small").ok());
    RefuseMemory();
    const std::string large(300'000, 'x');
    for (int i = 0; i < 3; ++i) REGATTA_CHILD_REQUIRE(absl::IsResourceExhausted(queue.Put(large)));
    REGATTA_CHILD_REQUIRE(absl::IsResourceExhausted(Queue<std::string>::Create().status()));
    REGATTA_CHILD_REQUIRE(absl::IsResourceExhausted(Lock::Create().status()));
    REGATTA_CHILD_REQUIRE(absl::IsResourceExhausted(Pool::Create({.workers = 2}).status()));
    REGATTA_CHILD_REQUIRE(*queue.Get(Watchdog()) == "small");
    REGATTA_CHILD_REQUIRE(queue.Put("again").ok() && *queue.Get(Watchdog()) == "again");
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

// --- 15 ---

TEST(Pitfall, N15JoinHonoursItsDeadlineWhateverIsInTheQueue) {
  Pool pool = MakePool(1);
  Queue<int> gate = *Queue<int>::Create();
  Queue<int> begun = *Queue<int>::Create();
  AsyncResult<int> held = *pool.ApplyAsync(BeginAndWaitFor, gate, begun, 7);
  std::vector<AsyncResult<int>> waiting;
  for (int i = 0; i < 6000; ++i) waiting.push_back(*pool.ApplyAsync(Square, 20));
  ASSERT_THAT(begun.Get(Watchdog()), IsOk());
  ASSERT_THAT(pool.Close(), IsOk());
  EXPECT_THAT(pool.Join(Deadline::After(absl::Milliseconds(20))), StatusIs(absl::StatusCode::kDeadlineExceeded));
  ASSERT_THAT(gate.Put(0), IsOk());
  EXPECT_THAT(pool.Join(Watchdog()), IsOk());
  for (auto& result : waiting) EXPECT_THAT(result.Get(Deadline::Now()), IsOkAndHolds(400));
}

}  // namespace
}  // namespace regatta
