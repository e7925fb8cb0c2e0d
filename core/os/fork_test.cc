#include "core/os/fork.h"

#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <thread>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "core/os/life.h"
#include "core/os/pidfd.h"
#include "core/os/poll.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

struct Page {
  std::atomic<int32_t> sibling{0};
  std::atomic<int32_t> seen{0};
  Life life;
};

// Runs `body` in a sibling of a child, that is in another child of this process, and gives that one's exit code. The
// child does `first` before.
template <class Body>
int ExitCodeOfSibling(
    Page& page, Body&& body, void (*first)() = [] {}) {
  ForkedChild maker([&] {
    first();
    const absl::StatusOr<Forked> sibling = CloneSibling(&page.sibling);
    REGATTA_CHILD_REQUIRE(sibling.ok());
    if (sibling->pid == 0) _exit(body());
    return sibling->pid == page.sibling ? 0 : 1;
  });
  EXPECT_EQ(maker.Wait(), 0);
  const absl::StatusOr<Fd> pidfd = OpenPidfd(page.sibling);
  EXPECT_THAT(pidfd, IsOk());
  EXPECT_TRUE(*PollReadable(*pidfd, Watchdog()));
  const absl::StatusOr<Reaped> reaped = ReapPidfd(*pidfd);  // Only a parent can.
  EXPECT_THAT(reaped, IsOk());
  return reaped->outcome == ReapOutcome::kKilled ? -reaped->number : reaped->number;
}

TEST(CloneSiblingSibling, IsAChildOfItsMakersParent) {
  Shared<Page> page;
  const int32_t parent = getpid();
  EXPECT_EQ(ExitCodeOfSibling(*page, [&] { return getppid() == parent && getpid() == page->sibling ? 5 : 1; }), 5);
}

TEST(CloneSiblingSibling, HasItsTrueThreadIdInTheCLibrary) {
  // By the kernel, and by a search where the kernel doesn't say where the C library has it.
  for (void (*first)() : {+[] {}, +[] { RefuseSystemCall(SYS_prctl, EINVAL); }}) {
    Shared<Page> page;
    const auto body = [&] {
      pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
      pthread_mutex_lock(&mutex);
      const bool owner_is_true = mutex.__data.__owner == gettid();
      pthread_mutex_unlock(&mutex);
      // Threads of its own start and end.
      std::thread([&] { page->seen = gettid() != getpid() ? 1 : 0; }).join();
      return owner_is_true && page->seen == 1 ? 0 : 1;
    };
    EXPECT_EQ(ExitCodeOfSibling(*page, body, first), 0);
  }
}

TEST(CloneSiblingSibling, LeavesMarksOnItsRobustMutexesWhenItIsKilled) {
  Shared<Page> page;
  EXPECT_EQ(ExitCodeOfSibling(*page,
                              [&] {
                                if (!page->life.Hold().ok()) return 1;
                                page->seen = page->life.held() ? 1 : 0;
                                kill(getpid(), SIGKILL);
                                return 2;
                              }),
            -SIGKILL);
  EXPECT_EQ(page->seen, 1);
  EXPECT_FALSE(page->life.held());
}

TEST(CloneSiblingSibling, MayMakeSiblingsItself) {
  Shared<Page> page;
  Shared<Page> second;
  EXPECT_EQ(ExitCodeOfSibling(*page,
                              [&] {
                                const absl::StatusOr<Forked> sibling = CloneSibling(&second->sibling);
                                REGATTA_CHILD_REQUIRE(sibling.ok());
                                if (sibling->pid == 0) {
                                  pthread_mutex_t mutex = PTHREAD_RECURSIVE_MUTEX_INITIALIZER_NP;
                                  pthread_mutex_lock(&mutex);
                                  _exit(mutex.__data.__owner == gettid() ? 0 : 1);
                                }
                                return 0;
                              }),
            0);
  const absl::StatusOr<Fd> pidfd = OpenPidfd(second->sibling);
  ASSERT_THAT(pidfd, IsOk());
  ASSERT_TRUE(*PollReadable(*pidfd, Watchdog()));
  EXPECT_EQ(ReapPidfd(*pidfd)->number, 0);
}

TEST(CloneSiblingSibling, IsMadeByTheOldCloneWhereClone3IsRefused) {
  for (const int error_number : {ENOSYS, EPERM}) {
    Shared<Page> page;
    const int32_t parent = getpid();
    ForkedChild maker([&] {
      RefuseSystemCall(SYS_clone3, error_number);
      const absl::StatusOr<Forked> sibling = CloneSibling(&page->sibling);
      REGATTA_CHILD_REQUIRE(sibling.ok());
      if (sibling->pid != 0) {
        REGATTA_CHILD_REQUIRE(sibling->pid == page->sibling);
        return *PollReadable(sibling->pidfd, Watchdog()) ? 0 : 1;
      }
      // Robust mutexes and threads work; but the C library starts no thread where clone3 fails with EPERM.
      if (getppid() != parent || getpid() != page->sibling || !page->life.Hold().ok()) _exit(1);
      if (error_number == ENOSYS) {
        std::thread([&] { page->seen = 1; }).join();
      } else {
        page->seen = 1;
      }
      kill(getpid(), SIGKILL);
      return 2;
    });
    EXPECT_EQ(maker.Wait(), 0);
    const absl::StatusOr<Fd> pidfd = OpenPidfd(page->sibling);
    ASSERT_THAT(pidfd, IsOk());
    const absl::StatusOr<Reaped> reaped = ReapPidfd(*pidfd);
    EXPECT_TRUE(reaped->outcome == ReapOutcome::kKilled && reaped->number == SIGKILL) << reaped->number;
    EXPECT_EQ(page->seen, 1);
    EXPECT_FALSE(page->life.held());
  }
}

