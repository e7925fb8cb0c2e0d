// What becomes of children at their creator's end, and at its death.
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/os/pidfd.h"
#include "core/os/poll.h"
#include "core/process/process.h"
#include "core/process/this_process.h"
#include "core/testing/pipe.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

class ProcessEnd : public testing::TestWithParam<StartMethod> {};

INSTANTIATE_TEST_SUITE_P(Methods, ProcessEnd, testing::ValuesIn(kAllStartMethods),
                         [](const auto& info) { return std::string(StartMethodName(info.param)); });

// Says its pid and waits for a byte; then says "end" and the pid of its parent.
int SayAndWait(Fd say, Fd gate) {
  WriteText(say, absl::StrCat(getpid(), "\n"));
  if (!ReadByte(gate)) return 1;
  WriteText(say, absl::StrCat("end ", getppid(), "\n"));
  return 0;
}

absl::StatusOr<Process> StartSayer(StartMethod method, bool daemon, const TestingPipe& said, const TestingPipe& gate) {
  absl::StatusOr<Fd> say = said.write.Duplicate();
  absl::StatusOr<Fd> wait = gate.read.Duplicate();
  if (!say.ok() || !wait.ok()) return absl::InternalError("no descriptors");
  return Process::Start({.method = method, .daemon = daemon}, &SayAndWait, *std::move(say), *std::move(wait));
}

// The process that says its pid next. It runs.
Fd NextSayer(const TestingPipe& said) {
  int32_t pid = 0;
  EXPECT_TRUE(absl::SimpleAtoi(ReadLine(said.read), &pid));
  absl::StatusOr<Fd> pidfd = OpenPidfd(pid);
  EXPECT_THAT(pidfd, IsOk());
  return pidfd.ok() ? *std::move(pidfd) : Fd();
}

bool EndsWithin(const Fd& pidfd, absl::Duration bound) { return *PollReadable(pidfd, Deadline::After(bound)); }

TEST_P(ProcessEnd, OfTheCreatorTerminatesDaemonicChildrenAndWaitsForTheOthers) {
  for (const bool by_exit : {false, true}) {
    TestingPipe said;
    TestingPipe plain_gate;
    TestingPipe daemon_gate;
    TestingPipe end;
    absl::StatusOr<Process> creator = Process::Fork([&] {
      const auto plain = StartSayer(GetParam(), false, said, plain_gate);
      // Its handle goes away: that detaches, and the end of the creator waits for it nevertheless.
      { const auto detached = StartSayer(GetParam(), false, said, plain_gate); }
      const auto daemon = StartSayer(GetParam(), true, said, daemon_gate);
      ReadByte(end.read);
      if (by_exit) exit(plain.ok() && daemon.ok() ? 0 : 1);
      return plain.ok() && daemon.ok() ? 0 : 1;
    });
    ASSERT_THAT(creator, IsOk());
    // The order of the three is free. The daemonic one is told from its end.
    const Fd children[3] = {NextSayer(said), NextSayer(said), NextSayer(said)};
    WriteText(end.write, "x");
    PollEntry watched[3] = {{&children[0]}, {&children[1]}, {&children[2]}};
    EXPECT_EQ(*PollReadable(watched, Watchdog()), 1);
    EXPECT_TRUE(creator->IsAlive());
    WriteText(plain_gate.write, "xx");
    EXPECT_EQ(creator->Join(Watchdog())->exit_code(), 0);
    said.write.Reset();
    const std::string line = absl::StrCat("end ", *creator->pid(), "\n");
    EXPECT_EQ(ReadToEnd(said.read), absl::StrCat(line, line));
  }
}

TEST_P(ProcessEnd, OfTheCreatorKillsADaemonicChildThatIgnoresSigterm) {
  TestingPipe said;
  absl::StatusOr<Process> creator = Process::Fork([&] {
    TestingPipe ready;
    const auto stubborn = Process::Start(
        {.method = GetParam(), .daemon = true},
        [](Fd say, Fd ready) {
          signal(SIGTERM, SIG_IGN);
          WriteText(say, absl::StrCat(getpid(), "\n"));
          WriteText(ready, "x");
          for (;;) pause();
        },
        *said.write.Duplicate(), std::move(ready.write));
    return stubborn.ok() && ReadByte(ready.read) ? 0 : 1;
  });
  ASSERT_THAT(creator, IsOk());
  const Fd stubborn = NextSayer(said);
  EXPECT_EQ(creator->Join(Watchdog())->exit_code(), 0);
  EXPECT_TRUE(EndsWithin(stubborn, absl::ZeroDuration()));
}

