#include "core/pool/pool.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstddef>
#include <iterator>
#include <map>
#include <numeric>
#include <stdexcept>
#include <string>
#include <thread>
#include <vector>

#include "core/ipc/queue.h"
#include "core/os/error.h"
#include "core/pool/fault_points.h"
#include "core/sync/event.h"
#include "core/sync/lock.h"
#include "core/testing/pool_tasks.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

int Add(int a, int b) { return a + b; }
int Pid() { return getpid(); }
absl::Status Refuse(int code) { return absl::Status(static_cast<absl::StatusCode>(code), "refused"); }
absl::StatusOr<std::string> Twice(const std::string& text) { return text + text; }
int Throw(int x) {
  if (x == 3) throw std::runtime_error("three is not allowed");
  return x;
}
int KillSelf(int signal) {
  kill(getpid(), signal);
  for (;;) pause();
}
size_t Length(const std::string& text) { return text.size(); }
int64_t PutAndCount(Queue<int> queue, int item) {
  const absl::Status put = queue.Put(item);
  return put.ok() ? queue.size() : -1;
}

// 0, 1, 2 and so on without end. (clang 14 can't compile libstdc++ 12's views.)
struct Naturals {
  struct Iterator {
    using value_type = int;
    using difference_type = std::ptrdiff_t;
    int operator*() const { return at; }
    Iterator& operator++() {
      ++at;
      return *this;
    }
    void operator++(int) { ++at; }
    int at = 0;
  };
  static Iterator begin() { return {}; }
  static std::unreachable_sentinel_t end() { return {}; }
};

class PoolTest : public ::testing::TestWithParam<StartMethod> {
 protected:
  Pool Make(int workers) { return MakePool(workers, GetParam()); }
};

INSTANTIATE_TEST_SUITE_P(StartMethods, PoolTest, ::testing::ValuesIn(kAllStartMethods),
                         [](const auto& method) { return std::string(StartMethodName(method.param)); });

TEST_P(PoolTest, ApplyReturnsWhatTheFunctionReturns) {
  Pool pool = Make(2);
  EXPECT_THAT(pool.Apply(Add, 1, 2), IsOkAndHolds(3));
  EXPECT_THAT(pool.Apply([](int a, const std::string& b) { return b + std::to_string(a); }, 7, "seven "),
              IsOkAndHolds("seven 7"));
  EXPECT_THAT(pool.Apply(Twice, "ab"), IsOkAndHolds("abab"));
  EXPECT_THAT(pool.Apply([] {}), IsOk());
  const absl::StatusOr<int> pid = pool.Apply(Pid);
  EXPECT_NE(*pid, getpid());
  const std::vector<int32_t> pids = pool.statistics().pids;
  EXPECT_NE(std::find(pids.begin(), pids.end(), *pid), pids.end());
}

TEST_P(PoolTest, ReadySeesTheLastOfManyPostedResults) {
  Queue<int> ended = *Queue<int>::Create();
  Pool pool = Make(1);
  std::vector<AsyncResult<int>> results;
  for (int i = 0; i < 500; ++i) results.push_back(*pool.ApplyAsync(Square, i));
  const auto after = pool.ApplyAsync(PutAndCount, ended, 1);
  ASSERT_THAT(after, IsOk());
  ASSERT_THAT(ended.Get(Watchdog()), IsOk());  // The only worker has posted the results before this.
  EXPECT_TRUE(results.back().Ready());
}

