#include <cmath>

#include "gtest/gtest.h"
#include "reports/sections/answer.h"
#include "reports/sections/results_builder.h"
#include "reports/sections/sections.h"

namespace regatta::reports {
namespace {

std::string AnswerOf(const ResultsBuilder& made) {
  const Analysis analysis(made.results());
  return Words(AnswerSection(analysis, FindPools(analysis)));
}

std::string PoolOf(const ResultsBuilder& made) {
  const Analysis analysis(made.results());
  return Words(PoolSection(analysis, FindPools(analysis)));
}

constexpr const char* kSweep = "workload/grain_sweep/pool/workers:2/chunk:1";

// Serial 1000 ns a task at half the speed, 100 us at one and a half: the break-even lies half way over the log, at 10
// us.
const std::vector<SweepPoint> kCrossing = {{1'000, 10, 10'000, 20'000}, {100'000, 10, 1'000'000, 1'000'000 / 1.5}};

TEST(PoolFindingsTest, FindsBreakEvenInSerialTimeAndMetgInProcessorTime) {
  ResultsBuilder made;
  made.Sweep(kSweep, kCrossing);
  const Analysis analysis(made.results());
  const PoolFindings findings = FindPools(analysis);
  const SweepFinding* sweep = findings.Main("1");
  ASSERT_NE(sweep, nullptr);
  EXPECT_EQ(sweep->processors, 2);
  EXPECT_NEAR(sweep->break_even.value, 10'000, 1e-6);
  // On two processors half efficiency is a speed-up of 1: the same crossing, in granularity. It lies between
  // 20000 * 2 / 10 = 4000 ns and 666667 * 2 / 10 = 133333 ns, half way over the log.
  EXPECT_NEAR(sweep->metg50.value, std::sqrt(4'000 * 133'333.3), 1);
  EXPECT_TRUE(std::isinf(sweep->metg90.value));
}

TEST(PoolFindingsTest, PrefersAsManyWorkersAsProcessorsAndTheStateMeasuredMost) {
  ResultsBuilder made;
  made.Sweep("workload/grain_sweep/pool/workers:1/chunk:1", kCrossing, 5)
      .Sweep(kSweep, kCrossing, 2, "far")
      .Sweep(kSweep, kCrossing, 3, "near")
      .Sweep("workload/grain_sweep/pool/workers:3/chunk:1", kCrossing, 5);
  for (size_t i = 0; i < made.results().invocations[0].records.size(); ++i) {
    made.results().invocations[0].records[i].block = static_cast<int64_t>(i);
  }
  const Analysis analysis(made.results());
  const PoolFindings findings = FindPools(analysis);
  EXPECT_EQ(findings.Main("1")->workers, 2);
  EXPECT_EQ(findings.Main("1")->state, "near");
  EXPECT_EQ(findings.Main("auto"), nullptr);
}

TEST(AnswerTest, SaysFromWhichTaskSizeOnAPoolIsWorthIt) {
  ResultsBuilder made;
  made.Sweep(kSweep, kCrossing);
  const std::string answer = AnswerOf(made);
  EXPECT_TRUE(Has(answer,
                  "By a first look, yes: a pool of 2 workers (near state) is worth it here once a task takes longer "
                  "than about 10 µs (10 to 10 µs, lowest to highest of 3 blocks)."))
      << answer;
  EXPECT_TRUE(Has(answer, "With tasks of 100 µs, 2 workers gave 1.50× the speed of one process")) << answer;
  EXPECT_TRUE(Has(answer, "Indicative.")) << answer;
}

TEST(AnswerTest, SaysNoWhereThePoolNeverWins) {
  ResultsBuilder made;
  made.Sweep(kSweep, {{1'000, 10, 10'000, 20'000}, {100'000, 10, 1'000'000, 1'500'000}});
  const std::string answer = AnswerOf(made);
  EXPECT_TRUE(Has(answer,
                  "By a first look, no: with 2 workers (near state), a pool that hands out one task at a time did not "
                  "reach the speed of a single process with any task up to 100 µs."))
      << answer;
}

TEST(AnswerTest, SaysYesAtEverySizeWhereItAlwaysWins) {
  ResultsBuilder made;
  made.Sweep(kSweep, {{1'000, 10, 10'000, 9'000}, {100'000, 10, 1'000'000, 600'000}});
  EXPECT_TRUE(Has(AnswerOf(made), "is worth it here with every task size measured, from 1.0 µs on."));
}

TEST(AnswerTest, LeavesOpenWhatTheSpreadLeavesOpen) {
  ResultsBuilder made;
  made.Sweep(kSweep, {{1'000, 10, 10'000, 20'000}, {100'000, 10, 1'000'000, 980'000}}, 2)
      .Sweep(kSweep, {{1'000, 10, 10'000, 20'000}, {100'000, 10, 1'000'000, 1'010'000}}, 1);
  made.results().invocations[0].records.back().block = 2;
  EXPECT_TRUE(Has(AnswerOf(made), "That is not clear:"));
}

TEST(AnswerTest, GivesAVerdictWithoutReserveOnlyInAFullRun) {
  ResultsBuilder made;
  made.Sweep(kSweep, kCrossing).NextInvocation();
  made.Sweep(kSweep, kCrossing);
  const std::string answer = AnswerOf(made);
  EXPECT_TRUE(Has(answer, "Yes: a pool of 2 workers")) << answer;
  EXPECT_FALSE(Has(answer, "Indicative.")) << answer;
}

TEST(AnswerTest, NamesTheBestNumberOfWorkers) {
  ResultsBuilder made;
  made.Times("workload/count_loop/serial/workers:1", {100, 100, 100})
      .Times("workload/count_loop/pool/workers:1", {110, 110, 110}, "near")
      .Times("workload/count_loop/pool/workers:2", {80, 80, 80}, "near");
  const std::string answer = AnswerOf(made);
  EXPECT_TRUE(Has(answer, "2 workers did best: 1.25× (1.25 to 1.25×) the speed of one process; 1 worker 0.909×."))
      << answer;
}

TEST(AnswerTest, NamesNoBestWhereNoneWasShownToWin) {
  ResultsBuilder made;
  made.Times("workload/folder_copy/serial/workers:1", {100, 100, 100})
      .Times("workload/folder_copy/pool/workers:1", {110, 90, 120}, "near")
      .Times("workload/folder_copy/pool/workers:2", {80, 95, 105}, "near");
  const std::string answer = AnswerOf(made);
  EXPECT_TRUE(Has(answer,
                  "On copying a folder, no number of workers was shown to beat one process: at best 2 workers, 1.05× "
                  "(0.952 to 1.25×) the speed of one process; 1 worker 0.909× (the ranges overlap)."))
      << answer;
}

TEST(AnswerTest, NamesTheBestOfThoseThatWereShownToWin) {
  ResultsBuilder made;
  made.Times("workload/folder_copy/serial/workers:1", {100, 100, 100})
      .Times("workload/folder_copy/pool/workers:1", {70, 75, 80}, "near")
      .Times("workload/folder_copy/pool/workers:2", {60, 65, 150}, "near");
  const std::string answer = AnswerOf(made);
  EXPECT_TRUE(Has(answer,
                  "On copying a folder, 1 worker did best: 1.33× (1.25 to 1.43×) the speed of one process; "
                  "2 workers 1.54× (the ranges overlap)."))
      << answer;
}

TEST(AnswerTest, ComparesWorkersInOneMachineStateOnly) {
  ResultsBuilder made;
  made.Times("workload/count_loop/serial/workers:1", {100, 100, 100, 100, 100})
      .Times("workload/count_loop/pool/workers:2", {80, 80, 80}, "near")
      .Times("workload/count_loop/pool/workers:3", {50}, "far")
      .Times("workload/count_loop/pool/workers:1", {110, 110, 110}, "near");
  const std::string answer = AnswerOf(made);
  EXPECT_TRUE(Has(answer, "2 workers did best: 1.25× (1.25 to 1.25×) the speed of one process; 1 worker 0.909×."))
      << answer;
}

TEST(AnswerTest, GivesNoneWhereTheRunCantBeTrustedButWhyAndWhatTheDoctorFound) {
  ResultsBuilder made;
  made.Sweep(kSweep, kCrossing);
  made.results().invocations[0].context.optimised = false;
  made.results().doctor.json = "{}";
  made.results().doctor.findings = {{"turbo", "bad", "it is on", "runs differ", "turn it off"}};
  const std::string answer = AnswerOf(made);
  EXPECT_TRUE(
      answer.starts_with("This run gives no answer: its figures can't be trusted.\n"
                         "Why: the benchmarks were built without optimisation.\n"))
      << answer;
  const size_t doctor = answer.find("turbo | disturbs measurements | it is on | runs differ | turn it off | ");
  const size_t figures = answer.find("The untrusted figures show:\nYes: a pool of 2 workers");
  EXPECT_LT(doctor, figures) << answer;
  EXPECT_NE(figures, std::string::npos) << answer;
  EXPECT_FALSE(Has(answer, "What to take here")) << answer;
}

TEST(AnswerTest, SaysFromWhereOnThreadsAreWorthIt) {
  ResultsBuilder made;
  made.Sweep(kSweep, kCrossing).Sweep("workload/grain_sweep/threads/workers:2/chunk:1", kCrossing);
  EXPECT_TRUE(
      Has(AnswerOf(made),
          "Threads (oneTBB, 2 workers) are worth it from about 10 µs (10 to 10 µs) on; with tasks of 100 µs they "
          "gave 1.50× the speed of one process (1.50 to 1.50×)."));
}

TEST(AnswerTest, SaysWhatTheStatesAre) {
  ResultsBuilder made;
  made.Sweep(kSweep, kCrossing);
  for (Record& record : made.results().invocations[0].records) record.cacheline_ns = {79.0, 81.0};
  EXPECT_TRUE(Has(AnswerOf(made), "a cache line goes there and back in 80.0 ns in its near state."));
}

TEST(PoolSectionTest, ShowsBothTimesFromTheBlocksThatHaveBoth) {
  ResultsBuilder made;
  made.Times("workload/count_loop/serial/workers:1", {100, 400, 400})
      .Times("workload/count_loop/pool/workers:2", {50}, "near");
  const std::string words = PoolOf(made);
  EXPECT_TRUE(Has(words, "Regatta pool | 2 | 100 ns | 50.0 ns | 2.00× | ")) << words;
  EXPECT_TRUE(Has(words, " | 1 of 1 | ")) << words;
}

TEST(AnswerTest, SaysWhatIsMissing) {
  ResultsBuilder made;
  made.results().missing = {"Interrupted before: locks."};
  const std::string answer = AnswerOf(made);
  EXPECT_TRUE(Has(answer, "Incomplete.")) << answer;
  EXPECT_TRUE(Has(answer, "Interrupted before: locks.")) << answer;
  EXPECT_TRUE(Has(answer, "has no figures of the pool with tasks of rising size")) << answer;
}

TEST(PoolSectionTest, ShowsTheDocumentsRatiosBesideOursBothWaysRound) {
  ResultsBuilder made;
  made.Times("workload/count_loop/serial/workers:1", {100, 100, 100})
      .Times("workload/count_loop/pool/workers:2", {80, 80, 80}, "near")
      .Times("workload/count_loop/cpython_serial/workers:1", {3000, 3000, 3000})
      .Times("workload/count_loop/cpython_pool/workers:2", {2500, 2500, 2500}, "near")
      .Times("workload/count_loop_tenth/serial/workers:1", {10, 10, 10})
      .Times("workload/count_loop_tenth/pool/workers:2", {20, 20, 20}, "near");
  const std::string words = PoolOf(made);
  for (const char* row : {"The document, as it labels the figure | the full loop | 0.669 | 1.49 | ",
                          "The document, as its words suggest | the full loop | 1.49 | 0.669 | ",
                          "The document, as it labels the figure | a tenth of it | 0.772 | 1.30 | ",
                          "Here: Regatta pool, 2 workers, near state | the full loop | 1.25 (1.25 to 1.25) | "
                          "0.800 (0.800 to 0.800) | ",
                          "Here: Python Pool, 2 workers, near state | the full loop | 1.20 (1.20 to 1.20) | "
                          "0.833 (0.833 to 0.833) | ",
                          "Here: Regatta pool, 2 workers, near state | a tenth of it | 0.500 (0.500 to 0.500) | "
                          "2 (2 to 2) | "}) {
    EXPECT_TRUE(Has(words, row)) << row << "\nin\n" << words;
  }
}

TEST(PoolSectionTest, KeepsMachineStatesApart) {
  ResultsBuilder made;
  made.Sweep(kSweep, kCrossing, 3, "near").Sweep(kSweep, kCrossing, 3, "far");
  for (size_t i = 0; i < 6; ++i) made.results().invocations[0].records[i].block = static_cast<int64_t>(i);
  const std::string words = PoolOf(made);
  EXPECT_TRUE(Has(words, "figure speed-up-over-task-size-near")) << words;
  EXPECT_TRUE(Has(words, "figure speed-up-over-task-size-far")) << words;
  EXPECT_TRUE(Has(words, "Regatta pool, 2 workers, chunk 1, near state | ")) << words;
  EXPECT_TRUE(Has(words, "Regatta pool, 2 workers, chunk 1, far state | ")) << words;
}

TEST(PoolSectionTest, SaysWhyAWorkloadWasNotMeasured) {
  ResultsBuilder made;
  made.Times("workload/count_loop/serial/workers:1", {100})
      .Absent("workload/count_loop/cpython_pool/workers:2", "python3 is not installed");
  EXPECT_TRUE(Has(PoolOf(made), "Python Pool | 2 | absent: python3 is not installed | "));
}

}  // namespace
}  // namespace regatta::reports
