#include "core/os/pidfd.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "absl/status/status.h"
#include "core/os/poll.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(PidfdEnd, IsReadableOnceTheProcessHasEndedAndThenReapedOnce) {
  const pid_t pid = fork();
  if (pid == 0) {
    pause();
    _exit(0);
  }
  const absl::StatusOr<Fd> pidfd = OpenNewChild(pid);
  ASSERT_THAT(pidfd, IsOk());
  EXPECT_FALSE(*PollReadable(*pidfd, Deadline::Now()));
  EXPECT_EQ(ReapPidfd(*pidfd)->outcome, ReapOutcome::kRunning);
  EXPECT_THAT(SignalPidfd(*pidfd, SIGTERM), IsOk());
  EXPECT_TRUE(*PollReadable(*pidfd, Watchdog()));
  const absl::StatusOr<Reaped> reaped = ReapPidfd(*pidfd);
  EXPECT_EQ(reaped->outcome, ReapOutcome::kKilled);
  EXPECT_EQ(reaped->number, SIGTERM);
  EXPECT_TRUE(*PollReadable(*pidfd, Deadline::Now()));
  EXPECT_EQ(ReapPidfd(*pidfd)->outcome, ReapOutcome::kNotOurs);
  EXPECT_THAT(SignalPidfd(*pidfd, SIGKILL), IsOk());
}

TEST(PidfdEnd, IsThatOfTheWholeProcessNotOfItsMainThread) {
  ForkedChild child([] {
    std::thread([] { pause(); }).detach();
    pthread_exit(nullptr);
    return 0;
  });
  const absl::StatusOr<Fd> pidfd = OpenPidfd(child.pid());
  ASSERT_THAT(pidfd, IsOk());
  EXPECT_TRUE(Eventually([&] { return !*PollReadable(*pidfd, Deadline::Now()); }));
  EXPECT_EQ(ReapPidfd(*pidfd)->outcome, ReapOutcome::kRunning);
  ASSERT_THAT(SignalPidfd(*pidfd, SIGKILL), IsOk());
  EXPECT_TRUE(*PollReadable(*pidfd, Watchdog()));
}

TEST(PidfdNewChild, ThatSomebodyReapedAlreadyIsReadableAndNobody) {
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  KillAndReap(pid);
  EXPECT_THAT(OpenPidfd(pid), StatusIs(absl::StatusCode::kNotFound));
  const absl::StatusOr<Fd> ended = OpenNewChild(pid);
  ASSERT_THAT(ended, IsOk());
  EXPECT_TRUE(*PollReadable(*ended, Deadline::Now()));
  EXPECT_EQ(ReapPidfd(*ended)->outcome, ReapOutcome::kNotOurs);
  EXPECT_THAT(SignalPidfd(*ended, SIGKILL), IsOk());
}

// As under a seccomp profile, or before Linux 5.4.
TEST(Pidfd, TellsOfTheEndWhereWaitidIsRefused) {
  for (const int error : {ENOSYS, EPERM, EINVAL}) {
    ForkedChild parent([error] {
      const pid_t pid = fork();
      if (pid == 0) {
        for (;;) pause();
      }
      const absl::StatusOr<Fd> pidfd = OpenPidfd(pid);
      RefuseSystemCall(SYS_waitid, error);
      REGATTA_CHILD_REQUIRE(ReapPidfd(*pidfd)->outcome == ReapOutcome::kRunning);
      REGATTA_CHILD_REQUIRE(SignalPidfd(*pidfd, SIGKILL).ok());
      REGATTA_CHILD_REQUIRE(*PollReadable(*pidfd, Deadline::Never()));
      REGATTA_CHILD_REQUIRE(ReapPidfd(*pidfd)->outcome == ReapOutcome::kNotOurs);
      return 0;
    });
    EXPECT_EQ(parent.Wait(), 0) << error;
  }
}

TEST(PidfdNewChild, IsKilledAndReapedWhereNoDescriptorIsLeftForIt) {
  ForkedChild parent([] {
    const pid_t pid = fork();
    if (pid == 0) {
      for (;;) pause();
    }
    LimitDescriptors(3);
    REGATTA_CHILD_REQUIRE(absl::IsResourceExhausted(OpenNewChild(pid).status()));
    REGATTA_CHILD_REQUIRE(kill(pid, 0) != 0);
    return 0;
  });
  EXPECT_EQ(parent.Wait(), 0);
}

}  // namespace
}  // namespace regatta
