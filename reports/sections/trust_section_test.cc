#include "gtest/gtest.h"
#include "reports/sections/results_builder.h"
#include "reports/sections/sections.h"

namespace regatta::reports {
namespace {

TEST(TrustSectionTest, IsEmptyWithoutFindings) { EXPECT_TRUE(TrustSection(Trust()).blocks.empty()); }

TEST(TrustSectionTest, CountsVerdictsByWhatWasSeededAndNamesWhatIsWrong) {
  Trust trust;
  trust.cpu_model = "An invented processor";
  trust.missing = {"Interrupted before the half with a disturbing process."};
  TrustComparison comparison;
  comparison.work = "queue/bytes:64/placement:other_core";
  comparison.state = "near";
  comparison.measured = 200;
  comparison.disturbed = 7;
  for (const TrustSeed& seed : kTrustSeeds) {
    comparison.findings[std::string(seed.system)] = {
        {.value = 0.8, .interval = {0.75, 0.85}, .blocks = 48, .invocations = 5}, "slower", "right"};
  }
  comparison.findings["again"].outcome = "wrong";
  trust.halves = {{"quiet", {comparison, comparison}}};
  const std::string words = Words(TrustSection(trust));
  for (const char* piece :
       {"2 of 6 verdicts wrong", "Interrupted before the half with a disturbing process.",
        "the machine as it is | nothing (A/A) | 2 | 2 | 0 | 0 | 0 | 0 | 2 | ",
        "the machine as it is | 20 % slower | 2 | 2 | 0 | 0 | 0 | 0 | 0 | ",
        "queue/bytes:64/placement:other_core, near | 7 of 200 | slower: 0.800× (0.750 to 0.850×) | "}) {
    EXPECT_NE(words.find(piece), std::string::npos) << piece << "\nin\n" << words;
  }
}

}  // namespace
}  // namespace regatta::reports
