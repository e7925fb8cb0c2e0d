#include "core/os/signal_mask.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <thread>
#include <utility>

#include "core/os/pidfd.h"
#include "core/os/poll.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

struct Page {
  std::atomic<int32_t> child{0};
  std::atomic<int> step{0};
};

TEST(SignalMaskBlock, BlocksAllAndPutsBackWhatWas) {
  const SignalSet before = BlockedSignals();
  SetBlockedSignals(SignalSet{1} << (SIGUSR1 - 1));
  {
    const AllSignalsBlocked blocked;
    for (const int signal : {SIGINT, SIGTERM, SIGUSR1, SIGCHLD, ParentWatchSignal()}) {
      EXPECT_NE(BlockedSignals() >> (signal - 1) & 1, 0u) << signal;
    }
    EXPECT_EQ(WithoutParentWatch(BlockedSignals()) >> (ParentWatchSignal() - 1) & 1, 0u);
  }
  EXPECT_EQ(BlockedSignals(), SignalSet{1} << (SIGUSR1 - 1));
  SetBlockedSignals(before);
}

// The child of a parent that was killed after the child had done `set_up`.
template <class SetUp>
Fd OrphanAfter(Page& page, SetUp set_up) {
  ForkedChild parent([&] {
    const pid_t self = getpid();
    const pid_t child = fork();
    if (child == 0) {
      page.step = set_up(self) ? 1 : 2;
      for (;;) pause();
    }
    page.child = child;
    for (;;) pause();
    return 0;
  });
  EXPECT_TRUE(Eventually([&] { return page.step != 0 && page.child != 0; }));
  EXPECT_EQ(page.step, 1);
  absl::StatusOr<Fd> pidfd = OpenPidfd(page.child);
  EXPECT_THAT(pidfd, IsOk());
  parent.Kill();
  EXPECT_EQ(parent.Wait(), -SIGKILL);
  return *std::move(pidfd);
}

TEST(ParentWatchDeath, OfTheParentByKillNineEndsTheChild) {
  Shared<Page> page;
  const Fd child = OrphanAfter(*page, [](pid_t parent) { return DieWithParent(parent); });
  EXPECT_TRUE(*PollReadable(child, Watchdog()));
}

TEST(ParentWatchDeath, IsNothingToAChildThatLivesOn) {
  Shared<Page> page;
  const Fd child = OrphanAfter(*page, [](pid_t parent) {
    const bool watched = DieWithParent(parent);
    LiveOnWithoutParent();
    return watched;
  });
  EXPECT_THAT(SignalPidfd(child, ParentWatchSignal()), IsOk());  // The question, coming late.
  EXPECT_FALSE(*PollReadable(child, Deadline::After(absl::Milliseconds(20))));
  EXPECT_THAT(SignalPidfd(child, SIGKILL), IsOk());
}

TEST(ParentWatchDeath, BeforeTheWatchBeganIsToldAndNothingElseHappens) {
  ForkedChild child([] { return DieWithParent(1 << 30) ? 1 : 0; });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(ParentWatchDeath, OfTheThreadThatForkedIsNone) {
  ForkedChild parent([] {
    Shared<Page> page;
    const pid_t self = getpid();
    std::thread([&] {
      const pid_t child = fork();
      if (child == 0) {
        page->step = DieWithParent(self) ? 1 : 2;
        while (page->step != 3) std::this_thread::yield();
        page->step = 4;
        _exit(0);
      }
      page->child = child;
      while (page->step == 0) std::this_thread::yield();
    }).join();
    // The kernel has sent its signal by now; the child answers, so it lives.
    page->step = 3;
    return Eventually([&] { return page->step == 4; }) ? 0 : 1;
  });
  EXPECT_EQ(parent.Wait(), 0);
}

}  // namespace
}  // namespace regatta
