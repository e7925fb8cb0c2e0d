// Something has run out, at each call of the upper layers that needs it: the error is ResourceExhausted and names the
// thing and the way out, nothing leaks, what exists stays usable, and once there is room again the call succeeds.
//
// The calls below, closer: ipc/queue_process_test, ipc/queue_memory_test (a queue's own limit),
// process/process_exhaustion_test (starts by each method), shm/arena_test, os/memfd_test (the machine's and the
// cgroup's memory).
#include <signal.h>
#include <unistd.h>

#include <cstdio>
#include <functional>
#include <numeric>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "core/ipc/queue.h"
#include "core/os/error.h"
#include "core/os/fd.h"
#include "core/pool/pool.h"
#include "core/process/process.h"
#include "core/sync/lock.h"
#include "core/testing/forked_child.h"
#include "core/testing/pool_tasks.h"
#include "core/testing/process_witness.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

size_t Length(const std::string& text) { return text.size(); }
int PutOne(Queue<int> queue, int item) { return queue.Put(item).ok() ? 1 : 0; }

// Says on stderr what it is instead.
bool IsExhausted(const absl::Status& status, const std::string& way_out) {
  const bool holds = absl::IsResourceExhausted(status) && absl::StrContains(status.message(), way_out);
  if (!holds) std::fprintf(stderr, "not an exhaustion with '%s': %s\n", way_out.c_str(), status.ToString().c_str());
  return holds;
}

// Takes all numbers of descriptors but `room` of them.
std::vector<Fd> TakeDescriptors(int room) {
  std::vector<Fd> taken;
  for (;;) {
    Fd fd(dup(STDERR_FILENO));
    if (!fd.valid()) break;
    taken.push_back(std::move(fd));
  }
  for (int i = 0; i < room && !taken.empty(); ++i) taken.pop_back();
  return taken;
}

// Calls `call` with no descriptor left, with one, with two, and so on until it succeeds.
int AtEachNumberOfDescriptors(const std::function<absl::Status()>& call) {
  REGATTA_CHILD_REQUIRE(call().ok());  // What is opened once is open then.
  REGATTA_CHILD_REQUIRE(call().ok());
  LimitDescriptors(96);
  const std::multiset<std::string> open = OpenDescriptors();
  const std::set<int32_t> children = ChildrenOf(getpid());
  int refused = 0;
  for (int room = 0;; ++room) {
    REGATTA_CHILD_REQUIRE(room < 60);
    std::vector<Fd> taken = TakeDescriptors(room);
    const absl::Status status = call();
    taken.clear();
    REGATTA_CHILD_REQUIRE(OpenDescriptors() == open);
    REGATTA_CHILD_REQUIRE(ChildrenOf(getpid()) == children);
    if (status.ok()) break;
    REGATTA_CHILD_REQUIRE(IsExhausted(status, "ulimit -n"));
    ++refused;
  }
  REGATTA_CHILD_REQUIRE(refused >= 1);
  std::printf("refused with up to %d descriptors left\n", refused - 1);
  return 0;
}