TEST(CloneSiblingRefusal, NamesTheCallThatASandboxRefuses) {
  for (const long number : {SYS_get_robust_list, SYS_pidfd_open}) {
    ForkedChild child([&] {
      RefuseSystemCall(number, ENOSYS);
      if (number == SYS_pidfd_open) RefuseSystemCall(SYS_clone3, ENOSYS);
      std::atomic<int32_t> pid{0};
      const absl::StatusOr<Forked> sibling = CloneSibling(&pid);
      if (sibling.ok() && sibling->pid == 0) {
        for (;;) pause();
      }
      const char* const name = number == SYS_pidfd_open ? "pidfd_open" : "get_robust_list";
      return absl::IsFailedPrecondition(sibling.status()) && absl::StrContains(sibling.status().message(), name) ? 0
                                                                                                                 : 1;
    });
    EXPECT_EQ(child.Wait(), 0);
  }
  while (waitpid(-1, nullptr, __WALL) > 0) {  // A sibling that was killed at once.
  }
}

TEST(CloneSiblingRefusal, IsNotForThreadsThatWereJoined) {
  ForkedChild maker([] {
    for (int i = 0; i < 300; ++i) {
      std::thread([] {}).join();
      std::atomic<int32_t> pid{0};
      const absl::StatusOr<Forked> sibling = CloneSibling(&pid);
      REGATTA_CHILD_REQUIRE(sibling.ok());
      if (sibling->pid == 0) _exit(0);
    }
    return 0;
  });
  EXPECT_EQ(maker.Wait(), 0);
  while (waitpid(-1, nullptr, __WALL) > 0) {
  }
}

TEST(CloneSiblingRefusal, IsForAProcessWithThreadsOrARobustMutexHeld) {
  ForkedChild threaded([] {
    std::atomic<bool> stop{false};
    std::atomic<int32_t> pid{0};
    std::thread other([&] {
      while (!stop) std::this_thread::yield();
    });
    const absl::Status refused = CloneSibling(&pid).status();
    stop = true;
    other.join();
    return absl::IsFailedPrecondition(refused) && pid == 0 ? 0 : 1;
  });
  EXPECT_EQ(threaded.Wait(), 0);
  Shared<Page> page;
  ForkedChild holder([&] {
    REGATTA_CHILD_REQUIRE(page->life.Hold().ok());
    const absl::Status refused = CloneSibling(&page->sibling).status();
    return absl::IsFailedPrecondition(refused) && page->sibling == 0 ? 0 : 1;
  });
  EXPECT_EQ(holder.Wait(), 0);
}

TEST(ForkNamespace, WhoseFirstProcessHasEndedIsNamedInPlaceOfMemory) {
  ForkedChild maker([] {
    REGATTA_CHILD_REQUIRE(unshare(CLONE_NEWPID) == 0);
    const absl::StatusOr<Forked> first = ForkWithPidfd();
    REGATTA_CHILD_REQUIRE(first.ok());
    if (first->pid == 0) _exit(0);
    REGATTA_CHILD_REQUIRE(waitpid(first->pid, nullptr, 0) == first->pid);
    const absl::StatusOr<Forked> next = ForkWithPidfd();
    if (next.ok() && next->pid == 0) _exit(0);
    return absl::IsFailedPrecondition(next.status()) && absl::StrContains(next.status().message(), "PID namespace") ? 0
                                                                                                                    : 1;
  });
  EXPECT_EQ(maker.Wait(), 0);
}

TEST(CachedThreadIdSearch, FindsWhereTheKernelSaysItIs) {
  int32_t* const by_search = fork_internal::CachedThreadIdBySearch();
  ASSERT_NE(by_search, nullptr);
  EXPECT_EQ(*by_search, gettid());
  int32_t* const by_kernel = fork_internal::CachedThreadIdFromKernel();
  if (by_kernel == nullptr) GTEST_SKIP() << "this kernel doesn't tell";
  EXPECT_EQ(by_search, by_kernel);
}

TEST(ForkWithPidfdNoProcess, SaysTheWayOut) {
  ForkedChild child([] {
    RefuseNewProcesses();
    const absl::Status refused = ForkWithPidfd().status();
    return absl::IsResourceExhausted(refused) && absl::StrContains(refused.message(), "pids.max") ? 0 : 1;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(ForkWithPidfdChild, IsMadeThoughStandardErrorIsClosed) {
  ForkedChild creator([] {
    close(STDERR_FILENO);
    absl::StatusOr<Forked> forked = ForkWithPidfd();
    if (forked.ok() && forked->pid == 0) _exit(0);
    return forked.ok() ? 0 : 1;
  });
  EXPECT_EQ(creator.Wait(), 0);
}

TEST(ForkWithPidfdChild, IsBehindThePidfd) {
  absl::StatusOr<Forked> forked = ForkWithPidfd();
  ASSERT_THAT(forked, IsOk());
  if (forked->pid == 0) _exit(4);
  ASSERT_TRUE(*PollReadable(forked->pidfd, Watchdog()));
  const absl::StatusOr<Reaped> reaped = ReapPidfd(forked->pidfd);
  EXPECT_EQ(reaped->outcome, ReapOutcome::kExited);
  EXPECT_EQ(reaped->number, 4);
}

}  // namespace
}  // namespace regatta
