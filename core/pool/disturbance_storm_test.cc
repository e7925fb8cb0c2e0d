// Storms over every layer: processes are killed, stopped and continued, or interrupted by signals, at random moments,
// while they use a queue, a lock, processes and pools; and creators are killed while their children run. Stops and
// signals may change nothing but the time that things take; a kill fails what it held, and nothing else.
//
// REGATTA_STORM_KILLS sets the number of disturbances of each storm; ./tools/bazel run //conformance:storm runs the
// long form.
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <memory>
#include <numeric>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/time/time.h"
#include "core/ipc/queue.h"
#include "core/os/error.h"
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
namespace {

constexpr absl::Duration kPeriod = absl::Microseconds(300);  // Between two interruptions.

int Disturbances(int without) {
  const char* asked = std::getenv("REGATTA_STORM_KILLS");
  const int number = asked == nullptr ? without : std::atoi(asked);
  EXPECT_GT(number, 0) << "REGATTA_STORM_KILLS is a number";
  return number;
}

// Recorded, so that a storm can be told from another.
std::mt19937 Random() {
  const unsigned seed = std::random_device()();
  std::printf("seed %u\n", seed);
  return std::mt19937(seed);
}

// Not a wait for anything: the moment of a disturbance is random.
void LetPass(std::mt19937& random, uint32_t most_micros) {
  const int64_t end = MonotonicNanos() + random() % (most_micros * 1000);
  while (MonotonicNanos() < end) std::this_thread::yield();
}

enum class Disturbance { kKill, kStop, kInterrupt };
std::string DisturbanceName(Disturbance disturbance) {
  return disturbance == Disturbance::kKill ? "Killed" : disturbance == Disturbance::kStop ? "Stopped" : "Interrupted";
}

// --- Queue and lock: stops and signals ---

struct Shelf {
  std::atomic<bool> end{false};
  std::atomic<uint64_t> put{0};
  std::atomic<uint64_t> got{0};
  std::atomic<uint64_t> put_sum{0};
  std::atomic<uint64_t> got_sum{0};
  uint64_t counter = 0;  // Plain: only the lock guards it.
  std::atomic<uint64_t> counted{0};
};

class Disturbed : public testing::TestWithParam<Disturbance> {
 protected:
  void BeginActor() const {
    if (GetParam() == Disturbance::kInterrupt) InterruptOften(kPeriod);
  }
  // As many disturbances as asked for, each after some progress.
  void Disturb(std::vector<ForkedChild>& actors, int times, const std::function<uint64_t()>& progress) {
    std::mt19937 random = Random();
    for (int i = 0; i < times; ++i) {
      const uint64_t before = progress();
      if (GetParam() == Disturbance::kStop) {
        ForkedChild& actor = actors[random() % actors.size()];
        actor.Stop();
        LetPass(random, 2000);
        actor.Continue();
      }
      ASSERT_TRUE(Eventually([&] { return progress() > before; })) << "stands still after " << i;
      LetPass(random, 500);
    }
  }
  Shared<Shelf> shelf_;
};
INSTANTIATE_TEST_SUITE_P(Actors, Disturbed, testing::Values(Disturbance::kStop, Disturbance::kInterrupt),
                         [](const auto& info) { return DisturbanceName(info.param); });

TEST_P(Disturbed, AQueueLosesNothing) {
  for (const int64_t capacity : {0, 1, 16}) {
    shelf_->end = false;
    shelf_->put = shelf_->got = shelf_->put_sum = shelf_->got_sum = 0;
    Queue<std::pair<uint64_t, std::string>> queue = *Queue<std::pair<uint64_t, std::string>>::Create(capacity);
    std::vector<ForkedChild> actors;
    for (uint64_t putter = 0; putter < 2; ++putter) {
      actors.emplace_back([&] {
        BeginActor();
        for (uint64_t n = 0; !shelf_->end; ++n) {
          const uint64_t number = n * 2 + putter;
          const std::string text(n % 64 == 5 ? 5000 : n % 80, static_cast<char>('a' + number % 26));
          REGATTA_CHILD_REQUIRE(queue.Put({number, text}, Watchdog()).ok());
          shelf_->put_sum += number;
          shelf_->put += 1;
          // Far behind: the backlog is memory.
          while (!shelf_->end && shelf_->put > shelf_->got + 20'000) usleep(100);
        }
        return 0;
      });
    }
    for (int i = 0; i < 2; ++i) {
      actors.emplace_back([&] {
        BeginActor();
        int64_t last[2] = {-1, -1};
        for (;;) {
          const absl::StatusOr<std::pair<uint64_t, std::string>> item = queue.Get(Watchdog());
          if (IsClosed(item.status())) return 0;
          if (!item.ok()) std::fprintf(stderr, "%s\n", item.status().ToString().c_str());
          REGATTA_CHILD_REQUIRE(item.ok());
          const auto number = static_cast<int64_t>(item->first);
          REGATTA_CHILD_REQUIRE(number > last[number % 2]);
          last[number % 2] = number;
          for (const char letter : item->second) REGATTA_CHILD_REQUIRE(letter == 'a' + number % 26);
          shelf_->got_sum += item->first;
          shelf_->got += 1;
        }
      });
    }
    Disturb(actors, Disturbances(60), [&] { return shelf_->got.load(); });
    shelf_->end = true;
    for (size_t i = 0; i < 2; ++i) EXPECT_EQ(actors[i].Wait(absl::Seconds(90)), 0);
    ASSERT_THAT(queue.Close(), IsOk());
    for (size_t i = 2; i < 4; ++i) EXPECT_EQ(actors[i].Wait(absl::Seconds(90)), 0);
    EXPECT_EQ(shelf_->got, shelf_->put);
    EXPECT_EQ(shelf_->got_sum, shelf_->put_sum);
    std::printf("capacity %lld: %llu items\n", static_cast<long long>(capacity),
                static_cast<unsigned long long>(shelf_->got));
  }
}

TEST_P(Disturbed, ALockExcludesAndIsNeverLost) {
  Lock lock = *Lock::Create();
  std::vector<ForkedChild> actors;
  for (int i = 0; i < 3; ++i) {
    actors.emplace_back([&] {
      BeginActor();
      uint64_t mine = 0;
      for (; !shelf_->end; ++mine) {
        const absl::StatusOr<Acquired> acquired = lock.Acquire(Watchdog());
        REGATTA_CHILD_REQUIRE(acquired.ok() && !acquired->previous_owner_died.has_value());
        ++shelf_->counter;
        shelf_->got += 1;
        REGATTA_CHILD_REQUIRE(lock.Release().ok());
      }
      shelf_->counted += mine;
      return 0;
    });
  }
  Disturb(actors, Disturbances(60), [&] { return shelf_->got.load(); });
  shelf_->end = true;
  for (ForkedChild& actor : actors) EXPECT_EQ(actor.Wait(absl::Seconds(90)), 0);
  EXPECT_EQ(shelf_->counter, shelf_->counted);
  std::printf("%llu times acquired\n", static_cast<unsigned long long>(shelf_->counted));
}

// --- Processes: signals ---

TEST(Interrupted, AStartAndAJoinAreAsEver) {
  const int rounds = Disturbances(30);
  ForkedChild creator([&] {
    InterruptOften(kPeriod);
    for (int i = 0; i < rounds; ++i) {
      for (const StartMethod method : kAllStartMethods) {
        Queue<int> gate = *Queue<int>::Create();
        absl::StatusOr<Process> process = Process::Start(
            {.method = method},
            [](Queue<int> gate) {
              InterruptOften(kPeriod);
              return gate.Get().value_or(99);
            },
            gate);
        if (!process.ok()) std::fprintf(stderr, "%s\n", process.status().ToString().c_str());
        REGATTA_CHILD_REQUIRE(process.ok());
        const Deadline deadline = Deadline::After(absl::Milliseconds(3));
        REGATTA_CHILD_REQUIRE(absl::IsDeadlineExceeded(process->Join(deadline).status()) && deadline.passed());
        REGATTA_CHILD_REQUIRE(gate.Put(i % 100).ok());
        const absl::StatusOr<ExitStatus> end = process->Join(Watchdog());
        if (!end.ok()) std::fprintf(stderr, "%s\n", end.status().ToString().c_str());
        REGATTA_CHILD_REQUIRE(end.ok() && end->exit_code() == i % 100);
      }
    }
    return 0;
  });
  EXPECT_EQ(creator.Wait(absl::Seconds(60) + rounds * absl::Seconds(1)), 0);
}

// --- Pools ---

enum class PoolCall { kMap, kImap, kImapUnordered, kCallbacks, kJoin, kTerminate };
constexpr const char* kPoolCallNames[] = {"Map",          "Imap",     "ImapUnordered", "ApplyAsyncWithCallbacks",
                                          "CloseAndJoin", "Terminate"};
constexpr int kItems = 300;

// Odd ones are of no length, others of some 30 us; some have a result that doesn't fit into its slot.
std::string Work(int number) {
  static const bool interrupted = [] {
    const bool yes = std::getenv("REGATTA_INTERRUPT_WORKERS") != nullptr;
    if (yes) InterruptOften(kPeriod);
    return yes;
  }();
  (void)interrupted;
  if (number % 2 == 0) {
    const int64_t end = MonotonicNanos() + 30'000;
    while (MonotonicNanos() < end) {
    }
  }
  return std::to_string(number) + std::string(number % 16 == 3 ? 300 : 0, 'x');
}

class PoolDisturbed : public testing::TestWithParam<std::tuple<PoolCall, Disturbance>> {
 protected:
  static constexpr int kWorkers = 3;

  void SetUp() override {
    if (disturbance() != Disturbance::kInterrupt) return;
    ASSERT_EQ(setenv("REGATTA_INTERRUPT_WORKERS", "1", 1), 0);
    InterruptOften(kPeriod);
  }
  void TearDown() override {
    if (disturbance() != Disturbance::kInterrupt) return;
    InterruptOften(absl::ZeroDuration());
    ASSERT_EQ(unsetenv("REGATTA_INTERRUPT_WORKERS"), 0);
  }
  PoolCall call() const { return std::get<0>(GetParam()); }
  Disturbance disturbance() const { return std::get<1>(GetParam()); }

  // True: it is a result of `number`. False: of a task that died with its worker.
  bool Check(const absl::StatusOr<std::string>& result, int number) {
    if (result.ok()) {
      EXPECT_EQ(*result, Work(number));
      return true;
    }
    EXPECT_TRUE(DeathOf(result.status()).has_value() && disturbance() == Disturbance::kKill) << result.status();
    return false;
  }
  // One call, whole; returns how many tasks died.
  int Run(Pool& pool) {
    std::vector<int> numbers(kItems);
    std::iota(numbers.begin(), numbers.end(), 0);
    int died = 0;
    switch (call()) {
      case PoolCall::kMap: {
        const absl::StatusOr<std::vector<std::string>> all = pool.Map(Work, numbers, {.chunk = 5});
        if (!all.ok()) return Check(all.status(), 0) ? 0 : 1;
        EXPECT_EQ(all->size(), numbers.size());
        for (int i = 0; i < kItems; ++i) Check((*all)[static_cast<size_t>(i)], i);
        break;
      }
      case PoolCall::kImap:
      case PoolCall::kImapUnordered: {
        const bool ordered = call() == PoolCall::kImap;
        auto results = ordered ? pool.Imap(Work, numbers) : pool.ImapUnordered(Work, numbers);
        EXPECT_THAT(results, IsOk());
        absl::StatusOr<std::string> item;
        std::vector<int> seen(kItems);
        int count = 0;
        for (; *results->Next(&item, Watchdog()); ++count) {
          const int number = ordered ? count : item.ok() ? std::atoi(item->c_str()) : 0;
          if (Check(item, number)) {
            ++seen[static_cast<size_t>(number)];
          } else {
            ++died;
          }
        }
        EXPECT_EQ(count, kItems);
        for (const int times : seen) EXPECT_LE(times, 1);
        break;
      }
      default:
        died = RunCallbacks(pool);
    }
    return died;
  }
  int RunCallbacks(Pool& pool) {
    // Outlives the pool, whose last callbacks run in its end.
    auto good = std::make_shared<std::atomic<int>>(0);
    auto bad = std::make_shared<std::atomic<int>>(0);
    const TaskOptions<std::string> counted{.callback = [good](const std::string&) { ++*good; },
                                           .error_callback = [bad](const absl::Status&) { ++*bad; }};
    std::vector<AsyncResult<std::string>> results;
    for (int i = 0; i < kItems; ++i) results.push_back(*pool.ApplyAsync(counted, Work, i));
    int died = 0;
    if (call() == PoolCall::kTerminate) {
      const absl::Status ended = pool.Terminate();
      EXPECT_THAT(ended, IsOk());
      for (int i = 0; i < kItems; ++i) {
        const absl::StatusOr<std::string> result = results[static_cast<size_t>(i)].Get(Watchdog());
        if (!absl::IsCancelled(result.status())) died += Check(result, i) ? 0 : 1;
      }
    } else {
      if (call() == PoolCall::kJoin) {
        EXPECT_THAT(pool.Close(), IsOk());
        const absl::Status joined = pool.Join(Watchdog());
        EXPECT_THAT(joined, IsOk());
      }
      for (int i = 0; i < kItems; ++i) {
        died += Check(results[static_cast<size_t>(i)].Get(Watchdog()), i) ? 0 : 1;
      }
      EXPECT_TRUE(Eventually([&] { return *good + *bad == kItems; }));
      EXPECT_EQ(*bad, died);
    }
    EXPECT_TRUE(Eventually([&] { return *good + *bad == kItems; })) << "each callback once";
    return died;
  }
};
INSTANTIATE_TEST_SUITE_P(Calls, PoolDisturbed,
                         testing::Combine(testing::Values(PoolCall::kMap, PoolCall::kImap, PoolCall::kImapUnordered,
                                                          PoolCall::kCallbacks, PoolCall::kJoin, PoolCall::kTerminate),
                                          testing::Values(Disturbance::kKill, Disturbance::kStop,
                                                          Disturbance::kInterrupt)),
                         [](const auto& info) {
                           return std::string(kPoolCallNames[static_cast<int>(std::get<0>(info.param))]) +
                                  DisturbanceName(std::get<1>(info.param));
                         });

TEST_P(PoolDisturbed, EachTaskHasOneOutcomeAndThePoolEnds) {
  const bool ends = call() == PoolCall::kJoin || call() == PoolCall::kTerminate;
  const int wanted = Disturbances(12);
  std::atomic<int> disturbed{0};
  int died = 0;
  int calls = 0;
  const std::set<int32_t> before = ChildrenOf(getpid());
  std::mt19937 random = Random();
  std::optional<Pool> pool;
  while (disturbed < wanted) {
    if (!pool.has_value()) {
      absl::StatusOr<Pool> made = Pool::Create({.workers = kWorkers});
      ASSERT_THAT(made, IsOk());
      pool.emplace(*std::move(made));
      EXPECT_THAT(pool->Apply(Work, 1), IsOkAndHolds(Work(1)));
    }
    std::atomic<bool> end{false};
    const uint64_t died_before = pool->statistics().workers_died;
    int hits = 0;
    std::set<int32_t> killed;  // One that is dead already may still be among the pool's.
    std::thread other([&] {
      while (!end && hits < 4) {
        LetPass(random, 3000);
        const std::vector<int32_t> pids = pool->statistics().pids;
        if (pids.empty() || end) continue;
        const int32_t pid = pids[random() % pids.size()];
        if (disturbance() == Disturbance::kKill) {
          if (killed.insert(pid).second && kill(pid, SIGKILL) == 0) ++hits;
        } else if (disturbance() == Disturbance::kStop) {
          if (kill(pid, SIGSTOP) != 0) continue;
          LetPass(random, 3000);
          kill(pid, SIGCONT);
          ++hits;
        } else {
          ++hits;  // They come by themselves.
        }
      }
    });
    const int now = Run(*pool);
    ++calls;
    end = true;
    other.join();
    died += now;
    disturbed += std::max(hits, 1);
    EXPECT_LE(now, hits) << "no more than one task for each death";
    if (ends) {
      pool.reset();
      EXPECT_EQ(ChildrenOf(getpid()), before) << "its processes have ended";
    } else if (disturbance() == Disturbance::kKill) {
      EXPECT_TRUE(Eventually([&] {
        return pool->statistics().workers_died - died_before == static_cast<uint64_t>(hits) &&
               pool->statistics().pids.size() == kWorkers;
      }));
    } else {
      EXPECT_EQ(pool->statistics().workers_died, 0u);
    }
  }
  std::printf("%d calls of %d tasks, %d times disturbed, %d tasks died\n", calls, kItems, disturbed.load(), died);
}

// --- Creators ---

// The creator of processes by each method, and of a pool, is killed at a random moment; what is daemonic is gone.
TEST(CreatorsKilled, LeaveNobodyBehind) {
  std::mt19937 random = Random();
  const int rounds = Disturbances(25);
  int most = 0;
  for (int round = 0; round < rounds; ++round) {
    Queue<int32_t> begun = *Queue<int32_t>::Create();
    ForkedChild creator([&] {
      std::vector<Process> children;
      std::unique_ptr<Pool> pool;
      const auto wait_for_ever = [](Queue<int32_t> begun) {
        begun.Put(getpid()).IgnoreError();
        for (;;) pause();
      };
      for (;;) {
        for (const StartMethod method : kAllStartMethods) {
          absl::StatusOr<Process> child = Process::Start({.method = method, .daemon = true}, wait_for_ever, begun);
          REGATTA_CHILD_REQUIRE(child.ok());
          children.push_back(*std::move(child));
        }
        absl::StatusOr<Pool> made = Pool::Create({.workers = 2});
        REGATTA_CHILD_REQUIRE(made.ok());
        for (const int32_t pid : made->statistics().pids) begun.Put(pid).IgnoreError();
        for (int i = 0; i < 100; ++i) made->ApplyAsync(Work, i).IgnoreError();
        pool = std::make_unique<Pool>(*std::move(made));
        if (children.size() < 30) continue;
        for (Process& child : children) {
          REGATTA_CHILD_REQUIRE(child.Kill().ok() && child.Join(Watchdog()).ok());
        }
        children.clear();
      }
      return 0;
    });
    LetPass(random, 60'000);
    creator.Kill();
    EXPECT_EQ(creator.Wait(), -SIGKILL);
    int seen = 0;
    std::vector<int32_t> pids;
    for (;;) {
      const absl::StatusOr<int32_t> pid = begun.TryGet();
      if (!pid.ok()) break;
      pids.push_back(*pid);
    }
    for (const int32_t pid : pids) {
      EXPECT_TRUE(Eventually([&] { return Gone(pid); })) << "process " << pid << " outlives its creator";
      ++seen;
    }
    most = std::max(most, seen);
  }
  std::printf("%d creators killed, up to %d children of one\n", rounds, most);
}

}  // namespace
}  // namespace regatta