TEST_P(PoolTest, ResultsComeInTheOrderSubmittedWhateverOrderTheyEndIn) {
  Pool pool = Make(2);
  Queue<int> gate = *Queue<int>::Create();
  absl::StatusOr<AsyncResult<int>> held = pool.ApplyAsync(WaitFor, gate, 1);
  ASSERT_THAT(held, IsOk());
  absl::StatusOr<AsyncResult<int>> quick = pool.ApplyAsync(Add, 1, 1);
  EXPECT_THAT(quick->Get(Watchdog()), IsOkAndHolds(2));
  EXPECT_FALSE(held->Ready());
  EXPECT_THAT(held->Successful(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(held->Get(Deadline::Now()), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(held->Get(Deadline::After(absl::Milliseconds(5))), StatusIs(absl::StatusCode::kDeadlineExceeded));
  ASSERT_THAT(gate.Put(0), IsOk());
  EXPECT_THAT(held->Get(Watchdog()), IsOkAndHolds(1));
  EXPECT_THAT(held->Get(Watchdog()), IsOkAndHolds(1)) << "a second get says the same";
  EXPECT_TRUE(*held->Successful());
}

TEST_P(PoolTest, MapKeepsTheOrderForEveryChunkSize) {
  Pool pool = Make(2);
  std::vector<int> numbers(1000);
  std::iota(numbers.begin(), numbers.end(), 0);
  std::vector<int> expected;
  for (const int x : numbers) expected.push_back(x * x);
  for (const int64_t chunk : {0, 1, 7, 1000, 5000})
    EXPECT_THAT(pool.Map(Square, numbers, {.chunk = chunk}), IsOkAndHolds(expected));
  EXPECT_THAT(pool.Map(Square, std::vector<int>{}), IsOkAndHolds(std::vector<int>()));
  EXPECT_THAT(pool.Map(Square, numbers, {.chunk = -1}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_P(PoolTest, StarMapUnpacksTuples) {
  Pool pool = Make(2);
  const std::vector<std::tuple<int, int>> pairs = {{1, 2}, {3, 4}, {5, 6}};
  EXPECT_EQ(*pool.StarMap(Add, pairs), (std::vector<int>{3, 7, 11}));
}

TEST_P(PoolTest, AnErrorCrossesWithTypeAndText) {
  Pool pool = Make(1);
  const absl::StatusOr<int> thrown = pool.Apply(Throw, 3);
  EXPECT_THAT(thrown, StatusIs(absl::StatusCode::kUnknown));
  EXPECT_EQ(ThrownType(thrown.status()), "std::runtime_error");
  EXPECT_NE(thrown.status().message().find("three is not allowed"), std::string::npos);
  EXPECT_EQ(pool.Apply(Refuse, static_cast<int>(absl::StatusCode::kPermissionDenied)),
            absl::PermissionDeniedError("refused"));
  EXPECT_THAT(pool.Apply(Add, 2, 2), IsOkAndHolds(4)) << "the pool still works";
}

TEST_P(PoolTest, AFailingMapRaisesTheFirstErrorAndPoisonsNothing) {
  Pool pool = Make(2);
  EXPECT_THAT(pool.Map(Throw, std::vector<int>{1, 2, 3, 4}, {.chunk = 1}), StatusIs(absl::StatusCode::kUnknown));
  EXPECT_THAT(pool.Map(Throw, std::vector<int>{1, 2, 3, 4}, {.chunk = 4}), StatusIs(absl::StatusCode::kUnknown));
  for (const int64_t chunk : {1, 3}) {
    auto results = pool.Imap(Throw, std::vector<int>{1, 2, 3, 4}, {.chunk = chunk});
    ASSERT_THAT(results, IsOk());
    std::vector<int> good;
    int bad = 0;
    absl::StatusOr<int> item;
    while (*results->Next(&item, Watchdog())) {
      if (item.ok()) {
        good.push_back(*item);
      } else {
        ++bad;
      }
    }
    EXPECT_EQ(good, (std::vector<int>{1, 2, 4})) << "imap goes on after an item's error, also within a chunk";
    EXPECT_EQ(bad, 1);
  }
}

TEST_P(PoolTest, ImapUnorderedGivesEachResultOnce) {
  Pool pool = Make(2);
  std::vector<int> numbers(100);
  std::iota(numbers.begin(), numbers.end(), 0);
  auto results = pool.ImapUnordered(Square, numbers, {.chunk = 3});
  std::multiset<int> seen;
  absl::StatusOr<int> item;
  while (*results->Next(&item, Watchdog())) seen.insert(*item);
  std::multiset<int> expected;
  for (const int x : numbers) expected.insert(x * x);
  EXPECT_EQ(seen, expected);
}

TEST_P(PoolTest, ImapReadsAnEndlessInputOnlyAsFarAsNeeded) {
  Pool pool = Make(2);
  auto results = pool.Imap(Square, Naturals());
  absl::StatusOr<int> item;
  for (int i = 0; i < 1000; ++i) {
    ASSERT_TRUE(*results->Next(&item, Watchdog()));
    EXPECT_EQ(*item, i * i);
  }
}

TEST_P(PoolTest, LargeArgumentsAndResultsCross) {
  Pool pool = Make(2);
  for (const size_t size : {0, 55, 56, 57, 111, 112, 113, 5000, 70000, 3 << 20}) {
    EXPECT_THAT(pool.Apply(Length, std::string(size, 'a')), IsOkAndHolds(size));
    EXPECT_EQ(pool.Apply(Large, size)->size(), size);
  }
}

TEST_P(PoolTest, CallbacksRunOncePerTaskBeforeJoinReturns) {
  Pool pool = Make(2);
  std::map<int, int> squares;  // Callbacks run one after another.
  std::vector<absl::Status> errors;
  for (int i = 0; i < 20; ++i) {
    ASSERT_THAT(pool.ApplyAsync(TaskOptions<int>{.callback = [&squares, i](const int& r) { squares[i] = r; },
                                                 .error_callback = [&](const absl::Status& s) { errors.push_back(s); }},
                                Throw, i),
                IsOk());
  }
  ASSERT_THAT(pool.Close(), IsOk());
  ASSERT_THAT(pool.Join(Watchdog()), IsOk());
  EXPECT_EQ(squares.size(), 19u);
  EXPECT_EQ(errors.size(), 1u);
}

TEST_P(PoolTest, ACallbackMayUseThePool) {
  Queue<int> answers = *Queue<int>::Create();  // Outlives the pool, and so the callback.
  Pool pool = Make(1);
  const auto again = [&](const int& sum) { EXPECT_THAT(answers.Put(*pool.Apply(Add, sum, 10)), IsOk()); };
  ASSERT_THAT(pool.ApplyAsync(TaskOptions<int>{.callback = again}, Add, 1, 2), IsOk());
  EXPECT_THAT(answers.Get(Watchdog()), IsOkAndHolds(13));
}

TEST_P(PoolTest, CloseRefusesNewTasksAndFinishesTheAccepted) {
  Pool pool = Make(2);
  EXPECT_THAT(pool.Join(), StatusIs(absl::StatusCode::kFailedPrecondition)) << "joining an open pool is an error";
  std::vector<AsyncResult<int>> results;
  for (int i = 0; i < 50; ++i) results.push_back(*pool.ApplyAsync(Square, i));
  EXPECT_THAT(pool.Close(), IsOk());
  EXPECT_THAT(pool.Close(), IsOk()) << "twice is fine";
  EXPECT_TRUE(IsClosed(pool.ApplyAsync(Square, 1).status()));
  ASSERT_THAT(pool.Join(Watchdog()), IsOk());
  EXPECT_THAT(pool.Join(Watchdog()), IsOk()) << "twice is fine";
  for (int i = 0; i < 50; ++i) EXPECT_THAT(results[i].Get(Deadline::Now()), IsOkAndHolds(i * i));
  EXPECT_TRUE(pool.statistics().pids.empty());
}

TEST_P(PoolTest, TerminateEndsWorkersAndResolvesWhatIsPending) {
  Pool pool = Make(1);
  Queue<int> gate = *Queue<int>::Create();
  AsyncResult<int> running = *pool.ApplyAsync(WaitFor, gate, 1);
  std::vector<AsyncResult<int>> waiting;
  for (int i = 0; i < 5000; ++i) waiting.push_back(*pool.ApplyAsync(Square, i));
  ASSERT_THAT(pool.Terminate(), IsOk());
  EXPECT_THAT(running.Get(Watchdog()), StatusIs(absl::StatusCode::kCancelled));
  for (auto& result : waiting) EXPECT_THAT(result.Get(Watchdog()), StatusIs(absl::StatusCode::kCancelled));
  EXPECT_THAT(pool.ApplyAsync(Square, 1), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(pool.Terminate(), IsOk());
  EXPECT_THAT(pool.Join(Watchdog()), IsOk());
}

TEST_P(PoolTest, TerminateEndsAMapThatIsBeingPosted) {
  const std::vector<int> items(20'000);  // Several times what the board has slots for.
  for (uint64_t done = 0; done < 4000; done += 400) {
    Pool pool = Make(1);
    std::thread poster([&] {
      const auto map = pool.MapAsync(Square, items, {.chunk = 1});
      if (!map.ok()) return;
      // Its first item that did not end was on the board, or was not taken any more. On a busy machine all items may
      // have ended before Terminate was called.
      const absl::Status ended = map->Get(Watchdog()).status();
      const bool whole = ended.ok() && pool.statistics().tasks_done == items.size();
      EXPECT_TRUE(whole || absl::IsCancelled(ended) || absl::IsFailedPrecondition(ended)) << ended;
    });
    while (pool.statistics().tasks_done < done) std::this_thread::yield();
    ASSERT_THAT(pool.Terminate(), IsOk());
    poster.join();
  }
}

TEST_P(PoolTest, LeavingTheScopeTerminates) {
  AsyncResult<int> running;
  std::vector<int32_t> pids;
  {
    Pool pool = Make(2);
    Queue<int> gate = *Queue<int>::Create();
    running = *pool.ApplyAsync(WaitFor, gate, 1);
    pids = pool.statistics().pids;
    EXPECT_EQ(pids.size(), 2u);
  }
  EXPECT_THAT(running.Get(Watchdog()), StatusIs(absl::StatusCode::kCancelled));
  for (const int32_t pid : pids) EXPECT_NE(kill(pid, 0), 0) << "worker " << pid << " is gone and reaped";
}

TEST_P(PoolTest, AKilledWorkerFailsItsTaskOnlyAndIsReplaced) {
  Pool pool = Make(2);
  AsyncResult<int> killed = *pool.ApplyAsync(KillSelf, SIGKILL);
  std::vector<AsyncResult<int>> others;
  for (int i = 0; i < 100; ++i) others.push_back(*pool.ApplyAsync(Square, i));
  const absl::StatusOr<int> outcome = killed.Get(Watchdog());
  ASSERT_THAT(outcome, StatusIs(absl::StatusCode::kAborted));
  EXPECT_EQ(DeathOf(outcome.status())->signal, SIGKILL);
  EXPECT_GT(DeathOf(outcome.status())->pid, 0);
  for (int i = 0; i < 100; ++i) EXPECT_THAT(others[i].Get(Watchdog()), IsOkAndHolds(i * i));
  ASSERT_THAT(pool.Close(), IsOk());
  ASSERT_THAT(pool.Join(Watchdog()), IsOk());
  EXPECT_EQ(pool.statistics().workers_died, 1u);
}

TEST_P(PoolTest, AnIdleWorkerKilledIsReplaced) {
  Pool pool = Make(1);
  for (int i = 0; i < 3; ++i) {
    const int pid = *pool.Apply(Pid);
    ASSERT_EQ(kill(pid, SIGKILL), 0);
    const absl::StatusOr<int> next = pool.Apply(Pid);
    // The task may have been taken by the worker as it died: then it fails, visibly.
    if (next.ok()) {
      EXPECT_NE(*next, pid);
    } else {
      EXPECT_EQ(DeathOf(next.status())->pid, pid);
    }
  }
}

TEST_P(PoolTest, RetriesRunATaskAgainAfterADeath) {
  Pool pool = Make(1);
  Queue<int> attempts = *Queue<int>::Create();
  const auto dies_twice = [](Queue<int> attempts, int result) {
    if (!attempts.Put(1).ok()) return -1;
    if (attempts.size() <= 2) kill(getpid(), SIGKILL);
    return result;
  };
  AsyncResult<int> result = *pool.ApplyAsync(TaskOptions<int>{.retries = 2}, dies_twice, attempts, 42);
  EXPECT_THAT(result.Get(Watchdog()), IsOkAndHolds(42));
  EXPECT_EQ(attempts.size(), 3);
  EXPECT_EQ(pool.statistics().tasks_retried, 2u);
}

TEST_P(PoolTest, QueuesAndLocksAreArguments) {
  Pool pool = Make(2);
  Queue<int> queue = *Queue<int>::Create();
  for (int i = 0; i < 10; ++i) EXPECT_GT(*pool.Apply(PutAndCount, queue, i), 0);
  for (int i = 0; i < 10; ++i) EXPECT_THAT(queue.Get(Watchdog()), IsOkAndHolds(i));
  Lock lock = *Lock::Create();
  ASSERT_THAT(lock.Acquire(), IsOk());
  const auto try_lock = [](Lock lock) { return lock.Acquire(Deadline::Now()).ok(); };
  EXPECT_FALSE(*pool.Apply(try_lock, lock));
}

TEST_P(PoolTest, EventsAreArguments) {
  Pool pool = Make(2);
  Event begun = *Event::Create();
  Event go = *Event::Create();
  const auto wait = [](Event begun, Event go) {
    begun.Set();
    return go.Wait(Watchdog()).ok();
  };
  const AsyncResult<bool> result = *pool.ApplyAsync(wait, begun, go);
  ASSERT_THAT(begun.Wait(Watchdog()), IsOk());
  EXPECT_FALSE(result.Ready());
  go.Set();
  EXPECT_TRUE(*result.Get(Watchdog()));
}

TEST_P(PoolTest, IsThreadSafe) {
  Pool pool = Make(2);
  std::atomic<int> wrong{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 500; ++i) {
        const absl::StatusOr<int> sum = pool.Apply(Add, t, i);
        if (!sum.ok() || *sum != t + i) ++wrong;
      }
    });
  }
  for (auto& thread : threads) thread.join();
  EXPECT_EQ(wrong, 0);
}

TEST_P(PoolTest, MoreTasksThanTheBoardHoldsWaitInTheOwner) {
  Pool pool = Make(2);
  std::vector<AsyncResult<int>> results;
  for (int i = 0; i < 20000; ++i) results.push_back(*pool.ApplyAsync(Add, i, 1));
  for (int i = 0; i < 20000; ++i) ASSERT_THAT(results[i].Get(Watchdog()), IsOkAndHolds(i + 1));
}

TEST(PoolOptionsTest, NonsenseIsRefused) {
  for (const int workers : {0, -1, 5000}) {
    const absl::Status status = Pool::Create({.workers = workers}).status();
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument, testing::HasSubstr(std::to_string(workers))));
  }
  EXPECT_FALSE(Pool::Create({.workers = 1, .cpus = {100000}}).ok());
}

TEST(PoolOptionsTest, WorkersThatCannotStartAreAnErrorNotALoop) {
  // Each worker is killed as it says that it is ready; the parent isn't, as it never gets there.
  ArmFaultPoint(fault::kPoolWorkerAttached);
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 2});
  DisarmFaultPoint();
  absl::Status outcome = pool.status();
  if (pool.ok()) outcome = pool->Apply(Add, 1, 2).status();
  EXPECT_THAT(outcome, StatusIs(absl::StatusCode::kAborted));
}

}  // namespace
}  // namespace regatta
