// A daemonic process ends with its owner, and the owner can end it, whatever the two have become.
#include <sched.h>
#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <cstdlib>
#include <optional>
#include <string>
#include <thread>
#include <tuple>
#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/os/pidfd.h"
#include "core/os/poll.h"
#include "core/process/process.h"
#include "core/testing/forked_child.h"
#include "core/testing/pipe.h"
#include "core/testing/process_witness.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr int kSay = 9;  // A number that a shell can write to.

enum class Deed { kNothing, kBlocksAndIgnoresSignals, kClosesDescriptors, kBecomesAnotherUser, kExecutes };

void BlockAndIgnoreAll() {
  sigset_t all;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, nullptr);
  for (int number = 1; number < 65; ++number) signal(number, SIG_IGN);
}

// Says its pid, does the deed, says "ready", and stays.
void Daemon(Fd say, int deed) {
  if (say.get() != kSay && dup2(say.get(), kSay) != kSay) abort();
  const Fd out(kSay);
  if (say.get() == kSay) static_cast<void>(say.Release());
  WriteText(out, absl::StrCat(getpid(), "\n"));
  switch (static_cast<Deed>(deed)) {
    case Deed::kNothing:
      break;
    case Deed::kBlocksAndIgnoresSignals:
      BlockAndIgnoreAll();
      break;
    case Deed::kClosesDescriptors:
      close_range(0, kSay - 1, 0);
      close_range(kSay + 1, ~0U, 0);
      break;
    case Deed::kBecomesAnotherUser:
      if (setuid(65534) != 0) abort();
      break;
    case Deed::kExecutes:
      execl("/bin/sh", "sh", "-c", "trap '' HUP INT QUIT TERM; echo ready >&9; while :; do sleep 60; done", nullptr);
      abort();
  }
  WriteText(out, "ready\n");
  for (;;) pause();
}

absl::StatusOr<Process> StartDaemon(StartMethod method, const TestingPipe& said, Deed deed) {
  absl::StatusOr<Fd> say = said.write.Duplicate();
  if (!say.ok()) return say.status();
  return Process::Start({.method = method, .daemon = true}, &Daemon, *std::move(say), static_cast<int>(deed));
}

// The process that says its pid next, once it is ready.
Fd NextReady(const TestingPipe& said) {
  int32_t pid = 0;
  EXPECT_TRUE(absl::SimpleAtoi(ReadLine(said.read), &pid));
  absl::StatusOr<Fd> pidfd = OpenPidfd(pid);
  EXPECT_THAT(pidfd, IsOk());
  EXPECT_EQ(ReadLine(said.read), "ready");
  return pidfd.ok() ? *std::move(pidfd) : Fd();
}

bool Ends(const Fd& pidfd) { return *PollReadable(pidfd, Watchdog()); }

std::string DeedName(Deed deed) {
  constexpr const char* kNames[] = {"Nothing", "BlocksAndIgnoresSignals", "ClosesDescriptors", "BecomesAnotherUser",
                                    "Executes"};
  return kNames[static_cast<int>(deed)];
}

std::string DaemonName(const testing::TestParamInfo<std::tuple<StartMethod, Deed>>& info) {
  return absl::StrCat(StartMethodName(std::get<0>(info.param)), "_", DeedName(std::get<1>(info.param)));
}

class DaemonOwner : public testing::TestWithParam<std::tuple<StartMethod, Deed>> {
 protected:
  void SetUp() override {
    if (std::get<1>(GetParam()) == Deed::kBecomesAnotherUser && !CanChangeUser()) {
      GTEST_SKIP() << "needs root, and a user namespace with several users";
    }
  }
  // Starts the daemon from an owner that `then` does something, and expects both to end.
  void ExpectTheEndWhenTheOwner(absl::FunctionRef<void()> then) {
    TestingPipe said;
    TestingPipe go;
    absl::StatusOr<Process> owner = Process::Fork([&] {
      const auto [method, deed] = GetParam();
      const absl::StatusOr<Process> daemon = StartDaemon(method, said, deed);
      if (!daemon.ok()) return 1;
      ReadByte(go.read);
      then();
      return 2;
    });
    ASSERT_THAT(owner, IsOk());
    const Fd daemon = NextReady(said);
    EXPECT_FALSE(*PollReadable(daemon, Deadline::Now()));
    WriteText(go.write, "x");
    EXPECT_TRUE(Ends(daemon));
    if (owner->IsAlive()) {
      EXPECT_THAT(owner->Kill(), IsOk());
    }
    EXPECT_THAT(owner->Join(Watchdog()), IsOk());
  }
};

// One thing only the lifeline sees, so a daemon that closes it can't.
class DaemonOwnerThatExecutes : public DaemonOwner {};

INSTANTIATE_TEST_SUITE_P(All, DaemonOwnerThatExecutes,
                         testing::Combine(testing::ValuesIn(kAllStartMethods),
                                          testing::Values(Deed::kNothing, Deed::kBlocksAndIgnoresSignals,
                                                          Deed::kBecomesAnotherUser, Deed::kExecutes)),
                         DaemonName);
