#include "reports/run/child.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

struct Seen {
  absl::StatusOr<ChildExit> end;
  std::vector<std::string> lines;
};

Seen RunShell(
    const std::string& script, int channel = 1,
    const std::function<void(std::string_view)>& on_line = [](std::string_view) {}) {
  const InterruptGuard interrupts;
  Seen seen;
  seen.end = RunChild(
      {"/bin/sh", "-c", script}, channel,
      [&](std::string_view line) {
        seen.lines.emplace_back(line);
        on_line(line);
      },
      interrupts);
  return seen;
}

TEST(ChildTest, HandsOnEveryLineEvenOneWithoutAnEnd) {
  const Seen seen = RunShell("echo one; echo; printf two");
  ASSERT_TRUE(seen.end.ok()) << seen.end.status();
  EXPECT_TRUE(seen.end->ok());
  EXPECT_EQ(seen.lines, (std::vector<std::string>{"one", "", "two"}));
}

TEST(ChildTest, ReadsTheChannelThatItWasAskedTo) {
  const Seen seen = RunShell("echo no; echo yes >&3; echo yes again >/dev/fd/3", 3);
  ASSERT_TRUE(seen.end.ok()) << seen.end.status();
  EXPECT_EQ(seen.lines, (std::vector<std::string>{"yes", "yes again"}));
}

TEST(ChildTest, TellsHowTheChildExitedAndItsLastWords) {
  const Seen exited = RunShell("for i in 1 2 3 4 5 6 7 8 9 10 11 12; do echo word $i >&2; done; exit 7");
  ASSERT_TRUE(exited.end.ok());
  EXPECT_FALSE(exited.end->ok());
  EXPECT_EQ(exited.end->Describe(), "exit code 7");
  ASSERT_EQ(exited.end->last_errors.size(), 10u);
  EXPECT_EQ(exited.end->last_errors.back(), "word 12");
  const Seen killed = RunShell("kill -SEGV $$");
  ASSERT_TRUE(killed.end.ok());
  EXPECT_EQ(killed.end->Describe(), "signal 11 (Segmentation fault)");
}

TEST(ChildTest, SaysWhatCouldNotBeStarted) {
  const InterruptGuard interrupts;
  const auto end = RunChild(
      {"/nowhere/program"}, 1, [](std::string_view) {}, interrupts);
  ASSERT_FALSE(end.ok());
  EXPECT_NE(end.status().message().find("/nowhere/program"), std::string::npos);
}

// A process that outlives the child keeps its pipes open; the child's end is the end all the same.
TEST(ChildTest, DoesNotWaitForAStragglerThatHoldsThePipes) {
  const std::string gate = absl::StrCat(std::getenv("TEST_TMPDIR"), "/gate");
  ASSERT_EQ(mkfifo(gate.c_str(), 0600), 0);
  const Seen seen = RunShell(absl::StrCat("cat ", gate, " & echo done"));
  ASSERT_TRUE(seen.end.ok());
  EXPECT_EQ(seen.lines, (std::vector<std::string>{"done"}));
  // The straggler still waits for a writer: let it go.
  const int writer = open(gate.c_str(), O_WRONLY);
  ASSERT_GE(writer, 0);
  close(writer);
}

TEST(ChildTest, PassesTheFirstInterruptOnAndEndsTheChildAtTheSecond) {
  const Seen once =
      RunShell("trap 'echo caught; exit 3' INT; echo ready; while :; do :; done", 1, [](std::string_view line) {
        if (line == "ready") raise(SIGINT);
      });
  ASSERT_TRUE(once.end.ok());
  EXPECT_EQ(once.lines, (std::vector<std::string>{"ready", "caught"}));
  EXPECT_EQ(once.end->exit_code, 3);

  const Seen twice = RunShell("trap 'echo caught' INT; echo ready; while :; do :; done", 1, [](std::string_view line) {
    if (line == "ready") raise(SIGINT);
    if (line == "caught") raise(SIGTERM);
  });
  ASSERT_TRUE(twice.end.ok());
  EXPECT_EQ(twice.end->signal, SIGTERM);
}

TEST(InterruptGuardTest, CountsInterruptsInsteadOfDyingAndThenRestoresWhatWas) {
  {
    const InterruptGuard interrupts;
    EXPECT_EQ(interrupts.count(), 0);
    raise(SIGINT);
    EXPECT_EQ(interrupts.count(), 1);
    raise(SIGTERM);
    EXPECT_EQ(interrupts.count(), 2);
  }
  EXPECT_EXIT(raise(SIGINT), testing::KilledBySignal(SIGINT), "");
}

}  // namespace
}  // namespace regatta::reports
