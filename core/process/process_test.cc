// A process from its making to its end, under every start method.
#include "core/process/process.h"

#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <map>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/os/pidfd.h"
#include "core/process/this_process.h"
#include "core/sync/event.h"
#include "core/testing/pipe.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

class ProcessLifecycle : public testing::TestWithParam<StartMethod> {
 protected:
  StartOptions Options() const { return {.method = GetParam()}; }

  template <class F, class... Args>
  Process Started(F function, Args&&... arguments) const {
    return StartedWith(Options(), function, std::forward<Args>(arguments)...);
  }
  template <class F, class... Args>
  Process StartedWith(StartOptions options, F function, Args&&... arguments) const {
    absl::StatusOr<Process> process = Process::Start(std::move(options), function, std::forward<Args>(arguments)...);
    EXPECT_THAT(process, IsOk());
    return process.ok() ? *std::move(process) : Process();
  }
  static ExitStatus Joined(Process& process) {
    const absl::StatusOr<ExitStatus> end = process.Join(Watchdog());
    EXPECT_THAT(end, IsOk());
    return end.value_or(ExitStatus::Unknown());
  }
};

INSTANTIATE_TEST_SUITE_P(Methods, ProcessLifecycle, testing::ValuesIn(kAllStartMethods),
                         [](const auto& info) { return std::string(StartMethodName(info.param)); });

void TellWhoIAm(Fd to) {
  WriteText(to, absl::StrCat(getpid(), " ", getppid(), " ", this_process::creator_pid(), " ", this_process::name(), " ",
                             this_process::daemon() ? "daemon" : "plain"));
}

TEST_P(ProcessLifecycle, HasItsPidItsNameAndItsCreatorAsParent) {
  TestingPipe pipe;
  Process process = StartedWith({.method = GetParam(), .name = "boat"}, &TellWhoIAm, std::move(pipe.write));
  EXPECT_EQ(ReadToEnd(pipe.read), absl::StrCat(*process.pid(), " ", getpid(), " ", getpid(), " boat plain"));
  EXPECT_TRUE(Joined(process).success());
  EXPECT_EQ(process.name(), "boat");
}

struct Named {
  int units = 1;
  std::string label = "none";
  std::map<std::string, double> weights;
};

void TellArguments(Fd to, int positional, const std::string& text, Named named) {
  std::string said = absl::StrCat(positional, " ", text, " ", named.units, " ", named.label);
  for (const auto& [key, value] : named.weights) absl::StrAppend(&said, " ", key, "=", value);
  WriteText(to, said);
}

TEST_P(ProcessLifecycle, GetsItsArgumentsUnchangedNamedOnesAsAStruct) {
  TestingPipe pipe;
  Process process = Started(&TellArguments, std::move(pipe.write), -7, "two words",
                            Named{.units = 10, .weights = {{"a", 0.5}, {"b", -1}}});
  EXPECT_EQ(ReadToEnd(pipe.read), "-7 two words 10 none a=0.5 b=-1");
  EXPECT_TRUE(Joined(process).success());
}

TEST_P(ProcessLifecycle, ACapturelessLambdaIsAFunctionToo) {
  Process process = Started([](int a, int b) { return a * b; }, 6, 7);
  EXPECT_EQ(Joined(process), ExitStatus::Exited(42));
}

TEST_P(ProcessLifecycle, EventsAreArguments) {
  Event begun = *Event::Create();
  Event go = *Event::Create();
  Process process = Started(
      [](Event begun, Event go) {
        begun.Set();
        return go.Wait(Watchdog()).ok() ? 7 : 1;
      },
      begun, go);
  ASSERT_THAT(begun.Wait(Watchdog()), IsOk());
  EXPECT_TRUE(process.IsAlive());
  go.Set();
  EXPECT_EQ(Joined(process), ExitStatus::Exited(7));
}

TEST_P(ProcessLifecycle, WithoutATargetStartsAndEndsWithZero) {
  Process process(Options());
  ASSERT_THAT(process.Start(), IsOk());
  EXPECT_EQ(Joined(process), ExitStatus::Exited(0));
}

