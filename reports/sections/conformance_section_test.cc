#include "reports/sections/conformance_section.h"

#include "gtest/gtest.h"
#include "reports/sections/results_builder.h"

namespace regatta::reports {
namespace {

Conformance Some() {
  Conformance some;
  some.scenarios = {{"queue/full", {"001"}, "full is full"}, {"pool/close", {"002"}, "closed is closed"}};
  for (const char* method : {"fork", "spawn"}) {
    some.cases.push_back({"queue/full", "cpython", method, "", "known", "it isn't", "a quirk"});
    some.cases.push_back({"pool/close", "cpython", method, "", "passed", "", ""});
    for (const char* scenario : {"queue/full", "pool/close"}) {
      some.cases.push_back({scenario, "core", method, "", "passed", "", ""});
    }
  }
  some.cases.push_back({"queue/full", "broken", "fork", "queue_full_lies", "caught", "noticed", ""});
  some.cases.push_back({"queue/full", "broken", "fork", "queue_lost", "surprise", "nobody noticed", ""});
  return some;
}

TEST(ConformanceSectionTest, SaysHowManyCasesEachHoldsAndWhyNot) {
  const std::string words = Words(ConformanceSection(Some()));
  EXPECT_TRUE(Has(words,
                  "Each of 2 scenarios ran with every start method that applies to it: Regatta: 4 of 4 cases "
                  "passed; CPython: 2 of 4 cases passed, 2 known to fail."))
      << words;
  EXPECT_TRUE(Has(words, "It noticed 1 of 2.")) << words;
  EXPECT_TRUE(Has(words, "queue/full | full is full | passed | known with fork, spawn: a quirk | 1 of 2 | \n"))
      << words;
  EXPECT_TRUE(Has(words, "pool/close | closed is closed | passed | passed | – | \n")) << words;
}

TEST(ConformanceSectionTest, TellsASurpriseByItsMessage) {
  Conformance some = Some();
  some.cases.push_back({"pool/close", "core", "forkserver", "", "surprise", "it went on", ""});
  const std::string words = Words(ConformanceSection(some));
  EXPECT_TRUE(Has(words, "4 of 5 cases passed, 1 failed or passed unexpectedly")) << words;
  EXPECT_TRUE(Has(words, "pool/close | closed is closed | unexpected with forkserver: it went on | passed")) << words;
}

TEST(ConformanceSectionTest, StandsBesideAPeersSpeed) {
  EXPECT_EQ(ConformanceOf(Some(), "zeromq"), "not tested");
  EXPECT_EQ(ConformanceOf(Some(), "cpython"), "2 of 4\u00a0cases passed, 2 known to fail");
  EXPECT_EQ(ConformanceOf({}, "cpython"), "");
  EXPECT_TRUE(ConformanceSection({}).blocks.empty());
}

}  // namespace
}  // namespace regatta::reports
