#include "core/os/proc.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <thread>

#include "absl/status/status.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(ProcThreads, AreCountedAndListedByName) {
  EXPECT_EQ(*ThreadCount(), 1);
  std::atomic<bool> named{false};
  std::atomic<bool> stop{false};
  int32_t tid = 0;
  std::thread other([&] {
    tid = gettid();
    pthread_setname_np(pthread_self(), "odd) R (name");
    named = true;
    while (!stop) std::this_thread::yield();
  });
  while (!named) std::this_thread::yield();
  EXPECT_EQ(*ThreadCount(), 2);
  const auto threads = ListThreads();
  ASSERT_THAT(threads, IsOk());
  const int listed = static_cast<int>(threads->size());
  ASSERT_EQ(listed - SanitizerThreads(listed), 2);
  EXPECT_TRUE(std::any_of(threads->begin(), threads->end(), [&](const ThreadEntry& thread) {
    return thread.tid == tid && thread.name == "odd) R (name";
  }));
  stop = true;
  other.join();
  EXPECT_TRUE(Eventually([] { return *ThreadCount() == 1; }));  // The kernel forgets it a moment after join.
}

TEST(ProcThreads, ThatCannotBeListedAreAnErrorAndNotNone) {
  ForkedChild child([] {
    RefuseSystemCall(SYS_getdents64, EPERM);
    return absl::IsPermissionDenied(ListThreads().status()) ? 0 : 1;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(ProcThreads, ThatWereJoinedAreListedNoMore) {
  for (int i = 0; i < 2000; ++i) {
    std::thread([] {}).join();
    const int listed = static_cast<int>(ListThreads()->size());
    ASSERT_EQ(listed - SanitizerThreads(listed), 1) << i;
  }
}

#if !defined(__SANITIZE_THREAD__)  // Its thread is then a second one.
TEST(ProcThreads, AreCountedWithoutProcWhereThereIsOne) {
  ForkedChild child([] {
    RefuseSystemCall(SYS_newfstatat, EPERM);
    RefuseSystemCall(SYS_statx, EPERM);
    const bool known = ThreadCount().value_or(0) == 1;
    std::atomic<bool> stop{false};
    std::thread other([&] {
      while (!stop) std::this_thread::yield();
    });
    const absl::Status unknown = ThreadCount().status();
    stop = true;
    other.join();
    return known && absl::IsFailedPrecondition(unknown) ? 0 : 1;
  });
  EXPECT_EQ(child.Wait(), 0);
}
#endif

TEST(ProcProcess, HasAStateAndAParent) {
  EXPECT_EQ(*ProcessStateLetter(getpid()), 'R');
  ForkedChild sleeper([] {
    for (;;) pause();
    return 0;
  });
  EXPECT_TRUE(Eventually([&] { return *ProcessStateLetter(sleeper.pid()) == 'S'; }));
  EXPECT_EQ(*ParentOf(sleeper.pid()), getpid());
  sleeper.Kill();
  EXPECT_TRUE(Eventually([&] { return *ProcessStateLetter(sleeper.pid()) == 'Z'; }));
  EXPECT_EQ(sleeper.Wait(), -SIGKILL);
  EXPECT_THAT(ProcessStateLetter(sleeper.pid()), StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(ParentOf(sleeper.pid()), StatusIs(absl::StatusCode::kNotFound));
}

}  // namespace
}  // namespace regatta
