#include "core/os/pidfd.h"

#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <thread>

#include "absl/status/status.h"
#include "core/os/forked_child.h"
#include "core/os/poll.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr absl::Duration kWatchdog = absl::Seconds(30);

TEST(Pidfd_End, IsReadableOnceTheProcessHasEndedAndThenReapedOnce) {
  const pid_t pid = fork();
  if (pid == 0) {
    pause();
    _exit(0);
  }
  const absl::StatusOr<Fd> pidfd = OpenNewChild(pid);
  ASSERT_TRUE(pidfd.ok()) << pidfd.status();
  EXPECT_FALSE(*PollReadable(*pidfd, Deadline::Now()));
  EXPECT_EQ(ReapPidfd(*pidfd)->outcome, ReapOutcome::kRunning);
  EXPECT_TRUE(SignalPidfd(*pidfd, SIGTERM).ok());
  EXPECT_TRUE(*PollReadable(*pidfd, Deadline::After(kWatchdog)));
  const absl::StatusOr<Reaped> reaped = ReapPidfd(*pidfd);
  EXPECT_EQ(reaped->outcome, ReapOutcome::kKilled);
  EXPECT_EQ(reaped->number, SIGTERM);
  EXPECT_TRUE(*PollReadable(*pidfd, Deadline::Now()));
  EXPECT_EQ(ReapPidfd(*pidfd)->outcome, ReapOutcome::kNotOurs);
  EXPECT_TRUE(SignalPidfd(*pidfd, SIGKILL).ok());
}

TEST(Pidfd_End, IsThatOfTheWholeProcessNotOfItsMainThread) {
  ForkedChild child([] {
    std::thread([] { pause(); }).detach();
    pthread_exit(nullptr);
    return 0;
  });
  const absl::StatusOr<Fd> pidfd = OpenPidfd(child.pid());
  ASSERT_TRUE(pidfd.ok());
  EXPECT_TRUE(Eventually([&] { return !*PollReadable(*pidfd, Deadline::Now()); }));
  EXPECT_EQ(ReapPidfd(*pidfd)->outcome, ReapOutcome::kRunning);
  ASSERT_TRUE(SignalPidfd(*pidfd, SIGKILL).ok());
  EXPECT_TRUE(*PollReadable(*pidfd, Deadline::After(kWatchdog)));
}

TEST(Pidfd_NewChild, ThatSomebodyReapedAlreadyIsReadableAndNobody) {
  const pid_t pid = fork();
  if (pid == 0) _exit(0);
  KillAndReap(pid);
  EXPECT_TRUE(absl::IsNotFound(OpenPidfd(pid).status()));
  const absl::StatusOr<Fd> ended = OpenNewChild(pid);
  ASSERT_TRUE(ended.ok()) << ended.status();
  EXPECT_TRUE(*PollReadable(*ended, Deadline::Now()));
  EXPECT_EQ(ReapPidfd(*ended)->outcome, ReapOutcome::kNotOurs);
  EXPECT_TRUE(SignalPidfd(*ended, SIGKILL).ok());
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

TEST(Pidfd_NewChild, IsKilledAndReapedWhereNoDescriptorIsLeftForIt) {
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