TEST_P(ProcessEnd, ByKillNineTakesDaemonicChildrenAlongAndLeavesTheOthersToLiveOn) {
  TestingPipe said;
  TestingPipe gate;
  absl::StatusOr<Process> creator = Process::Fork([&] {
    const auto plain = StartSayer(GetParam(), false, said, gate);
    const auto daemon = StartSayer(GetParam(), true, said, gate);
    for (;;) pause();
  });
  ASSERT_THAT(creator, IsOk());
  Fd children[2] = {NextSayer(said), NextSayer(said)};
  ASSERT_THAT(creator->Kill(), IsOk());
  EXPECT_EQ(creator->Join(Watchdog())->signal(), SIGKILL);
  PollEntry watched[2] = {{&children[0]}, {&children[1]}};
  EXPECT_EQ(*PollReadable(watched, Watchdog()), 1);
  WriteText(gate.write, "x");
  // Its parent is whoever takes care of orphans here, and not the creator.
  int32_t parent = 0;
  const std::string last = ReadLine(said.read);
  ASSERT_TRUE(absl::StartsWith(last, "end ") && absl::SimpleAtoi(last.substr(4), &parent)) << last;
  EXPECT_NE(parent, *creator->pid());
  for (const Fd& child : children) EXPECT_TRUE(EndsWithin(child, kWatchdog));
}

TEST(ProcessEndOfThread, LeavesTheDaemonicChildrenThatTheThreadStartedAlive) {
  for (const StartMethod method : {StartMethod::kSpawn, StartMethod::kForkserver}) {
    TestingPipe said;
    TestingPipe gate;
    absl::StatusOr<Process> process;
    std::thread([&] { process = StartSayer(method, true, said, gate); }).join();
    ASSERT_THAT(process, IsOk());
    const Fd child = NextSayer(said);
    // The thread has ended, and the kernel has told the child. It still answers.
    WriteText(gate.write, "x");
    EXPECT_EQ(ReadLine(said.read), absl::StrCat("end ", getpid()));
    EXPECT_EQ(process->Join(Watchdog())->exit_code(), 0);
  }
}

TEST(ProcessEndOfThread, ThatForkedLeavesItsDaemonicChildAlive) {
  // Main forks and ends as a thread, another one goes on.
  TestingPipe said;
  TestingPipe gate;
  TestingPipe over;
  absl::StatusOr<Process> creator = Process::Fork([&]() -> int {
    static absl::StatusOr<Process> child;
    child = StartSayer(StartMethod::kFork, true, said, gate);
    std::thread([&] {
      ReadByte(over.read);
      _exit(child.ok() && child->IsAlive() ? 0 : 1);
    }).detach();
    // As pthread_exit, but that unwinds the stack, which is that of the test.
    syscall(60 /* exit */, 0);
    return 1;
  });
  ASSERT_THAT(creator, IsOk());
  const Fd child = NextSayer(said);
  WriteText(gate.write, "x");
  EXPECT_EQ(ReadLine(said.read), absl::StrCat("end ", *creator->pid()));
  gate.write.Reset();
  WriteText(over.write, "x");
  EXPECT_THAT(creator->Join(Watchdog()), IsOk());
}

TEST(ProcessExitCallback, RunsNewestFirstAtAChildsEndAndNotWhatTheCreatorHad) {
  const ExitCallback creators([] {
    ADD_FAILURE();
    _exit(99);
  });
  TestingPipe said;
  absl::StatusOr<Process> process = Process::Fork([&] {
    static const ExitCallback first([&] { WriteText(said.write, "first "); });
    static const ExitCallback second([&] {
      WriteText(said.write, Process::Start({}, [] {}).ok() ? "started?! " : "second ");
      exit(55);  // Too late to change anything.
    });
    {
      const ExitCallback gone([&] { WriteText(said.write, "gone "); });
    }
    return 3;
  });
  ASSERT_THAT(process, IsOk());
  said.write.Reset();
  EXPECT_EQ(process->Join()->exit_code(), 55);
  EXPECT_EQ(ReadToEnd(said.read), "second ");

  TestingPipe again;
  process = Process::Fork([&] {
    static const ExitCallback first([&] { WriteText(again.write, "first "); });
    static const ExitCallback second([&] { WriteText(again.write, "second "); });
    return 3;
  });
  ASSERT_THAT(process, IsOk());
  again.write.Reset();
  EXPECT_EQ(process->Join()->exit_code(), 3);
  EXPECT_EQ(ReadToEnd(again.read), "second first ");
  // The creator's own stays, and is not to run in this test.
}

}  // namespace
}  // namespace regatta
