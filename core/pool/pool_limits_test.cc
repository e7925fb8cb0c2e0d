// What grows with the number of waiting threads, with the size of results, and with what a task does to its process:
// nothing that should not.
#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <latch>
#include <memory>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/ipc/queue.h"
#include "core/pool/pool.h"
#include "core/testing/forked_child.h"
#include "core/testing/pool_tasks.h"
#include "core/testing/pool_witness.h"
#include "core/testing/process_witness.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr size_t kMebibyte = size_t{1} << 20;

size_t Length(const std::string& text) { return text.size(); }
std::string LargeUnlessThree(int i) {
  if (i == 3) throw i;
  return std::string(30 * kMebibyte, static_cast<char>('a' + i));
}

TEST(ThreadsThatWaitForResults, AreWokenForTheirOwn) {
  constexpr int kThreads = 64;
  Pool pool = MakePool(1);
  Queue<int> gate = *Queue<int>::Create();
  std::atomic<int32_t> ids[kThreads] = {};
  std::atomic<int> got{0};
  std::latch end(1);
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    const AsyncResult<int> held =
        *pool.ApplyAsync([](Queue<int> gate, int i) { return gate.Get().ok() ? i : -1; }, gate, i);
    threads.emplace_back([&, held, i] {
      ids[i] = ThisThreadId();
      EXPECT_THAT(held.Get(Watchdog()), IsOkAndHolds(i));
      ++got;
      end.wait();
    });
  }
  for (const auto& id : ids) ASSERT_TRUE(Eventually([&] { return id != 0 && IsAsleep(id); }));
  const auto switches = [&] {
    int64_t all = 0;
    for (const auto& id : ids) {
      all += ProcNumber(absl::StrCat("/proc/self/task/", id.load(), "/status"), "voluntary_ctxt_switches");
    }
    return all;
  };
  const int64_t before = switches();
  for (int i = 0; i < kThreads; ++i) {
    ASSERT_THAT(gate.Put(i), IsOk());
    ASSERT_TRUE(Eventually([&] { return got == i + 1; }));
  }
  const int64_t each = (switches() - before) / kThreads;
  end.count_down();
  for (std::thread& thread : threads) thread.join();
  std::printf("%lld switches of %d waiting threads for each result\n", static_cast<long long>(each), kThreads);
  EXPECT_LE(each, 8) << "one wakes for its result, one collects it, and one may take that over";
}

TEST(MemoryForLargeValues, IsGivenBackOnceThePoolIsIdle) {
  Pool pool = MakePool(2);
  const absl::StatusOr<std::unique_ptr<Board>> board = FindBoard();
  ASSERT_THAT(board, IsOk());
  const auto taken = [&] { return (*board)->arena().taken() * kChunkBytes; };
  {
    std::vector<AsyncResult<std::string>> results;
    for (int i = 0; i < 4; ++i) results.push_back(*pool.ApplyAsync(Large, 20 * kMebibyte));
    for (auto& result : results) ASSERT_TRUE(result.Wait(Watchdog()));
    EXPECT_GE(taken(), 80 * kMebibyte) << "results that nobody has read yet stay where they are";
    for (auto& result : results) EXPECT_EQ(std::move(result).Get()->size(), 20 * kMebibyte);
  }
  EXPECT_THAT(pool.Apply(Length, Large(20 * kMebibyte)), IsOkAndHolds(20 * kMebibyte));
  EXPECT_TRUE(Eventually([&] { return taken() <= 4 * kMebibyte; })) << taken() / kMebibyte << " MiB";
  EXPECT_THAT(pool.Apply(Length, Large(kMebibyte)), IsOkAndHolds(kMebibyte));
}

TEST(AChunk, IsSplitByTheBytesOfItsResultsAndArguments) {
  Pool pool = MakePool(1);
  const std::vector<int> numbers = {0, 1, 2, 3, 4};
  auto results = pool.Imap(LargeUnlessThree, numbers, {.chunk = 5});
  ASSERT_THAT(results, IsOk());
  absl::StatusOr<std::string> item;
  for (const int i : numbers) {
    ASSERT_TRUE(*results->Next(&item, Watchdog()));
    ASSERT_EQ(item.ok(), i != 3) << item.status();
    if (i == 3) continue;
    EXPECT_EQ(item->size(), 30 * kMebibyte);
    EXPECT_EQ(item->front(), 'a' + i);
    EXPECT_EQ(item->back(), 'a' + i);
  }
  EXPECT_FALSE(*results->Next(&item, Watchdog()));
  EXPECT_EQ(pool.statistics().tasks_done, 1u) << "the calls have travelled together";
  const auto map = pool.Map(LargeUnlessThree, std::vector<int>{2, 1, 0}, {.chunk = 3});
  ASSERT_THAT(map, IsOk());
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ((*map)[i].back(), static_cast<char>('c' - i));
  const auto lengths = pool.Map(Length, std::vector<std::string>(3, Large(30 * kMebibyte)), {.chunk = 3});
  ASSERT_THAT(lengths, IsOk());
  EXPECT_EQ(*lengths, std::vector<size_t>(3, 30 * kMebibyte));
  EXPECT_EQ(pool.statistics().tasks_done, 4u) << "three arguments of 30 MiB are two tasks";
}

// Descriptors of the core's then have the numbers of the user's files.
int CloseAllAndOpen(const std::string& path) {
  for (int fd = 3; fd < 4096; ++fd) close(fd);
  int last = 0;
  for (int i = 0; i < 1024; ++i) last = std::max(last, open(path.c_str(), O_RDWR | O_APPEND | O_CLOEXEC));
  return last;
}

TEST(ATaskThatClosesAllDescriptors, HarmsNeitherTheFilesThatItOpensNorOtherTasks) {
  char path[] = "/tmp/regatta_pool_limits_XXXXXX";
  const int file = mkstemp(path);
  ASSERT_GE(file, 0);
  ASSERT_EQ(write(file, "the user's", 10), 10);
  close(file);
  {
    Pool pool = MakePool(1);
    Queue<int> queue = *Queue<int>::Create();
    const auto put = [](Queue<int> queue) { return queue.Put(1).ok(); };
    EXPECT_TRUE(*pool.Apply(put, queue));
    ASSERT_GT(*pool.Apply(CloseAllAndOpen, std::string(path)), 3);
    std::atomic<int> called{0};
    for (int i = 0; i < 50; ++i) {
      ASSERT_THAT(pool.ApplyAsync(TaskOptions<int>{.callback = [&](const int&) { ++called; }}, Square, i), IsOk());
      ASSERT_TRUE(Eventually([&] { return called == i + 1; }));
    }
    // What needs a descriptor fails in words, or works.
    for (int i = 0; i < 5; ++i) {
      const auto large = pool.ApplyAsync(Large, 3 * kMebibyte)->Get(Watchdog());
      EXPECT_TRUE(large.ok() || absl::IsFailedPrecondition(large.status()) || absl::IsResourceExhausted(large.status()))
          << large.status();
      const auto passed = pool.ApplyAsync(put, queue)->Get(Watchdog());
      EXPECT_TRUE(passed.ok() || absl::IsFailedPrecondition(passed.status())) << passed.status();
    }
    EXPECT_THAT(pool.Apply(Square, 7), IsOkAndHolds(49));
  }
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  EXPECT_EQ(text.str(), "the user's");
  EXPECT_EQ(unlink(path), 0);
}

}  // namespace
}  // namespace regatta
