// What a pool costs while it does nothing, and that it keeps nothing of what it did.
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/ipc/queue.h"
#include "core/os/deadline.h"
#include "core/os/futex.h"
#include "core/pool/pool.h"
#include "core/testing/forked_child.h"
#include "core/testing/pool_tasks.h"
#include "core/testing/process_witness.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

int64_t PrivateKiB(int32_t pid) { return ProcNumber(absl::StrCat("/proc/", pid, "/smaps_rollup"), "Private_"); }
int64_t ResidentKiB() { return ProcNumber("/proc/self/status", "VmRSS"); }
// Voluntary switches of all threads of a process: each is a wake-up that ended in sleep again.
int64_t WakeUps(int32_t pid) {
  int64_t all = 0;
  for (const auto& task : std::filesystem::directory_iterator(absl::StrCat("/proc/", pid, "/task"))) {
    all += ProcNumber((task.path() / "status").string(), "voluntary_ctxt_switches");
  }
  return all;
}
// User and system time of all its threads, in the kernel's ticks of 10 ms.
int64_t CpuTicks(int32_t pid) {
  std::ifstream file(absl::StrCat("/proc/", pid, "/stat"));
  std::string text;
  std::getline(file, text);
  std::istringstream rest(text.substr(text.rfind(')') + 1));
  std::string field;
  for (int i = 3; i < 14; ++i) rest >> field;
  int64_t user = 0;
  int64_t system = 0;
  rest >> user >> system;
  return user + system;
}

class PoolMemory : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(StartMethods, PoolMemory, testing::ValuesIn(kAllStartMethods),
                         [](const auto& method) { return std::string(StartMethodName(method.param)); });

// What counts is what the process alone has: Private_Clean + Private_Dirty (+ Private_Hugetlb) of smaps_rollup. The
// board and pages still shared with the parent or another worker are in none of them.
TEST_P(PoolMemory, AnIdleWorkerHasLessThanThreeMebibytesOfItsOwn) {
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 2, .method = GetParam()});
  ASSERT_THAT(pool, IsOk());
  std::vector<int> numbers(10000, 3);
  ASSERT_THAT(pool->Map(Square, numbers, {.chunk = 1}), IsOk());
  for (const int32_t pid : pool->statistics().pids) {
    ASSERT_TRUE(Eventually([&] { return IsAsleep(pid); }));
    const int64_t kib = PrivateKiB(pid);
    RecordProperty("private_kib", absl::StrCat(kib));
    std::printf("a worker started by %s: %lld KiB private\n", std::string(StartMethodName(GetParam())).c_str(),
                static_cast<long long>(kib));
    EXPECT_GT(kib, 0);
    EXPECT_LT(kib, 3 * 1024);
  }
}

