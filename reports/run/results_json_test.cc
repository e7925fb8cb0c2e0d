#include "reports/run/results_json.h"

#include "gtest/gtest.h"
#include "reports/results/read_results.h"

namespace regatta::reports {
namespace {

TEST(ResultsJsonTest, IsReadBackAsItWas) {
  Results results;
  results.quick = true;
  results.seed = 9'000'000'000'000'000'000u;
  results.created_utc = "2024-11-21T08:00:00Z";
  results.missing = {"one \"quoted\"", "two\nlines"};
  for (const char* id : {"a", "b"}) {
    const std::string header = std::string(R"({"record": "header", "schema": "regatta.bench", "version": 1, )") +
                               R"("invocation": ")" + id + R"(", "arms": []})";
    ASSERT_TRUE(ReadLine(header, results.invocations).ok());
    ASSERT_TRUE(ReadLine(R"({"record": "arm", "key": "k", "block": 1, "status": "ok"})", results.invocations).ok());
  }
  results.doctor.json = R"({"schema":"regatta.doctor","version":1,"findings":[{"id":"turbo"}]})";
  const std::string file = RenderResultsJson(results, "{\"anything\": 1}");
  const auto again = ReadResults(file, "results.json");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->quick);
  EXPECT_EQ(again->seed, results.seed);
  EXPECT_EQ(again->created_utc, results.created_utc);
  EXPECT_EQ(again->missing, results.missing);
  EXPECT_EQ(again->doctor.json, results.doctor.json);
  ASSERT_EQ(again->invocations.size(), 2u);
  EXPECT_EQ(again->invocations[1].id, "b");
  EXPECT_EQ(again->invocations[1].records.size(), 1u);
}

TEST(ResultsJsonTest, HoldsNoInvocationsAsAnEmptyList) {
  const auto again = ReadResults(RenderResultsJson(Results(), "{}"), "results.json");
  ASSERT_TRUE(again.ok()) << again.status();
  EXPECT_TRUE(again->invocations.empty());
}

}  // namespace
}  // namespace regatta::reports