INSTANTIATE_TEST_SUITE_P(All, DaemonOwner,
                         testing::Combine(testing::ValuesIn(kAllStartMethods),
                                          testing::Values(Deed::kNothing, Deed::kBlocksAndIgnoresSignals,
                                                          Deed::kClosesDescriptors, Deed::kBecomesAnotherUser,
                                                          Deed::kExecutes)),
                         DaemonName);

TEST_P(DaemonOwner, ThatIsKilledTakesItAlong) {
  ExpectTheEndWhenTheOwner([] { kill(getpid(), SIGKILL); });
}

TEST_P(DaemonOwner, ThatIsKilledTakesItAlongThoughAForkedChildOfTheOwnerLives) {
  TestingPipe copy_gate;
  ExpectTheEndWhenTheOwner([&] {
    if (fork() == 0) {
      copy_gate.write.Reset();
      ReadByte(copy_gate.read);
      _exit(0);
    }
    kill(getpid(), SIGKILL);
  });
}

TEST_P(DaemonOwnerThatExecutes, TakesItAlong) {
  ExpectTheEndWhenTheOwner([] { execl("/bin/sleep", "sleep", "600", nullptr); });
}

TEST(DaemonCopy, OfTheOwnerThatTheCLibraryKnowsNothingOfDoesNotKeepItAlive) {
  for (const StartMethod method : kAllStartMethods) {
    TestingPipe said;
    TestingPipe gate;
    absl::StatusOr<Process> owner = Process::Fork([&] {
      const absl::StatusOr<Process> daemon = StartDaemon(method, said, Deed::kNothing);
      if (_Fork() == 0) {
        gate.write.Reset();
        ReadByte(gate.read);
        _exit(0);
      }
      for (;;) pause();
    });
    ASSERT_THAT(owner, IsOk());
    const Fd daemon = NextReady(said);
    EXPECT_THAT(owner->Kill(), IsOk());
    EXPECT_TRUE(Ends(daemon)) << StartMethodName(method);
    EXPECT_THAT(owner->Join(), IsOk());
  }
}

// --- Ending what may not be signalled ---

class DaemonSignals : public testing::TestWithParam<StartMethod> {};

INSTANTIATE_TEST_SUITE_P(Methods, DaemonSignals, testing::ValuesIn(kAllStartMethods),
                         [](const auto& info) { return std::string(StartMethodName(info.param)); });

// In an owner of its own that has started a daemonic process and then may signal nobody. The owner's exit code; -1: it
// has none.
template <class Body>
int InAnOwnerWithoutPermission(StartMethod method, Deed deed, Body body) {
  TestingPipe said;
  absl::StatusOr<Process> owner = Process::Fork([&] {
    absl::StatusOr<Process> daemon = StartDaemon(method, said, deed);
    if (!daemon.ok()) return 1;
    const Fd pidfd = NextReady(said);
    RefuseSignals();
    return body(*daemon);
  });
  if (!owner.ok()) return -1;
  const absl::StatusOr<ExitStatus> end = owner->Join(Watchdog());
  if (!end.ok()) owner->Kill().IgnoreError();
  return end.ok() ? end->exit_code().value_or(-1) : -1;
}

TEST_P(DaemonSignals, ThatAreForbiddenLeaveItToBeEndedByTerminateAndKill) {
  for (const bool kill : {false, true}) {
    EXPECT_EQ(InAnOwnerWithoutPermission(GetParam(), Deed::kBlocksAndIgnoresSignals,
                                         [&](Process& daemon) {
                                           const absl::Status sent = kill ? daemon.Kill() : daemon.Terminate();
                                           if (!sent.ok()) return 2;
                                           return daemon.Join().value() == ExitStatus::Signalled(SIGKILL) ? 0 : 3;
                                         }),
              0);
  }
}

TEST_P(DaemonSignals, ThatAreForbiddenLeaveItsOwnersEndBounded) {
  EXPECT_EQ(InAnOwnerWithoutPermission(GetParam(), Deed::kNothing, [](Process&) { return 0; }), 0);
}

TEST(DaemonSignals, ThatAreForbiddenAndAClosedLifelineAreAnErrorThatNamesTheWayOutAndNoEndlessWait) {
  EXPECT_EQ(InAnOwnerWithoutPermission(StartMethod::kForkserver, Deed::kClosesDescriptors,
                                       [](Process& daemon) {
                                         REGATTA_CHILD_REQUIRE(daemon.Kill().ok());
                                         const absl::Status left = daemon.Join().status();
                                         REGATTA_CHILD_REQUIRE(absl::IsPermissionDenied(left));
                                         REGATTA_CHILD_REQUIRE(absl::StrContains(
                                             left.message(), absl::StrCat("kill -9 ", *daemon.pid())));
                                         kill(*daemon.pid(), SIGKILL);
                                         REGATTA_CHILD_REQUIRE(daemon.Join().ok());
                                         return 0;
                                       }),
            0);
}