TEST(ExhaustionOfDescriptors, AtTheMakingOfAQueue) {
  ForkedChild child([] { return AtEachNumberOfDescriptors([] { return Queue<int>::Create(3).status(); }); });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(ExhaustionOfDescriptors, AtTheMakingOfALock) {
  ForkedChild child([] { return AtEachNumberOfDescriptors([] { return Lock::Create().status(); }); });
  EXPECT_EQ(child.Wait(), 0);
}

class ExhaustionByMethod : public testing::TestWithParam<StartMethod> {};
INSTANTIATE_TEST_SUITE_P(Methods, ExhaustionByMethod, testing::ValuesIn(kAllStartMethods),
                         [](const auto& info) { return std::string(StartMethodName(info.param)); });

TEST_P(ExhaustionByMethod, OfDescriptorsAtTheMakingOfAPool) {
  const StartMethod method = GetParam();
  ForkedChild child([method] {
    return AtEachNumberOfDescriptors([method]() -> absl::Status {
      absl::StatusOr<Pool> pool = Pool::Create({.workers = 2, .method = method});
      if (!pool.ok()) return pool.status();
      const absl::StatusOr<int> nine = pool->Apply(Square, 3);
      return nine.ok() && *nine != 9 ? absl::InternalError("a wrong result") : nine.status();
    });
  });
  EXPECT_EQ(child.Wait(absl::Seconds(60)), 0);
}

// The pool's first tasks of all, which need memory for slots and arguments.
TEST(ExhaustionOfDescriptors, ForAMomentAsTasksAreSubmittedHoldsUpNone) {
  ForkedChild child([] {
    Pool pool = *Pool::Create({.workers = 2});
    LimitDescriptors(96);
    std::vector<Fd> taken = TakeDescriptors(0);
    std::vector<AsyncResult<size_t>> accepted;
    for (int i = 0; i < 300; ++i) {
      absl::StatusOr<AsyncResult<size_t>> result = pool.ApplyAsync(Length, Large(i % 10 == 0 ? 300'000 : 5));
      if (result.ok()) accepted.push_back(*std::move(result));
    }
    REGATTA_CHILD_REQUIRE(accepted.size() >= 270);  // Small ones need nothing.
    taken.clear();
    for (const auto& result : accepted) REGATTA_CHILD_REQUIRE(result.Get(Watchdog()).ok());
    for (int i = 0; i < 300; ++i) REGATTA_CHILD_REQUIRE(*pool.Apply(Length, Large(i % 10 == 0 ? 300'000 : 5)) > 0);
    REGATTA_CHILD_REQUIRE(pool.Close().ok() && pool.Join(Watchdog()).ok());
    return 0;
  });
  EXPECT_EQ(child.Wait(absl::Seconds(60)), 0);
}

TEST(ExhaustionOfDescriptors, AtATaskThatIsGivenAQueue) {
  ForkedChild child([] {
    Pool pool = *Pool::Create({.workers = 1});
    Queue<int> queue = *Queue<int>::Create();
    REGATTA_CHILD_REQUIRE(*pool.Apply(Square, 1) == 1);
    const std::multiset<std::string> open = OpenDescriptors();
    REGATTA_CHILD_REQUIRE(*pool.Apply(PutOne, queue, 1) == 1);
    LimitDescriptors(96);
    std::vector<Fd> taken = TakeDescriptors(0);
    REGATTA_CHILD_REQUIRE(IsExhausted(pool.Apply(PutOne, queue, 2).status(), "ulimit -n"));
    REGATTA_CHILD_REQUIRE(*pool.Apply(Square, 4) == 16);  // Tasks that are given none go on.
    std::vector<int> numbers(1000);
    std::iota(numbers.begin(), numbers.end(), 0);
    REGATTA_CHILD_REQUIRE(pool.Map(Square, numbers)->back() == 999 * 999);
    taken.clear();
    // The pool's thread closes its copies of what it sent after the worker has received them.
    REGATTA_CHILD_REQUIRE(Eventually([&] { return OpenDescriptors() == open; }));
    REGATTA_CHILD_REQUIRE(*pool.Apply(PutOne, queue, 3) == 1);
    REGATTA_CHILD_REQUIRE(*queue.Get() == 1 && *queue.Get() == 3 && queue.empty());
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

// A worker dies while no descriptor is left to replace it with: the other goes on, and there are two again once there
// is room.
TEST(ExhaustionOfDescriptors, AtTheReplacingOfAWorker) {
  ForkedChild child([] {
    Pool pool = *Pool::Create({.workers = 2});
    REGATTA_CHILD_REQUIRE(*pool.Apply(Square, 2) == 4);
    LimitDescriptors(96);
    std::vector<Fd> taken = TakeDescriptors(0);
    REGATTA_CHILD_REQUIRE(kill(pool.statistics().pids[0], SIGKILL) == 0);
    REGATTA_CHILD_REQUIRE(Eventually([&] { return pool.statistics().workers_died == 1; }));
    for (int i = 0; i < 100; ++i) REGATTA_CHILD_REQUIRE(*pool.Apply(Square, i) == i * i);
    taken.clear();
    REGATTA_CHILD_REQUIRE(Eventually([&] { return pool.statistics().pids.size() == 2; }));
    REGATTA_CHILD_REQUIRE(*pool.Apply(Square, 5) == 25);
    return 0;
  });
  EXPECT_EQ(child.Wait(absl::Seconds(60)), 0);
}

TEST_P(ExhaustionByMethod, OfProcessesAtTheMakingOfAPool) {
  const StartMethod method = GetParam();
  ForkedChild child([method] {
    { REGATTA_CHILD_REQUIRE(Pool::Create({.workers = 1, .method = method}).ok()); }
    const std::multiset<std::string> open = OpenDescriptors();
    const std::set<int32_t> children = ChildrenOf(getpid());
    RefuseNewProcesses();
    REGATTA_CHILD_REQUIRE(IsExhausted(Pool::Create({.workers = 2, .method = method}).status(), "pids.max"));
    REGATTA_CHILD_REQUIRE(OpenDescriptors() == open && ChildrenOf(getpid()) == children);
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

// The pool's small process is there, and can make no workers.
TEST(ExhaustionOfProcesses, AtTheFirstWorker) {
  ForkedChild child([] {
    { REGATTA_CHILD_REQUIRE(Pool::Create({.workers = 1}).ok()); }
    const std::multiset<std::string> open = OpenDescriptors();
    const std::set<int32_t> children = ChildrenOf(getpid());
    RefuseClone3();
    REGATTA_CHILD_REQUIRE(IsExhausted(Pool::Create({.workers = 2}).status(), "pids.max"));
    REGATTA_CHILD_REQUIRE(OpenDescriptors() == open && ChildrenOf(getpid()) == children);
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(ExhaustionOfMemory, AtTheMakingOfEachObject) {
  ForkedChild child([] {
    { REGATTA_CHILD_REQUIRE(Pool::Create({.workers = 1}).ok()); }
    const std::multiset<std::string> open = OpenDescriptors();
    const std::set<int32_t> children = ChildrenOf(getpid());
    RefuseMemory();
    REGATTA_CHILD_REQUIRE(IsExhausted(Queue<int>::Create().status(), "memory.max"));
    REGATTA_CHILD_REQUIRE(IsExhausted(Lock::Create().status(), "memory.max"));
    for (const StartMethod method : kAllStartMethods) {
      REGATTA_CHILD_REQUIRE(IsExhausted(Pool::Create({.workers = 2, .method = method}).status(), "memory.max"));
    }
    REGATTA_CHILD_REQUIRE(OpenDescriptors() == open && ChildrenOf(getpid()) == children);
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(ExhaustionOfMemory, AtAQueueThatGrows) {
  ForkedChild child([] {
    Queue<std::string> unused = *Queue<std::string>::Create();
    Queue<std::string> queue = *Queue<std::string>::Create();
    REGATTA_CHILD_REQUIRE(queue.Put("small").ok());
    RefuseMemory();
    REGATTA_CHILD_REQUIRE(IsExhausted(unused.Put("first"), "memory.max"));  // It has no lane yet.
    REGATTA_CHILD_REQUIRE(IsEmpty(unused.TryGet().status()));
    REGATTA_CHILD_REQUIRE(IsExhausted(queue.Put(Large(500)), "memory.max"));
    REGATTA_CHILD_REQUIRE(IsExhausted(queue.Put(Large(1 << 20)), "memory.max"));
    // A backlog up to what is there, then an error, and nothing is lost.
    int put = 1;
    absl::Status full;
    while ((full = queue.Put("small")).ok()) ++put;
    REGATTA_CHILD_REQUIRE(IsExhausted(full, "memory.max"));
    REGATTA_CHILD_REQUIRE(queue.size() == put && put >= 200);
    for (int i = 0; i < put; ++i) REGATTA_CHILD_REQUIRE(*queue.Get(Watchdog()) == "small");
    for (int i = 0; i < 1000; ++i) {
      REGATTA_CHILD_REQUIRE(queue.Put("again").ok() && *queue.Get(Watchdog()) == "again");
    }
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(ExhaustionOfMemory, AtAPoolsTasksAndResults) {
  ForkedChild child([] {
    Pool fresh = *Pool::Create({.workers = 1});
    Pool pool = *Pool::Create({.workers = 1});
    REGATTA_CHILD_REQUIRE(*pool.Apply(Square, 2) == 4);
    // In the worker first: its results, and then the owner: its tasks.
    REGATTA_CHILD_REQUIRE(pool.Apply(RefuseMemory).ok());
    // Its text too needs room, and is as long as there is any.
    REGATTA_CHILD_REQUIRE(IsExhausted(pool.Apply(Large, size_t{300'000}).status(), "no memory left"));
    REGATTA_CHILD_REQUIRE(pool.Apply(Large, size_t{20})->size() == 20);
    RefuseMemory();
    REGATTA_CHILD_REQUIRE(*fresh.Apply(Square, 2) == 4);  // Its first slots have had memory from the start.
    REGATTA_CHILD_REQUIRE(IsExhausted(pool.Apply(Length, Large(300'000)).status(), "memory.max"));
    // Many small ones wait for the slots that there are.
    std::vector<int> numbers(50'000);
    std::iota(numbers.begin(), numbers.end(), 0);
    const absl::StatusOr<std::vector<int>> squares = pool.Map([](int x) { return x + 1; }, numbers, {.chunk = 1});
    REGATTA_CHILD_REQUIRE(squares.ok() && squares->back() == 50'000);
    REGATTA_CHILD_REQUIRE(pool.statistics().workers_died == 0);
    REGATTA_CHILD_REQUIRE(pool.Close().ok() && pool.Join(Watchdog()).ok());
    return 0;
  });
  EXPECT_EQ(child.Wait(absl::Seconds(60)), 0);
}

TEST(ExhaustionOfAddressSpace, IsASmallerObjectOrAnError) {
  for (const uint64_t mebibytes : {1, 60, 400}) {
    SCOPED_TRACE(mebibytes);
    ForkedChild child([mebibytes] {
      { REGATTA_CHILD_REQUIRE(Pool::Create({.workers = 1}).ok()); }
      const std::multiset<std::string> open = OpenDescriptors();
      LimitMoreAddressSpace(mebibytes << 20);
      {
        absl::StatusOr<Queue<int>> queue = Queue<int>::Create();
        REGATTA_CHILD_REQUIRE(queue.ok() ? queue->Put(1).ok() && *queue->Get() == 1
                                         : IsExhausted(queue.status(), "ulimit -v"));
        REGATTA_CHILD_REQUIRE(mebibytes < 400 || queue.ok());
      }
      {
        absl::StatusOr<Pool> pool = Pool::Create({.workers = 1});
        REGATTA_CHILD_REQUIRE(pool.ok() ? *pool->Apply(Square, 3) == 9 : IsExhausted(pool.status(), "ulimit -v"));
        REGATTA_CHILD_REQUIRE(mebibytes > 1 || !pool.ok());
      }
      REGATTA_CHILD_REQUIRE(OpenDescriptors() == open);
      REGATTA_CHILD_REQUIRE(mebibytes == 1 || Lock::Create().ok());
      return 0;
    });
    EXPECT_EQ(child.Wait(), 0);
  }
}

}  // namespace
}  // namespace regatta
