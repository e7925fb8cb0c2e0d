#include "reports/sections/analysis.h"

#include "gtest/gtest.h"
#include "reports/sections/results_builder.h"

namespace regatta::reports {
namespace {

std::string Distrust(const Analysis& analysis) {
  return analysis.distrust().empty() ? "" : analysis.distrust().front();
}

TEST(AnalysisTest, TakesTheNoiseFloorFromIdenticalArmsOfAllWorkloads) {
  ResultsBuilder made;
  made.Times("workload/count_loop/serial/workers:1", {100, 100, 100})
      .Times("workload/count_loop/serial_again/workers:1", {102, 100, 98})
      .Times("workload/folder_copy/serial/workers:1", {50, 50, 50})
      .Times("workload/folder_copy/serial_again/workers:1", {51, 50, 49});
  const Analysis analysis(made.results());
  EXPECT_EQ(analysis.a_to_a().blocks, 6);
  EXPECT_DOUBLE_EQ(analysis.a_to_a().value, 1);
  EXPECT_TRUE(analysis.distrust().empty());
}

TEST(AnalysisTest, DistrustsARunWhoseIdenticalArmsDiffer) {
  ResultsBuilder made;
  made.Times("workload/count_loop/serial/workers:1", {100, 100, 100, 100, 100})
      .Times("workload/count_loop/serial_again/workers:1", {110, 111, 112, 113, 114});
  const Analysis analysis(made.results());
  EXPECT_NE(Distrust(analysis).find("two identical arms differ"), std::string::npos);
  EXPECT_EQ(analysis.JudgeSpeedUps({analysis.a_to_a()}).front(), Verdict::kUntrusted);
}

TEST(AnalysisTest, DistrustsARunWhoseLimitIsFarFromTheMachine) {
  for (const double ring : {350.0, 370.0}) {  // up to twice 150 ns, and 60 ns
    ResultsBuilder made;
    made.Times("queue_round_trip/ring/bytes:8/placement:other_core", {ring, ring, ring}, "near")
        .Times("queue_round_trip/ring/bytes:64/placement:other_core", {900, 900, 900}, "near");
    for (Record& record : made.results().invocations[0].records) record.cacheline_ns = {149.0, 151.0};
    const Analysis analysis(made.results());
    EXPECT_NEAR(analysis.ring_to_cacheline().value, ring / 150, 1e-9);
    EXPECT_EQ(analysis.ring_limit(), "2× and 60\u00a0ns");
    EXPECT_EQ(analysis.distrust().empty(), ring < 360) << ring;
  }
}

TEST(AnalysisTest, AllowsAMessageOfTwoLinesTwiceAsMuch) {
  for (const double ring : {650.0, 670.0}) {
    ResultsBuilder made;
    made.Times("queue_round_trip/ring/bytes:64/placement:other_core", {ring, ring, ring}, "near");
    for (Record& record : made.results().invocations[0].records) record.cacheline_ns = {149.0, 151.0};
    const Analysis analysis(made.results());
    EXPECT_EQ(analysis.ring_limit(), "4× and 60\u00a0ns");
    EXPECT_EQ(analysis.distrust().empty(), ring < 660) << ring;
  }
}

TEST(AnalysisTest, CallsARangeOfFewBlocksNoInterval) {
  ResultsBuilder few;
  few.Times("a/core", {1, 2, 3, 4, 5});
  EXPECT_EQ(Analysis(few.results()).RangeName(), "from the lowest to the highest block");
  ResultsBuilder many;
  many.Times("a/core", {1, 2, 3, 4, 5, 6});
  EXPECT_EQ(Analysis(many.results()).RangeName(), "95 % intervals");
}

TEST(AnalysisTest, GivesVerdictsOnlyOverSeveralInvocations) {
  ResultsBuilder once;
  once.Times("a/core", {10, 10, 10}).Times("a/pipe", {20, 20, 20});
  const Analysis indicative(once.results());
  EXPECT_TRUE(indicative.indicative());
  EXPECT_EQ(indicative.JudgeSpeedUps({indicative.Ratio("a/pipe", "a/core", Counter("p50_ns"), "")}).front(),
            Verdict::kIndicative);

  ResultsBuilder twice;
  twice.Times("a/core", {10, 10, 10}).Times("a/pipe", {20, 20, 20}).NextInvocation();
  twice.Times("a/core", {10, 10, 10}).Times("a/pipe", {20, 20, 20});
  const Analysis judged(twice.results());
  EXPECT_FALSE(judged.indicative());
  const Estimate ratio = judged.Ratio("a/pipe", "a/core", Counter("p50_ns"), "");
  EXPECT_EQ(ratio.value, 2);
  EXPECT_EQ(ratio.blocks, 6);
  EXPECT_EQ(judged.JudgeSpeedUps({ratio}).front(), Verdict::kFaster);

  twice.results().quick = true;
  EXPECT_TRUE(Analysis(twice.results()).indicative());
}

TEST(ShowTest, GivesAFigureWithItsRangeOrADash) {
  Estimate estimate;
  EXPECT_EQ(Show(estimate, Unit::kTimes).Plain(), "–");
  estimate = {1.5, {1.25, 1.75}, 3, 1, 1};
  EXPECT_EQ(Show(estimate, Unit::kTimes).Plain(), "1.50× (1.25 to 1.75×)");
  estimate.blocks = 1;
  EXPECT_EQ(Show(estimate, Unit::kTimes).Plain(), "1.50×");
  estimate = {0.00456, {0.0045, 0.0047}, 3, 1, 1};
  EXPECT_EQ(Show(estimate, Unit::kTimes).Plain(), "1/219 (1/222 to 1/213)");
  estimate.blocks = 1;
  EXPECT_EQ(Show(estimate, Unit::kTimes).Plain(), "1/219");
}

}  // namespace
}  // namespace regatta::reports