TEST_P(DaemonSignals, OfAnOwnerThatDroppedItsPrivilegesAreNotNeededAtItsEnd) {
  if (!CanChangeUser()) GTEST_SKIP() << "needs root, and a user namespace with several users";
  for (const Deed deed : {Deed::kNothing, Deed::kBlocksAndIgnoresSignals, Deed::kBecomesAnotherUser}) {
    TestingPipe said;
    absl::StatusOr<Process> owner = Process::Fork([&] {
      const absl::StatusOr<Process> daemon = StartDaemon(GetParam(), said, deed);
      if (!daemon.ok()) return 1;
      const Fd pidfd = NextReady(said);
      return setuid(65533);
    });
    ASSERT_THAT(owner, IsOk());
    const absl::StatusOr<ExitStatus> end = owner->Join(Watchdog());
    EXPECT_TRUE(end.ok() && end->success()) << DeedName(deed);
    if (!end.ok()) {
      EXPECT_THAT(owner->Kill(), IsOk());
    }
  }
}

TEST(DaemonExec, IsNotKilledByTheEndOfTheThreadThatStartedIt) {
  for (const StartMethod method : {StartMethod::kSpawn, StartMethod::kForkserver}) {
    TestingPipe said;
    absl::StatusOr<Process> daemon;
    std::thread([&] {
      daemon = StartDaemon(method, said, Deed::kExecutes);
      NextReady(said);
    }).join();
    ASSERT_THAT(daemon, IsOk());
    // A signal that the thread's end had sent would come before this one, and be the one that kills.
    EXPECT_THAT(daemon->Kill(), IsOk());
    EXPECT_EQ(daemon->Join()->signal(), SIGKILL);
  }
}

// The new process is the first of a PID namespace: its parent has no number there.
TEST(DaemonNamespace, OfPidsThatItsOwnerHasMadeIsNoObstacle) {
  for (const StartMethod method : {StartMethod::kFork, StartMethod::kSpawn}) {
    TestingPipe said;
    absl::StatusOr<Process> owner = Process::Fork([&] {
      if (unshare(CLONE_NEWPID) != 0) return 77;
      absl::StatusOr<Process> daemon = StartDaemon(method, said, Deed::kBlocksAndIgnoresSignals);
      REGATTA_CHILD_REQUIRE(daemon.ok());
      REGATTA_CHILD_REQUIRE(ReadLine(said.read) == "1");
      REGATTA_CHILD_REQUIRE(ReadLine(said.read) == "ready");
      REGATTA_CHILD_REQUIRE(daemon->Kill().ok());
      return daemon->Join().value() == ExitStatus::Signalled(SIGKILL) ? 0 : 2;
    });
    ASSERT_THAT(owner, IsOk());
    const absl::StatusOr<ExitStatus> end = owner->Join(Watchdog());
    if (!end.ok()) {
      EXPECT_THAT(owner->Kill(), IsOk());
    }
    ASSERT_THAT(end, IsOk()) << StartMethodName(method);
    if (end->exit_code() == 77) GTEST_SKIP() << "may not make a namespace";
    EXPECT_TRUE(end->success()) << StartMethodName(method);
  }
}

// Both hold the locks of the children and of the lifelines.
TEST(DaemonStart, AndAForkByAnotherThreadDoNotWaitForEachOther) {
  absl::StatusOr<Process> owner = Process::Fork([] {
    std::atomic<bool> stop{false};
    std::thread forks([&] {
      while (!stop) ForkedChild([] { return 0; }).Wait();
    });
    int started = 0;
    // Each start reaps the children that have ended, and cuts their lifelines.
    while (started < 300 && Process::Start({.method = StartMethod::kForkserver, .daemon = true}, [] {}).ok()) ++started;
    stop = true;
    forks.join();
    return started == 300 ? 0 : 1;
  });
  ASSERT_THAT(owner, IsOk());
  const absl::StatusOr<ExitStatus> end = owner->Join(Watchdog());
  if (!end.ok()) {
    EXPECT_THAT(owner->Kill(), IsOk());
  }
  ASSERT_THAT(end, IsOk());
  EXPECT_TRUE(end->success()) << end->ToString();
}

TEST(DaemonDescriptors, OfItsOwnAreHandedToNoForkedChildOfItAndItsOwnersToNobody) {
  TestingPipe said;
  const int before = CountDescriptors();
  absl::StatusOr<Process> daemon = Process::Start(
      {.method = StartMethod::kSpawn, .daemon = true},
      [](Fd say) {
        const std::string here = ListDescriptors();
        ForkedChild copy([&] { return ListDescriptors() == here ? 1 : 0; });
        WriteText(say, copy.Wait() == 0 ? "fewer" : "as many");
      },
      *said.write.Duplicate());
  ASSERT_THAT(daemon, IsOk());
  said.write.Reset();
  EXPECT_EQ(ReadToEnd(said.read), "fewer");
  EXPECT_THAT(daemon->Join(), IsOk());
  EXPECT_LE(CountDescriptors(), before + 1);  // One end of the pipe is closed; a pidfd and a lifeline are open.
}

}  // namespace
}  // namespace regatta
