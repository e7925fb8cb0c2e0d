#include "core/os/fork_generation.h"

#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "core/os/fork.h"
#include "core/testing/forked_child.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

class ForkGenerationTest : public testing::TestWithParam<ForkCall> {};
INSTANTIATE_TEST_SUITE_P(Calls, ForkGenerationTest,
                         testing::Values(ForkCall::kFork, ForkCall::kUnderscoreFork, ForkCall::kClone));

struct Seen {
  std::atomic<uint32_t> generation{0};
  std::atomic<uint32_t> grandchild{0};
  std::atomic<int32_t> sibling{0};
  std::atomic<bool> done{false};
};

TEST_P(ForkGenerationTest, DiffersFromEveryAncestors) {
  Shared<Seen> seen;
  const uint32_t mine = ForkGeneration();
  EXPECT_NE(mine, 0u);
  ForkedChild child(
      [&] {
        seen->generation = ForkGeneration();
        ForkedChild grandchild(
            [&] {
              seen->grandchild = ForkGeneration();
              return 0;
            },
            GetParam());
        return grandchild.Wait();
      },
      GetParam());
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_EQ(std::set<uint32_t>({mine, seen->generation, seen->grandchild}).size(), 3u);
  EXPECT_NE(seen->generation, 0u);
  EXPECT_NE(seen->grandchild, 0u);
  EXPECT_EQ(ForkGeneration(), mine) << "a fork changes nothing in the parent";
  EXPECT_TRUE(IsForkGeneration(mine));
}

TEST_P(ForkGenerationTest, TheOwnWordIsZeroInAChild) {
  ASSERT_TRUE(SetOwnWord(7));
  ForkedChild child([] { return OwnWord() == 0 && SetOwnWord(8) && OwnWord() == 8 ? 0 : 1; }, GetParam());
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_EQ(OwnWord(), 7u);
  SetOwnWord(0);
}

struct Guarded {
  std::mutex mutex;
  int value = 1;
};
constinit PerProcess<Guarded> g_guarded;

TEST_P(ForkGenerationTest, PerProcessIsFreshInAChildThoughTheParentHoldsItsLock) {
  const std::lock_guard<std::mutex> lock(g_guarded.Get().mutex);
  g_guarded.Get().value = 2;
  ForkedChild child(
      [] {
        Guarded& fresh = g_guarded.Get();
        return fresh.mutex.try_lock() && fresh.value == 1 && &fresh == &g_guarded.Get() ? 0 : 1;
      },
      GetParam());
  EXPECT_EQ(child.Wait(), 0);
  EXPECT_EQ(g_guarded.Get().value, 2);
}

TEST(ForkGenerationSibling, IsANewProcessToo) {
  for (const bool handlers_only : {false, true}) {
    Shared<Seen> seen;
    ForkedChild maker([&] {
      if (handlers_only) fork_generation_internal::UseHandlersOnly();
      const uint32_t mine = ForkGeneration();
      REGATTA_CHILD_REQUIRE(SetOwnWord(7));
      const absl::StatusOr<Forked> sibling = CloneSibling(&seen->sibling);
      REGATTA_CHILD_REQUIRE(sibling.ok());
      if (sibling->pid == 0) {
        seen->generation = ForkGeneration() != mine && OwnWord() == 0 ? 1 : 2;
        seen->done = true;
        _exit(0);
      }
      REGATTA_CHILD_REQUIRE(Eventually([&] { return seen->done.load(); }));
      return 0;
    });
    EXPECT_EQ(maker.Wait(), 0);
    EXPECT_EQ(seen->generation, 1u);
    if (seen->sibling > 0) waitpid(seen->sibling, nullptr, __WALL);
  }
}

TEST(ForkGenerationWithoutTheKernelsHelp, IsRenewedByFork) {
  ForkedChild old_kernel([] {
    fork_generation_internal::UseHandlersOnly();
    const uint32_t mine = ForkGeneration();
    REGATTA_CHILD_REQUIRE(SetOwnWord(7));
    ForkedChild child([&] { return ForkGeneration() != mine && ForkGeneration() != 0 && OwnWord() == 0 ? 0 : 1; });
    REGATTA_CHILD_REQUIRE(child.Wait() == 0);
    return ForkGeneration() == mine && OwnWord() == 7 ? 0 : 1;
  });
  EXPECT_EQ(old_kernel.Wait(), 0);
}

TEST(ForkGenerationMadvise, MayBeRefused) {
  ForkedChild sandboxed([] {
    fork_generation_internal::UseHandlersOnly();
    RefuseSystemCall(SYS_madvise, EPERM);
    const uint32_t mine = ForkGeneration();
    ForkedChild child([&] { return ForkGeneration() != mine ? 0 : 1; });
    return child.Wait();
  });
  EXPECT_EQ(sandboxed.Wait(), 0);
}

TEST(PerProcessFirstUse, GivesAllThreadsTheSame) {
  for (int round = 0; round < 50; ++round) {
    ForkedChild child([] {
      std::atomic<Guarded*> first{nullptr};
      std::atomic<bool> differs{false};
      std::vector<std::thread> threads;
      for (int i = 0; i < 4; ++i) {
        threads.emplace_back([&] {
          Guarded* const mine = &g_guarded.Get();
          Guarded* expected = nullptr;
          if (!first.compare_exchange_strong(expected, mine) && expected != mine) differs = true;
        });
      }
      for (std::thread& thread : threads) thread.join();
      return differs ? 1 : 0;
    });
    ASSERT_EQ(child.Wait(), 0);
  }
}

}  // namespace
}  // namespace regatta
