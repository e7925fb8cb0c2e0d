// What a pool does when its nursery stands still, when its owner may no longer signal its workers, and when a worker
// tries to outlive its owner.
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "absl/status/status.h"
#include "core/ipc/queue.h"
#include "core/os/pidfd.h"
#include "core/os/poll.h"
#include "core/pool/pool.h"
#include "core/process/process.h"
#include "core/testing/forked_child.h"
#include "core/testing/pool_tasks.h"
#include "core/testing/pool_witness.h"
#include "core/testing/process_witness.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

int WaitFor(Queue<int> gate) { return gate.Get().value_or(0); }
int Die(int) { return kill(getpid(), SIGKILL); }

class Owner : public testing::TestWithParam<StartMethod> {
 protected:
  // A pool `most` of whose nursery's processes, the oldest first, have stopped. These are no workers.
  std::unique_ptr<Pool> MakeWithAStoppedNursery(size_t most) {
    const std::set<int32_t> children = ChildrenOf(getpid());
    auto pool = std::make_unique<Pool>(*Pool::Create({.workers = 2, .method = GetParam()}));
    std::set<int32_t> made = ChildrenOf(getpid());
    for (const int32_t pid : children) made.erase(pid);
    for (const int32_t pid : pool->statistics().pids) made.erase(pid);
    EXPECT_EQ(made.size(), GetParam() == StartMethod::kFork ? 2u : 1u);
    for (const int32_t pid : made) {
      if (most-- == 0) break;
      EXPECT_EQ(kill(pid, SIGSTOP), 0);
    }
    return pool;
  }
};
INSTANTIATE_TEST_SUITE_P(Methods, Owner, testing::ValuesIn(kAllStartMethods),
                         [](const auto& info) { return std::string(StartMethodName(info.param)); });

TEST_P(Owner, OfAStoppedNurseryGetsEveryTaskToItsEndAndOtherWorkers) {
  const std::unique_ptr<Pool> pool = MakeWithAStoppedNursery(1);
  EXPECT_THAT(pool->ApplyAsync(Die, 1)->Get(Watchdog()), StatusIs(absl::StatusCode::kAborted));
  EXPECT_THAT(pool->ApplyAsync(Die, 1)->Get(Watchdog()), StatusIs(absl::StatusCode::kAborted));
  // No worker is left. Others are made by the standby, or by a nursery that is run afresh.
  const absl::StatusOr<int> result = pool->ApplyAsync(Square, 3)->Get(Watchdog());
  ASSERT_THAT(result, IsOk());
  EXPECT_EQ(*result, 9);
}

TEST_P(Owner, OfAStoppedNurseryCanDestroyThePool) {
  std::unique_ptr<Pool> pool = MakeWithAStoppedNursery(2);
  pool.reset();
  EXPECT_THAT(FindBoard(), StatusIs(absl::StatusCode::kNotFound));
}

TEST_P(Owner, ThatMaySignalNobodyCanDestroyThePool) {
  ForkedChild owner([&] {
    auto pool = std::make_unique<Pool>(*Pool::Create({.workers = 2, .method = GetParam()}));
    REGATTA_CHILD_REQUIRE(*pool->Apply(Square, 3) == 9);
    Queue<int> gate = *Queue<int>::Create();
    const auto held = pool->ApplyAsync(WaitFor, gate);
    REGATTA_CHILD_REQUIRE(held.ok());
    RefuseSignals();
    pool.reset();
    return ChildrenOf(getpid()).empty() ? 0 : 2;
  });
  EXPECT_EQ(owner.Wait(absl::Seconds(60)), 0);
}

TEST_P(Owner, ThatDroppedItsPrivilegesCanDestroyThePool) {
  if (!CanChangeUser()) GTEST_SKIP() << "needs root, and a user namespace with several users";
  ForkedChild owner([&] {
    auto pool = std::make_unique<Pool>(*Pool::Create({.workers = 2, .method = GetParam()}));
    REGATTA_CHILD_REQUIRE(*pool->Apply(Square, 3) == 9);
    Queue<int> gate = *Queue<int>::Create();
    const auto held = pool->ApplyAsync(WaitFor, gate);
    REGATTA_CHILD_REQUIRE(held.ok());
    REGATTA_CHILD_REQUIRE(setuid(65534) == 0);
    pool.reset();
    return ChildrenOf(getpid()).empty() ? 0 : 2;
  });
  EXPECT_EQ(owner.Wait(absl::Seconds(60)), 0);
}

int BlockAllSignals(int) {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  for (int number = 1; number < 65; ++number) signal(number, SIG_IGN);
  return getpid();
}

TEST_P(Owner, ThatIsKilledTakesAWorkerAlongThatBlocksAllSignals) {
  Shared<std::atomic<int32_t>> worker;
  ForkedChild owner([&] {
    Pool pool = *Pool::Create({.workers = 1, .method = GetParam()});
    *worker = *pool.Apply(BlockAllSignals, 0);
    for (;;) pause();
    return 0;
  });
  ASSERT_TRUE(Eventually([&] { return *worker != 0; }));
  const absl::StatusOr<Fd> pidfd = OpenPidfd(*worker);
  ASSERT_THAT(pidfd, IsOk());
  owner.Kill();
  EXPECT_TRUE(*PollReadable(*pidfd, Watchdog()));
}

}  // namespace
}  // namespace regatta
