#include "gtest/gtest.h"
#include "reports/sections/results_builder.h"
#include "reports/sections/sections.h"

namespace regatta::reports {
namespace {

std::string CertaintyOf(const Results& results) {
  const Analysis analysis(results);
  return Words(CertaintySection(analysis));
}

ResultsBuilder Twice() {
  ResultsBuilder made;
  made.Times("workload/count_loop/serial/workers:1", {100, 100, 100, 100, 100, 100})
      .Times("workload/count_loop/serial_again/workers:1", {101, 99, 101, 99, 101, 99});
  return made;
}

TEST(CertaintySectionTest, SaysOfEachCheckWhetherItHeld) {
  const std::string words = CertaintyOf(Twice().results());
  EXPECT_TRUE(Has(words, "Two identical arms take the same time | the range holds 1.00 | 1.000×")) << words;
  EXPECT_TRUE(Has(words, "Few measurements were disturbed | at most 25 % | 0 of 12 | yes | ")) << words;
  EXPECT_TRUE(Has(words, "The benchmarks were built for speed | optimised, without a sanitizer | optimised | yes | "))
      << words;
  EXPECT_TRUE(Has(words, "0 of 12 measurements were disturbed.")) << words;
}

TEST(CertaintySectionTest, SaysWhereACheckFailed) {
  ResultsBuilder made;
  made.Times("workload/count_loop/serial/workers:1", {100, 100, 100, 100, 100, 100})
      .Times("workload/count_loop/serial_again/workers:1", {110, 111, 112, 113, 114, 115});
  made.results().invocations[0].context.sanitizer = "address";
  const std::string words = CertaintyOf(made.results());
  EXPECT_TRUE(Has(words, " | no | \nFew measurements")) << words;
  EXPECT_TRUE(Has(words, "optimised, address | no | ")) << words;
}

TEST(CertaintySectionTest, CountsEveryMeasurementLeftOutByItsReason) {
  ResultsBuilder made = Twice();
  made.results().invocations[0].records[0].noise.foreign_cpu_share = 0.5;
  made.results().invocations[0].records[0].noise.major_faults = 1;
  made.results().invocations[0].records[1].noise.steal_share = 0.02;
  const std::string words = CertaintyOf(made.results());
  EXPECT_TRUE(Has(words, "other programs on our processors (over 5 %) | 1 | 8.3 % | \n")) << words;
  EXPECT_TRUE(Has(words, "processor time taken by the host (over 1 %) | 1 | 8.3 % | \n")) << words;
  EXPECT_TRUE(Has(words, "pages came from disk | 1 | 8.3 % | \n")) << words;
  EXPECT_TRUE(Has(words, "2 of 12 measurements were disturbed, some for more than one reason; they were left out"))
      << words;
}

TEST(CertaintySectionTest, CountsStatesAndShowsTheSentinel) {
  ResultsBuilder made = Twice();
  made.Times("queue_round_trip/core/bytes:64/placement:other_core", {300, 300, 900}, "near");
  made.results().invocations[0].records.back().machine_state = "far";
  for (Record& record : made.results().invocations[0].records) record.sentinel_ns = {2e6, 2e6};
  const std::string words = CertaintyOf(made.results());
  EXPECT_TRUE(Has(words, "1 in the far state, 2 in the near state.")) << words;
  EXPECT_TRUE(Has(words, "Its lower quartile, 2.00 ms,")) << words;
}

TEST(CertaintySectionTest, ShowsWhatTheDoctorFoundUnlessTheRunOpensWithIt) {
  ResultsBuilder made = Twice();
  made.results().doctor.json = "{}";
  made.results().doctor.findings = {
      {"aslr", "ok", "s", "", ""}, {"smt", "warn", "w", "", ""}, {"turbo", "bad", "on", "drifts", "off"}};
  const std::string words = CertaintyOf(made.results());
  EXPECT_TRUE(Has(words, "turbo | disturbs measurements | on | drifts | off | \nsmt | may disturb measurements | w | "))
      << words;
  EXPECT_TRUE(Has(words, "found nothing wrong with: aslr.")) << words;
  made.results().invocations[0].context.optimised = false;
  EXPECT_FALSE(Has(CertaintyOf(made.results()), "turbo"));
}

}  // namespace
}  // namespace regatta::reports
