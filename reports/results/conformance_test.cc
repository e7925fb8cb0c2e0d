#include "reports/results/conformance.h"

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

const std::vector<std::string> kLines = {
    R"({"kind":"conformance","version":1})", R"({"kind":"document","number":"001","title":"t","date":""})",
    R"({"kind":"scenario","id":"queue/full","documents":["001","004"],"shows":"full is full","new":1})",
    R"({"kind":"case","scenario":"queue/full","system":"cpython","method":"fork","fault":"","standing":"known",)"
    R"("message":"it isn't","why":"a quirk","took_ns":5})",
    R"({"kind":"something else"})"};

TEST(ReadConformanceTest, KeepsScenariosAndCasesAndSkipsWhatItDoesNotKnow) {
  const auto read = ReadConformance(kLines, "file");
  ASSERT_TRUE(read.ok()) << read.status();
  ASSERT_EQ(read->scenarios.size(), 1u);
  EXPECT_EQ(read->scenarios[0].id, "queue/full");
  EXPECT_EQ(read->scenarios[0].documents, (std::vector<std::string>{"001", "004"}));
  EXPECT_EQ(read->scenarios[0].shows, "full is full");
  ASSERT_EQ(read->cases.size(), 1u);
  EXPECT_EQ(read->cases[0].system, "cpython");
  EXPECT_EQ(read->cases[0].method, "fork");
  EXPECT_EQ(read->cases[0].standing, "known");
  EXPECT_EQ(read->cases[0].message, "it isn't");
  EXPECT_EQ(read->cases[0].why, "a quirk");
  EXPECT_EQ(read->lines, kLines);
}

TEST(ReadConformanceTest, RefusesWhatItCantReadAndNamesIt) {
  const auto why = [](const std::vector<std::string>& lines) {
    const auto read = ReadConformance(lines, "file.jsonl");
    EXPECT_FALSE(read.ok());
    return std::string(read.status().message());
  };
  EXPECT_EQ(why({"nonsense"}).find("file.jsonl, line 1: not a JSON object (what can be read: "), 0u);
  EXPECT_EQ(why({R"({"kind":"case"})"}).find("file.jsonl, line 1: not the first line of conformance results"), 0u);
  EXPECT_EQ(why({R"({"kind":"conformance","version":2})"})
                .find("file.jsonl, line 1: version 2 of conformance results, where this program reads version 1 only"),
            0u);
  EXPECT_EQ(why({kLines[0]}).find("file.jsonl: holds no case"), 0u);
  EXPECT_EQ(why({}).find("file.jsonl: holds no case"), 0u);
  EXPECT_NE(ReadConformanceFile("/nowhere/file").status().message().find("/nowhere/file"), std::string::npos);
}

}  // namespace
}  // namespace regatta::reports