TEST(PoolMemoryOfTheOwner, AMillionTasksLeaveItWhereItWas) {
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 2});
  ASSERT_THAT(pool, IsOk());
  const auto run = [&](int tasks) {
    std::vector<AsyncResult<int>> under_way(1000);
    for (int i = 0; i < tasks; ++i) {
      AsyncResult<int>& place = under_way[static_cast<size_t>(i) % under_way.size()];
      if (i >= 1000) {
        ASSERT_THAT(place.Get(), IsOkAndHolds((i % 1000) * (i % 1000)));
      }
      place = *pool->ApplyAsync(Square, i % 1000);
    }
    for (AsyncResult<int>& place : under_way) ASSERT_THAT(place.Get(), IsOk());
    for (int i = 0; i < tasks / 1000; ++i) ASSERT_EQ(pool->Apply(Large, 100'000)->size(), 100'000u);
  };
  run(50'000);
  const int64_t before = ResidentKiB();
  run(1'000'000);
  const int64_t after = ResidentKiB();
  std::printf("resident before a million tasks: %lld KiB, after: %lld KiB\n", static_cast<long long>(before),
              static_cast<long long>(after));
  EXPECT_LT(after - before, 1024) << "KiB";
  EXPECT_EQ(pool->statistics().tasks_done, 1'050'000u + 1'050);
}

TEST(PoolMemoryOfTheOwner, ALargeBacklogLeavesLittleOnceThePoolIsIdle) {
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 1});
  ASSERT_THAT(pool, IsOk());
  ASSERT_THAT(pool->Apply(Square, 2), IsOkAndHolds(4));
  const int64_t before = ResidentKiB();
  int64_t most = 0;
  Queue<int> gate = *Queue<int>::Create();
  {
    // The worker stands still meanwhile, so that they do wait.
    const auto held = *pool->ApplyAsync([](Queue<int> gate) { return gate.Get().value_or(-1); }, gate);
    std::vector<AsyncResult<int>> results;
    for (int i = 0; i < 200'000; ++i) results.push_back(*pool->ApplyAsync(Square, i % 1000));
    most = ResidentKiB();
    ASSERT_THAT(gate.Put(1), IsOk());
    for (int i = 0; i < 200'000; ++i)
      ASSERT_THAT(results[static_cast<size_t>(i)].Get(), IsOkAndHolds((i % 1000) * (i % 1000)));
  }
  EXPECT_GT(most - before, 24 * 1024) << "KiB: or the test shows nothing";
  EXPECT_TRUE(Eventually([&] { return ResidentKiB() - before < 8 * 1024; }))
      << ResidentKiB() - before << " KiB are kept of " << most - before;
}

TEST(PoolDescriptors, AreWhatTheyWereAfterItsLife) {
  for (const StartMethod method : kAllStartMethods) {
    const auto live = [&] {
      absl::StatusOr<Pool> pool = Pool::Create({.workers = 2, .method = method});
      ASSERT_THAT(pool, IsOk());
      bool called = false;
      ASSERT_THAT(pool->ApplyAsync(TaskOptions<int>{.callback = [&](const int&) { called = true; }}, Square, 2),
                  IsOk());
      ASSERT_THAT(pool->Close(), IsOk());
      ASSERT_THAT(pool->Join(), IsOk());
      EXPECT_TRUE(called);
    };
    live();  // What a process opens once, it has opened.
    const std::multiset<std::string> open = OpenDescriptors();
    const std::set<int32_t> children = ChildrenOf(getpid());
    const std::set<std::string> names = SharedMemoryNames();
    for (int i = 0; i < 3; ++i) live();
    EXPECT_EQ(OpenDescriptors(), open);
    EXPECT_EQ(ChildrenOf(getpid()), children);
    EXPECT_EQ(SharedMemoryNames(), names);
  }
}

// Sleeps for as long as that: what is measured needs it.
void Sleep(absl::Duration time) {
  std::atomic<uint32_t> nobody_wakes{0};
  FutexWait(nobody_wakes, 0, Deadline::After(time));
}

// A sleeper looks after 50 ms, and then once a second; it is told, all the same.
TEST(ASleepingOwner, IsWokenByTheResultAndNotByItsNextLook) {
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 1});
  ASSERT_THAT(pool, IsOk());
  Queue<int> gate = *Queue<int>::Create();
  absl::Duration best = absl::InfiniteDuration();
  for (int round = 0; round < 3; ++round) {
    AsyncResult<int> held = *pool->ApplyAsync([](Queue<int> gate) { return gate.Get().value_or(-1); }, gate);
    std::atomic<int32_t> id{0};
    int64_t there = 0;
    std::thread waiter([&] {
      id = ThisThreadId();
      EXPECT_THAT(held.Get(), IsOkAndHolds(7));
      there = MonotonicNanos();
    });
    EXPECT_TRUE(Eventually([&] { return id != 0 && IsAsleep(id); }));
    Sleep(absl::Milliseconds(120));
    const int64_t opened = MonotonicNanos();
    EXPECT_THAT(gate.Put(7), IsOk());
    waiter.join();
    best = std::min(best, absl::Nanoseconds(there - opened));
  }
  EXPECT_LT(best, absl::Milliseconds(500)) << "the shortest of three; the next look is some 900 ms away";
}

TEST(AnIdlePool, SleepsAndLooksAtMostOnceASecond) {
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 2});
  ASSERT_THAT(pool, IsOk());
  ASSERT_THAT(pool->Map(Square, std::vector<int>(1000, 2), {.chunk = 1}), IsOk());
  // From here on the test itself only sleeps, for the time that is measured.
  Sleep(absl::Milliseconds(300));  // A waiter's first look after falling asleep is sooner than the others.
  std::set<int32_t> pids = ChildrenOf(getpid());  // Workers and nursery.
  ASSERT_GE(pids.size(), 3u);
  pids.insert(getpid());
  std::map<int32_t, int64_t> wake_ups;
  std::map<int32_t, int64_t> ticks;
  for (const int32_t pid : pids) {
    wake_ups[pid] = WakeUps(pid);
    ticks[pid] = CpuTicks(pid);
  }
  Sleep(absl::Milliseconds(2200));
  for (const int32_t pid : pids) {
    const int64_t woken = WakeUps(pid) - wake_ups[pid];
    std::printf("process %d: %lld wake-ups in 2.2 s\n", pid, static_cast<long long>(woken));
    EXPECT_LE(woken, 4) << "of process " << pid;
    EXPECT_LE(CpuTicks(pid) - ticks[pid], 1) << "of process " << pid;
  }
}

}  // namespace
}  // namespace regatta
