#include "reports/results/trust.h"

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

TrustFinding Finding(double value, const std::string& verdict, const std::string& outcome) {
  TrustFinding finding;
  finding.speed = {.value = value, .interval = {value - 0.125, value + 0.125}, .blocks = 48, .invocations = 5};
  finding.verdict = verdict;
  finding.outcome = outcome;
  return finding;
}

Trust OneComparison() {
  Trust trust;
  trust.created_utc = "2024-11-21T08:00:00Z";
  trust.seed = 42;
  trust.cpu_model = "An invented processor";
  trust.processors = 2;
  TrustComparison comparison;
  comparison.work = "loop/workers:1";
  comparison.measured = 200;
  comparison.disturbed = 3;
  comparison.causes = {{"pages came from disk", 3}};
  comparison.findings = {{"again", Finding(1, "equivalent", "right")},
                         {"slower_5", Finding(0.9375, "inconclusive", "right")},
                         {"slower_20", Finding(0.8125, "slower", "right")}};
  trust.halves = {{"quiet", {comparison}}};
  return trust;
}

// The format of version 1, as reports/TRUST.md describes it.
constexpr const char* kGolden = R"({
 "schema": "regatta.trust",
 "version": 1,
 "created_utc": "2024-11-21T08:00:00Z",
 "quick": false,
 "seed": 42,
 "cpu_model": "An invented processor",
 "processors": 2,
 "missing": [],
 "halves": [
  {
   "half": "quiet",
   "comparisons": [
    {
     "work": "loop/workers:1",
     "state": "",
     "measured": 200,
     "disturbed": 3,
     "causes": {
      "pages came from disk": 3
     },
     "distrust": [],
     "again": {
      "value": 1,
      "low": 0.875,
      "high": 1.125,
      "blocks": 48,
      "invocations": 5,
      "verdict": "equivalent",
      "outcome": "right"
     },
     "slower_20": {
      "value": 0.8125,
      "low": 0.6875,
      "high": 0.9375,
      "blocks": 48,
      "invocations": 5,
      "verdict": "slower",
      "outcome": "right"
     },
     "slower_5": {
      "value": 0.9375,
      "low": 0.8125,
      "high": 1.0625,
      "blocks": 48,
      "invocations": 5,
      "verdict": "inconclusive",
      "outcome": "right"
     }
    }
   ]
  }
 ]
}
)";

TEST(TrustFileTest, IsWrittenAsItsFormatSays) { EXPECT_EQ(RenderTrust(OneComparison()), kGolden); }

TEST(TrustFileTest, IsReadAsItWasWritten) {
  const absl::StatusOr<Trust> read = ReadTrust(kGolden, "trust.json");
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(RenderTrust(*read), kGolden);
  EXPECT_EQ(read->text, kGolden);
}

TEST(TrustFileTest, IsRefusedWhereItIsNoneOrOfAnotherVersion) {
  EXPECT_EQ(ReadTrust("{}", "x").status().message(),
            "x: holds no findings on trust (what can be read: the file that //bench:trust wrote to --out)");
  EXPECT_EQ(ReadTrust("[", "x").status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(
      ReadTrust(R"({"schema": "regatta.trust", "version": 2})", "x").status().message(),
      "x: version 2, where this program reads version 1 only (what can be read: the file that //bench:trust wrote to "
      "--out)");
  EXPECT_FALSE(ReadTrust(R"({"schema": "regatta.trust", "version": 1, "halves": 3})", "x").ok());
}

TEST(TrustTest, IsProvenOnlyWhereEverythingWasMeasuredAndRight) {
  EXPECT_TRUE(OneComparison().Proven());
  EXPECT_EQ(OneComparison().Sentence(),
            "None of 3\u00a0verdicts was wrong, and every slow-down of 20 % was found or its run not trusted.");
  EXPECT_FALSE(Trust().Proven());
  for (const char* outcome : {"wrong", "missed", "open"}) {
    Trust trust = OneComparison();
    trust.halves[0].comparisons[0].findings["again"].outcome = outcome;
    EXPECT_FALSE(trust.Proven()) << outcome;
  }
  Trust gaps = OneComparison();
  gaps.missing = {"Interrupted."};
  EXPECT_FALSE(gaps.Proven());
  EXPECT_EQ(gaps.Sentence(), "None of 3\u00a0verdicts was wrong, but not all was measured.");
  Trust halved = OneComparison();
  halved.halves.push_back({"disturbed", {}});
  EXPECT_FALSE(halved.Proven());
}

}  // namespace
}  // namespace regatta::reports
