// Runs of testees that are shell scripts, each with a habit.
#include "conformance/judge/testee.h"

#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace regatta::conformance {
namespace {

bool private_shared_memory = false;

constexpr absl::Duration kSoon = absl::Milliseconds(200);
constexpr absl::Duration kWatchdog = absl::Seconds(60);

TesteeRun RunScript(const std::string& script, absl::Duration watchdog = kWatchdog,
                    absl::Duration patience_with_the_rest = kWatchdog) {
  absl::StatusOr<TesteeRun> run = RunTestee({.command = {"/bin/sh", "-c", script},
                                             .scenario = "a/scenario",
                                             .method = "a method",
                                             .fault = "a fault",
                                             .watchdog = watchdog,
                                             .patience_with_the_rest = patience_with_the_rest});
  EXPECT_TRUE(run.ok()) << run.status();
  return run.ok() ? *std::move(run) : TesteeRun();
}

bool HasChildren() {
  std::ifstream file(absl::StrCat("/proc/self/task/", getpid(), "/children"));
  return std::istream_iterator<std::string>(file) != std::istream_iterator<std::string>();
}

TEST(RunTestee, GivesItScenarioMethodTraceAndFaultAndKeepsWhatItSays) {
  const TesteeRun run = RunScript(R"(echo "$0 $1 $REGATTA_FAULT"; echo oh >&2; echo line >>"$REGATTA_TRACE"; exit 3)");
  EXPECT_EQ(run.standard_output, "a/scenario a method a fault\n");
  EXPECT_EQ(run.standard_error, "oh\n");
  EXPECT_EQ(run.trace, "line\n");
  EXPECT_EQ(run.code, 3);
  EXPECT_FALSE(run.hung);
  EXPECT_EQ(run.processes_left, 0);
  EXPECT_TRUE(run.shared_memory_left.empty());
}

TEST(RunTestee, TellsADeathBySignal) { EXPECT_EQ(RunScript("kill -9 $$").code, -9); }

TEST(RunTestee, GivesItNoInputAndNoBlockedSignals) {
  const TesteeRun run = RunScript("grep SigBlk /proc/self/status; cat");
  EXPECT_EQ(run.standard_output, "SigBlk:\t0000000000000000\n");
}

TEST(RunTestee, GivesItNoDescriptorsButTheFirstThree) {
  const int inheritable = dup(STDOUT_FILENO);
  const TesteeRun run = RunScript("ls /proc/$$/fd");
  close(inheritable);
  EXPECT_EQ(run.standard_output, "0\n1\n2\n");
}

TEST(RunTestee, EndsOneThatHangsAndAllThatItStarted) {
  const TesteeRun run = RunScript("setsid sleep 1000 & sleep 1000 & sleep 1000", kSoon);
  EXPECT_TRUE(run.hung);
  EXPECT_FALSE(HasChildren());
}

TEST(RunTestee, CountsAndEndsWhatIsLeftAlsoInAnotherSession) {
  const TesteeRun run = RunScript("setsid sleep 1000 & sleep 1000 & exit 0", kWatchdog, kSoon);
  EXPECT_EQ(run.code, 0);
  EXPECT_FALSE(run.hung);
  EXPECT_EQ(run.processes_left, 2);
  EXPECT_FALSE(HasChildren());
}

TEST(RunTestee, WaitsForOrphansThatEndByThemselves) {
  const TesteeRun run = RunScript(R"((sleep 0.1; echo late >>"$REGATTA_TRACE") & exit 0)");
  EXPECT_EQ(run.processes_left, 0);
  EXPECT_EQ(run.trace, "late\n");
}

TEST(RunTestee, NamesWhatIsLeftInSharedMemoryAndTakesItAway) {
  const std::string script = "touch /dev/shm/left; ls /dev/shm";
  if (!private_shared_memory) {
    EXPECT_TRUE(RunScript("exit 0").shared_memory_left.empty());
    return;
  }
  for (int i = 0; i < 2; ++i) {
    const TesteeRun run = RunScript(script);
    EXPECT_EQ(run.shared_memory_left, std::vector<std::string>{"left"});
    EXPECT_EQ(run.standard_output, "left\n");
  }
}

TEST(RunTestee, OfNoProgramIsNotFound) {
  const absl::StatusOr<TesteeRun> run = RunTestee({.command = {"/nowhere/testee"}, .scenario = "s", .method = "m"});
  EXPECT_EQ(run.status().code(), absl::StatusCode::kNotFound) << run.status();
}

}  // namespace
}  // namespace regatta::conformance

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);
  const absl::Status ready = regatta::conformance::PrepareToJudge(&regatta::conformance::private_shared_memory);
  if (!ready.ok()) {
    fprintf(stderr, "%s\n", ready.ToString().c_str());
    return 1;
  }
  return RUN_ALL_TESTS();
}
