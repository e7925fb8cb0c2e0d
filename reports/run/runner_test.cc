#include "reports/run/runner.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

constexpr const char* kFakeBench = "reports/run/fake_bench";

class RunnerTest : public testing::Test {
 protected:
  // Lists and runs a plan.
  Results Run(
      std::vector<std::string> flags, const std::function<void(std::string_view)>& on_line = [](std::string_view) {},
      bool quick = true) {
    const Bench bench = {kFakeBench, std::move(flags)};
    const auto arms = ListArms(bench, interrupts_);
    EXPECT_TRUE(arms.ok()) << arms.status();
    plan_ = MakePlan(*arms, quick, /*processors=*/2, 1);
    Progress progress(nullptr, false, std::vector<double>(plan_.steps.size(), 1.0));
    return RunPlan(plan_, bench, interrupts_, progress, on_line);
  }

  static std::string Missing(const Results& results) { return absl::StrJoin(results.missing, "\n"); }

  InterruptGuard interrupts_;
  Plan plan_;
};

TEST_F(RunnerTest, MeasuresEveryComparisonInAnInvocationOfItsOwn) {
  int lines = 0;
  const Results results = Run({}, [&](std::string_view) { ++lines; });
  EXPECT_EQ(Missing(results), "");
  ASSERT_EQ(results.invocations.size(), plan_.comparisons.size());
  int kept = 0;
  for (size_t i = 0; i < results.invocations.size(); ++i) {
    const Invocation& invocation = results.invocations[i];
    const Comparison& comparison = plan_.comparisons[i];
    EXPECT_EQ(invocation.arms.size(), comparison.keys.size());
    EXPECT_EQ(static_cast<int>(invocation.records.size()), comparison.ready * comparison.blocks);
    EXPECT_TRUE(invocation.footer.has_value());
    kept += static_cast<int>(invocation.lines.size());
  }
  EXPECT_EQ(lines, kept);
}

TEST_F(RunnerTest, ReportsAFailingArmOnceAndGoesOn) {
  const Results results = Run({"--fake_fail=queue_round_trip/pipe/bytes:64/placement:other_core"});
  EXPECT_EQ(Missing(results), "Failed: queue_round_trip/pipe/bytes:64/placement:other_core: a partner died");
  EXPECT_EQ(results.invocations.size(), plan_.comparisons.size());
}

TEST_F(RunnerTest, TellsAReasonOnceForAllThatFailedForIt) {
  const Results results = Run({"--fake_fail=queue_round_trip/"});
  EXPECT_EQ(results.missing.size(), 2u) << Missing(results);  // of the two comparisons with round trips
  EXPECT_NE(Missing(results).find(" and 2 more: a partner died"), std::string::npos) << Missing(results);
}

TEST_F(RunnerTest, PassesOnWhatIsWrongWithTheFlags) {
  const auto refused = ListArms({"/bin/sh", {"-c", "echo 'bench: there is no file in /x' >&2; exit 2"}}, interrupts_);
  EXPECT_EQ(refused.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(refused.status().message(), "there is no file in /x");
}

TEST_F(RunnerTest, KeepsWhatACrashLeftAndGoesOn) {
  const Results results = Run({"--fake_crash_after=2"});
  EXPECT_EQ(results.invocations.size(), plan_.comparisons.size());
  for (const Invocation& invocation : results.invocations) EXPECT_EQ(invocation.records.size(), 2u);
  EXPECT_EQ(results.missing.size(), plan_.comparisons.size());
  EXPECT_NE(Missing(results).find("signal 11 (Segmentation fault); its last words: about to crash"), std::string::npos)
      << Missing(results);
}

TEST_F(RunnerTest, SaysWhichLinesItCouldNotRead) {
  const Results results = Run({"--fake_garbage"});
  EXPECT_EQ(results.missing.size(), plan_.comparisons.size());
  EXPECT_NE(Missing(results).find("could not be read (tasks of rising size): not JSON"), std::string::npos)
      << Missing(results);
  EXPECT_FALSE(results.invocations.front().records.empty());
}

TEST_F(RunnerTest, KeepsWhatWasMeasuredBeforeAnInterruptAndNamesTheRest) {
  // The count loops are the second comparison; its first arm in the first block waits for the signal.
  int headers = 0;
  const Results results = Run({"--fake_wait=workload/count_loop/"}, [&](std::string_view line) {
    headers += line.find("\"header\"") != std::string_view::npos;
    if (headers == 2 && line.find("\"header\"") != std::string_view::npos) raise(SIGINT);
  });
  ASSERT_EQ(results.invocations.size(), 2u);
  EXPECT_FALSE(results.invocations[0].records.empty());
  EXPECT_TRUE(results.invocations[1].footer->interrupted);
  EXPECT_NE(Missing(results).find("of: the count loops. It was interrupted."), std::string::npos) << Missing(results);
  EXPECT_NE(Missing(results).find("Interrupted before: copying a folder; "), std::string::npos) << Missing(results);
  EXPECT_TRUE(Missing(results).ends_with("; locks, events and queues alone.")) << Missing(results);
  EXPECT_EQ(results.missing.size(), 2u);
}

TEST_F(RunnerTest, NamesRunsThatHadNotBegunAsAWhole) {
  const auto interrupt = [](std::string_view line) {
    if (line.find("\"header\"") != std::string_view::npos) raise(SIGINT);
  };
  const Results results = Run({"--fake_wait=workload/grain_sweep/"}, interrupt, /*quick=*/false);
  EXPECT_TRUE(
      Missing(results).ends_with("; locks, events and queues alone, run 1 of 5; all of run 2 of 5; all of run 3 of 5; "
                                 "all of run 4 of 5; all of run 5 of 5."))
      << Missing(results);
}

TEST_F(RunnerTest, DoesNotWaitForAStraggler) {
  const std::string gate = absl::StrCat(std::getenv("TEST_TMPDIR"), "/straggler");
  ASSERT_EQ(mkfifo(gate.c_str(), 0600), 0);
  const Results results = Run({absl::StrCat("--fake_straggler=", gate)});
  EXPECT_EQ(Missing(results), "");
  const int writer = open(gate.c_str(), O_WRONLY);  // lets all of them go
  ASSERT_GE(writer, 0);
  close(writer);
}

TEST_F(RunnerTest, SaysWhyTheProgramCouldNotListAnything) {
  EXPECT_FALSE(ListArms({"/nowhere/bench", {}}, interrupts_).ok());
  const auto failed = ListArms({"/bin/sh", {"-c", "echo broken >&2; exit 3"}}, interrupts_);
  ASSERT_FALSE(failed.ok());
  EXPECT_NE(failed.status().message().find("exit code 3: broken"), std::string::npos) << failed.status();
  EXPECT_FALSE(ListArms({"/bin/echo", {}}, interrupts_).ok());
}

}  // namespace
}  // namespace regatta::reports
