#include "reports/trust/judging.h"

#include <cmath>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

constexpr const char* kWork = "loop/workers:1";

// How a made comparison comes out: how many times as long the arms take as they should, and how restless all of it is.
struct Making {
  double again = 1;
  double slower_5 = 1.05;
  double slower_20 = 1.2;
  double unrest = 0.002;
  int foreign = 0;  // of the forty records of each invocation, on how many another program is seen
};

Results Made(const Making& making) {
  Results results;
  for (int round = 0; round < 5; ++round) {
    Invocation invocation;
    invocation.id = absl::StrCat(round);
    int arm_number = 0;
    for (const auto& [system, times] :
         {std::pair("plain", 1.0), std::pair("again", making.again), std::pair("slower_5", making.slower_5),
          std::pair("slower_20", making.slower_20)}) {
      ArmInfo arm;
      arm.key = TrustKey(system, kWork);
      arm.state = "ready";
      invocation.arms.push_back(arm);
      ++arm_number;
      for (int block = 0; block < 10; ++block) {
        Record record;
        record.block = block;
        record.key = arm.key;
        record.status = "ok";
        record.verified = true;
        record.operations = 100;
        record.real_ns =
            1e7 * times * std::exp(making.unrest * std::sin(11.0 * block + 5.0 * round + 3.0 * arm_number));
        record.sentinel_ns = {2e6, 2e6};
        const int number = static_cast<int>(invocation.records.size());
        record.noise.foreign_cpu_share = number < making.foreign ? 0.5 : 0.0;
        invocation.records.push_back(record);
      }
    }
    results.invocations.push_back(invocation);
  }
  return results;
}

TrustComparison Judged(const Making& making, const std::string& name) {
  TrustHalf half = {name, {Compare(kWork, Made(making))}};
  JudgeHalf(half);
  return half.comparisons.front();
}

std::string Said(const Making& making, const std::string& system, const std::string& name = "quiet") {
  const TrustComparison comparison = Judged(making, name);
  const TrustFinding& finding = comparison.findings.at(system);
  return absl::StrCat(finding.verdict, ", ", finding.outcome);
}

TEST(JudgingTest, FindsRightWhatIsAsItWasSeeded) {
  const TrustComparison comparison = Judged({}, "quiet");
  EXPECT_NEAR(comparison.findings.at("slower_20").speed.value, 1 / 1.2, 2e-3);
  EXPECT_EQ(comparison.measured, 200);
  EXPECT_EQ(Said({}, "again"), "equivalent, right");
  EXPECT_EQ(Said({.slower_5 = 1.06}, "slower_5"), "slower, right");
  EXPECT_EQ(Said({}, "slower_20"), "slower, right");
}

TEST(JudgingTest, FindsWrongWhatContradictsTheSeed) {
  EXPECT_EQ(Said({.again = 1.3}, "again"), "slower, wrong");
  EXPECT_EQ(Said({.again = 0.7}, "again"), "faster, wrong");
  EXPECT_EQ(Said({.slower_5 = 1.01}, "slower_5"), "equivalent, wrong");
  EXPECT_EQ(Said({.slower_5 = 0.8}, "slower_5"), "faster, wrong");
  EXPECT_EQ(Said({.slower_20 = 1.0}, "slower_20"), "equivalent, wrong");
  EXPECT_EQ(Said({.slower_20 = 0.8}, "slower_20"), "faster, wrong");
}

TEST(JudgingTest, MissesASlowDownThatDrownsInUnrest) {
  EXPECT_EQ(Said({.unrest = 2}, "slower_20"), "inconclusive, missed");
  EXPECT_EQ(Said({.unrest = 2}, "again"), "inconclusive, right");
  EXPECT_EQ(Said({.unrest = 2}, "slower_20", "disturbed"), "inconclusive, missed");
}

TEST(JudgingTest, TakesUntrustedForRightOnlyWhereSomethingDisturbs) {
  for (const TrustSeed& seed : kTrustSeeds) {
    EXPECT_EQ(Said({.foreign = 20}, std::string(seed.system), "quiet"), "untrusted, open");
    EXPECT_EQ(Said({.foreign = 20}, std::string(seed.system), "disturbed"), "untrusted, right");
  }
}

TEST(JudgingTest, LeavesOutDisturbedBlocksAsAReportDoes) {
  Results results = Made({.foreign = 8});
  for (Invocation& invocation : results.invocations) {
    for (int i = 0; i < 8; ++i) *invocation.records[static_cast<size_t>(i)].real_ns *= 3;
  }
  const TrustComparison comparison = Compare(kWork, results);
  EXPECT_EQ(comparison.disturbed, 40);
  EXPECT_EQ(comparison.findings.at("again").speed.blocks, 10);
  EXPECT_NEAR(comparison.findings.at("again").speed.value, 1, 0.01);
}

// What is just significant alone is found once in twenty A/A comparisons: that must not make a verdict.
TEST(JudgingTest, JudgesAHalfsComparisonsTogether) {
  TrustHalf half = {"quiet", {}};
  for (int i = 0; i < 20; ++i) {
    TrustComparison comparison;
    for (const TrustSeed& seed : kTrustSeeds) {
      Estimate& speed = comparison.findings[std::string(seed.system)].speed;
      speed = {.value = 1.1, .interval = {i == 3 ? 1.001 : 0.9, 1.3}, .blocks = 50, .invocations = 5};
    }
    half.comparisons.push_back(comparison);
  }
  JudgeHalf(half);
  EXPECT_EQ(half.Verdicts("again", "inconclusive"), 20);
}

TEST(TrustWorksTest, AreThoseThatHaveAllFourArmsReady) {
  std::vector<ArmInfo> arms;
  for (const char* work : {"loop/workers:1", "map/workers:2"}) {
    for (const char* system : {"plain", "again", "slower_5", "slower_20"}) {
      ArmInfo arm;
      arm.key = TrustKey(system, work);
      arm.state = "ready";
      arms.push_back(arm);
    }
  }
  arms.back().state = "unavailable";
  EXPECT_EQ(TrustWorks(arms), std::vector<std::string>{"loop/workers:1"});
}

}  // namespace
}  // namespace regatta::reports