TEST_P(ProcessLifecycle, IsNewThenAliveThenDead) {
  TestingPipe go;
  Process process(
      Options(), [](Fd gate) { ReadByte(gate); }, std::move(go.read));
  EXPECT_FALSE(process.pid().has_value());
  EXPECT_FALSE(process.IsAlive());
  EXPECT_EQ(process.State(), ProcessState::kNew);
  EXPECT_THAT(process.Join(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(process.Terminate(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(process.sentinel(), StatusIs(absl::StatusCode::kFailedPrecondition));

  ASSERT_THAT(process.Start(), IsOk());
  EXPECT_TRUE(process.IsAlive());
  EXPECT_FALSE(process.exit_status().has_value());

  WriteText(go.write, "x");
  EXPECT_TRUE(Joined(process).success());
  EXPECT_FALSE(process.IsAlive());
  EXPECT_EQ(process.State(), ProcessState::kDead);
  EXPECT_TRUE(process.exit_status()->success());
}

TEST_P(ProcessLifecycle, StartsOnlyOnce) {
  Process process(Options(), [] {});
  ASSERT_THAT(process.Start(), IsOk());
  const absl::Status again = process.Start();
  EXPECT_THAT(again, StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("started before")));
  Joined(process);
  EXPECT_THAT(process.Start(), StatusIs(absl::StatusCode::kFailedPrecondition));
}

TEST_P(ProcessLifecycle, SpinningIsRunningAndSleepingIsWaitingAndAnUnreapedEndIsDead) {
  TestingPipe spinning;
  Process spinner = Started(
      [](Fd ready) {
        WriteText(ready, "x");
        for (;;) asm volatile("");
      },
      std::move(spinning.write));
  ASSERT_TRUE(ReadByte(spinning.read));
  EXPECT_EQ(spinner.State(), ProcessState::kRunning);
  ASSERT_THAT(spinner.Kill(), IsOk());
  // Wait for the end without reaping it.
  Process* const both[] = {&spinner};
  EXPECT_EQ(WaitForAny(both, Watchdog())->size(), 1u);
  EXPECT_EQ(spinner.State(), ProcessState::kDead);
  EXPECT_EQ(Joined(spinner), ExitStatus::Signalled(SIGKILL));

  TestingPipe never;
  Process sleeper = Started([](Fd gate) { ReadByte(gate); }, std::move(never.read));
  while (sleeper.State() != ProcessState::kWaiting) std::this_thread::yield();  // Ends: it does nothing else.
  WriteText(never.write, "x");
  EXPECT_TRUE(Joined(sleeper).success());
}

TEST(ProcessState, IsNotDeadWhereProcDoesNotShowTheProcess) {
  absl::StatusOr<Process> owner = Process::Fork([] {
    absl::StatusOr<Process> sleeper = Process::Fork([] {
      for (;;) pause();
    });
    if (!sleeper.ok()) return 1;
    const bool blind = chroot("/dev") == 0;  // It has no folder proc.
    const bool dead = sleeper->State() == ProcessState::kDead;
    if (!sleeper->Kill().ok() || !sleeper->Join().ok() || sleeper->State() != ProcessState::kDead) return 2;
    return dead ? 3 : blind ? 0 : 77;
  });
  ASSERT_THAT(owner, IsOk());
  const absl::StatusOr<ExitStatus> end = owner->Join(Watchdog());
  if (end.ok() && end->exit_code() == 77) GTEST_SKIP() << "may not chroot";
  EXPECT_TRUE(end.ok() && end->success()) << end->ToString();
}

TEST_P(ProcessLifecycle, ExitCodesAreEightBits) {
  Process returns = Started([] { return 263; });
  EXPECT_EQ(Joined(returns).exit_code(), 7);
  Process exits = Started([] { exit(263); });
  EXPECT_EQ(Joined(exits).exit_code(), 7);
  Process fails = Started([] { return 256; });
  EXPECT_EQ(Joined(fails).exit_code(), 1);  // And no success.
}

TEST_P(ProcessLifecycle, AResultOtherThanIntIsDroppedAndAnErrorIsOne) {
  Process dropped = Started([] { return std::string("seven"); });
  EXPECT_EQ(Joined(dropped).exit_code(), 0);
  Process fails = Started([] { return absl::DataLossError("spilt"); });
  EXPECT_EQ(Joined(fails).exit_code(), 1);
  Process half = Started([]() -> absl::StatusOr<int> { return 3; });
  EXPECT_EQ(Joined(half).exit_code(), 3);
}

// Runs `start` with this process's stderr going into a pipe, and returns what was written there by it and its children.
template <class Body>
std::string StderrOf(Body&& body) {
  TestingPipe pipe;
  const Fd before(dup(STDERR_FILENO));
  dup2(pipe.write.get(), STDERR_FILENO);
  pipe.write.Reset();
  body();
  dup2(before.get(), STDERR_FILENO);
  return ReadToEnd(pipe.read);
}

TEST_P(ProcessLifecycle, AnUncaughtExceptionIsOneAndSaysTypeTextAndName) {
  ExitStatus end = ExitStatus::Unknown();
  const std::string said = StderrOf([&] {
    Process process =
        StartedWith({.method = GetParam(), .name = "leaky"}, [] { throw std::out_of_range("overboard"); });
    end = Joined(process);
  });
  EXPECT_EQ(end.exit_code(), 1);
  EXPECT_EQ(said, "Process leaky: std::out_of_range: overboard\n");
}

TEST_P(ProcessLifecycle, AFailureIsOneThoughNobodyReadsStderrOrStdout) {
  TestingPipe pipe;
  pipe.read.Reset();
  const auto before = signal(SIGPIPE, SIG_DFL);
  const Fd out(dup(STDOUT_FILENO));
  const Fd error(dup(STDERR_FILENO));
  dup2(pipe.write.get(), STDOUT_FILENO);
  dup2(pipe.write.get(), STDERR_FILENO);
  Process process = Started([]() -> int {
    printf("nobody reads this");
    throw std::out_of_range("nor this");
  });
  const ExitStatus end = Joined(process);
  dup2(out.get(), STDOUT_FILENO);
  dup2(error.get(), STDERR_FILENO);
  signal(SIGPIPE, before);
  EXPECT_EQ(end, ExitStatus::Exited(1)) << end.ToString();
}

TEST_P(ProcessLifecycle, TerminateEndsItBetweenStepsAndIsNothingToTheDead) {
  TestingPipe steps;
  TestingPipe gate;
  Process process = Started(
      [](Fd say, Fd wait) {
        WriteText(say, "1");
        ReadByte(wait);
        WriteText(say, "2");
        ReadByte(wait);
        WriteText(say, "3");
      },
      std::move(steps.write), std::move(gate.read));
  ASSERT_TRUE(ReadByte(steps.read));
  WriteText(gate.write, "x");
  ASSERT_TRUE(ReadByte(steps.read));
  ASSERT_THAT(process.Terminate(), IsOk());
  const ExitStatus end = Joined(process);
  EXPECT_EQ(end, ExitStatus::Signalled(SIGTERM));
  EXPECT_EQ(end.code(), -SIGTERM);
  EXPECT_EQ(ReadToEnd(steps.read), "");
  EXPECT_THAT(process.Terminate(), IsOk());
  EXPECT_THAT(process.Kill(), IsOk());
  EXPECT_EQ(Joined(process), end);
}

TEST_P(ProcessLifecycle, JoinKeepsItsDeadlineAndCanBeRepeated) {
  TestingPipe gate;
  Process process = Started([](Fd wait) { ReadByte(wait); }, std::move(gate.read));
  const int64_t begin = MonotonicNanos();
  EXPECT_THAT(process.Join(Deadline::After(absl::Milliseconds(30))), StatusIs(absl::StatusCode::kDeadlineExceeded));
  EXPECT_GE(MonotonicNanos() - begin, 30'000'000);
  EXPECT_THAT(process.Join(Deadline::Now()), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_THAT(process.Join(Deadline::After(absl::Seconds(-5))), StatusIs(absl::StatusCode::kUnavailable));
  EXPECT_TRUE(process.IsAlive());
  EXPECT_FALSE(process.exit_status().has_value());
  WriteText(gate.write, "x");
  EXPECT_TRUE(Joined(process).success());
  EXPECT_TRUE(process.Join(Deadline::Now())->success());
}

TEST_P(ProcessLifecycle, ManyWaitersAllSeeOneStatus) {
  TestingPipe gate;
  Process process = Started(
      [](Fd wait) {
        ReadByte(wait);
        return 9;
      },
      std::move(gate.read));
  std::vector<ExitStatus> seen(8, ExitStatus::Unknown());
  std::vector<std::thread> waiters;
  for (ExitStatus& status : seen) {
    waiters.emplace_back([&] { status = Joined(process); });
  }
  WriteText(gate.write, "x");
  for (std::thread& waiter : waiters) waiter.join();
  for (const ExitStatus& status : seen) EXPECT_EQ(status, ExitStatus::Exited(9));
}

TEST_P(ProcessLifecycle, ReapedBySomebodyElseItsStatusIsUnknownAndWaitsEnd) {
  Process process = Started([] { return 5; });
  KillAndReap(*process.pid());  // As code that knows the pid may.
  EXPECT_TRUE(Joined(process).unknown());
  EXPECT_FALSE(process.exit_status()->code().has_value());
  EXPECT_FALSE(process.IsAlive());
  // The pid may be anybody's now: nobody is sent anything.
  EXPECT_THAT(process.Kill(), IsOk());
}

TEST_P(ProcessLifecycle, TheSentinelFiresAtItsEndThoughADescendantHoldsAllItsDescriptors) {
  TestingPipe pids;
  TestingPipe hold;
  Process process = Started(
      [](Fd say, Fd held) {
        const pid_t grandchild = fork();
        if (grandchild == 0) {
          ReadByte(held);  // Until the test lets go.
          _exit(0);
        }
        WriteText(say, absl::StrCat(grandchild, "\n"));
      },
      std::move(pids.write), std::move(hold.read));
  const pid_t grandchild = atoi(ReadLine(pids.read).c_str());
  ASSERT_GT(grandchild, 0);
  Process* const all[] = {&process};
  EXPECT_EQ(WaitForAny(all, Watchdog())->size(), 1u);
  EXPECT_EQ(kill(grandchild, 0), 0);  // Still there.
  EXPECT_TRUE(Joined(process).success());
  WriteText(hold.write, "x");
  EXPECT_EQ(ReadToEnd(pids.read), "");  // And now it is gone.
}

TEST_P(ProcessLifecycle, CloseIsRefusedWhileItRunsAndRepeatableAfterwards) {
  TestingPipe gate;
  Process process = Started([](Fd wait) { ReadByte(wait); }, std::move(gate.read));
  EXPECT_THAT(process.Close(), StatusIs(absl::StatusCode::kFailedPrecondition));
  WriteText(gate.write, "x");
  Joined(process);
  EXPECT_THAT(process.Close(), IsOk());
  EXPECT_THAT(process.Close(), IsOk());
  EXPECT_THAT(process.Join(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(process.Terminate(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_THAT(process.Start(), StatusIs(absl::StatusCode::kFailedPrecondition));
  EXPECT_FALSE(process.IsAlive());
}

TEST_P(ProcessLifecycle, WaitForAnyReturnsThoseThatHaveEndedAndNoneAtTheDeadline) {
  TestingPipe gates[2];
  Process first = Started([](Fd wait) { ReadByte(wait); }, std::move(gates[0].read));
  Process second = Started([](Fd wait) { ReadByte(wait); }, std::move(gates[1].read));
  Process* const both[] = {&first, &second};
  EXPECT_TRUE(WaitForAny(both, Deadline::Now())->empty());
  EXPECT_TRUE(WaitForAny(both, Deadline::After(absl::Milliseconds(5)))->empty());
  EXPECT_TRUE(WaitForAny({}, Deadline::Now())->empty());
  WriteText(gates[1].write, "x");
  EXPECT_EQ(*WaitForAny(both, Watchdog()), std::vector<Process*>{&second});
  WriteText(gates[0].write, "x");
  Joined(first);
  EXPECT_EQ(*WaitForAny(both), (std::vector<Process*>{&first, &second}));
  Process unstarted;
  Process* const wrong[] = {&unstarted};
  EXPECT_THAT(WaitForAny(wrong), StatusIs(absl::StatusCode::kFailedPrecondition));
  Joined(second);
}

TEST_P(ProcessLifecycle, AHandleThatGoesAwayLeavesTheProcessRunning) {
  TestingPipe gate;
  TestingPipe done;
  {
    Process process = Started(
        [](Fd wait, Fd say) {
          ReadByte(wait);
          WriteText(say, "done");
        },
        std::move(gate.read), std::move(done.write));
  }
  WriteText(gate.write, "x");
  EXPECT_EQ(ReadToEnd(done.read), "done");
}

TEST(ProcessSubclass, OverridesWhatTheProcessDoesByForkOnly) {
  class Sailor : public Process {
   public:
    Sailor(StartOptions options, const Fd& say) : Process(std::move(options)), say_(say) {}

   private:
    int Run() override {
      WriteText(say_, absl::StrCat(name(), " ", *pid(), " ", getpid(), " ", IsAlive(), " ",
                                   absl::IsFailedPrecondition(Join().status())));
      return 3;
    }
    const Fd& say_;
  };
  TestingPipe pipe;
  Sailor sailor({.name = "jack"}, pipe.write);
  ASSERT_THAT(sailor.Start(), IsOk());
  pipe.write.Reset();
  const std::string pid = absl::StrCat(*sailor.pid());
  EXPECT_EQ(ReadToEnd(pipe.read), absl::StrCat("jack ", pid, " ", pid, " 1 1"));
  EXPECT_EQ(sailor.Join()->exit_code(), 3);

  for (const StartMethod method : {StartMethod::kSpawn, StartMethod::kForkserver}) {
    TestingPipe other;
    Sailor ashore({.method = method}, other.write);
    const absl::Status refused = ashore.Start();
    EXPECT_THAT(refused, StatusIs(absl::StatusCode::kFailedPrecondition, testing::HasSubstr("kFork")));
    EXPECT_FALSE(ashore.pid().has_value());
  }
}

TEST(ProcessFork, TakesACallableWithCapturesAndSeesThisProcesssMemory) {
  std::vector<int> cargo = {11, 22};
  TestingPipe pipe;
  absl::StatusOr<Process> process = Process::Fork([&] {
    cargo.push_back(33);
    WriteText(pipe.write, absl::StrCat(cargo.size(), " ", cargo.back()));
    return 4;
  });
  ASSERT_THAT(process, IsOk());
  pipe.write.Reset();
  EXPECT_EQ(ReadToEnd(pipe.read), "3 33");
  EXPECT_EQ(process->Join()->exit_code(), 4);
  EXPECT_EQ(cargo.size(), 2u);
  EXPECT_THAT(Process::Fork({.method = StartMethod::kSpawn}, [] {}), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST(ProcessFork, AForkedChildCanNeitherJoinNorSignalItsSibling) {
  TestingPipe gate;
  absl::StatusOr<Process> sibling = Process::Fork([&] { ReadByte(gate.read); });
  ASSERT_THAT(sibling, IsOk());
  absl::StatusOr<Process> other = Process::Fork([&] {
    return absl::IsFailedPrecondition(sibling->Join().status()) && absl::IsFailedPrecondition(sibling->Terminate()) &&
                   sibling->IsAlive()
               ? 0
               : 1;
  });
  ASSERT_THAT(other, IsOk());
  EXPECT_EQ(other->Join()->exit_code(), 0);
  EXPECT_TRUE(sibling->IsAlive());
  WriteText(gate.write, "x");
  EXPECT_TRUE(sibling->Join()->success());
}

TEST(ProcessFork, WithSigchldIgnoredTheStatusIsUnknownAndJoinEnds) {
  absl::StatusOr<Process> parent = Process::Fork([] {
    signal(SIGCHLD, SIG_IGN);
    absl::StatusOr<Process> child = Process::Fork([] { return 5; });
    if (!child.ok()) return 1;
    const absl::StatusOr<ExitStatus> end = child->Join(Watchdog());
    return end.ok() && end->unknown() ? 0 : 2;
  });
  ASSERT_THAT(parent, IsOk());
  EXPECT_EQ(parent->Join()->exit_code(), 0);
}

}  // namespace
}  // namespace regatta
