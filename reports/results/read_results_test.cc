#include "reports/results/read_results.h"

#include <cstdlib>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

// Lines as bench/RESULTS.md shows them.
std::string Header(std::string_view id, std::string_view fingerprint = "feedbeef") {
  return absl::StrCat(
      R"({"record": "header", "schema": "regatta.bench", "version": 1, "invocation": ")", id,
      R"(", "seed": 42, "blocks": 10, "arm_ms": 50, "flags": ["--blocks=10"], "context": {"kernel": "Linux 6.1.0",)",
      R"( "cpu_model": "A processor", "memory_bytes": 25769803776, "optimised": true, "sanitizer": "", "fingerprint": ")",
      fingerprint,
      R"(", "topology": "two\nlines", "processors": 2, "cores": 2, "allowed_cpus": [0, 1], "peers": [{"system": "zeromq",)",
      R"( "present": false, "version": "", "reason": "not installed"}], "folder": "/usr/include"}, "arms": [{"key":)",
      R"( "queue_round_trip/core/bytes:64/placement:other_core", "benchmark": "queue_round_trip", "workload": "",)",
      R"( "system": "core", "fields": {"bytes": "64", "placement": "other_core"}, "state": "ready", "reason": ""}]})");
}

constexpr std::string_view kArm =
    R"({"record": "arm", "block": 3, "position": 1, "key": "queue_round_trip/core/bytes:64/placement:other_core",)"
    R"( "benchmark": "queue_round_trip", "workload": "", "system": "core", "fields": {}, "status": "ok", "error": "",)"
    R"( "verified": true, "started_ns": 1, "real_ns": 50123456, "operations": 480000, "cpu_ns": null,)"
    R"( "counters": {"p50_ns": 104.5, "p999_ns": null}, "samples_ns": [50123456], "quantiles": null, "histogram": null,)"
    R"( "sweep": [{"target_ns": 1000, "tasks": 2000, "serial_ns": 2003000, "system_ns": 1300000}, {"target_ns": "x"}],)"
    R"( "processors_used": 2, "cpus": [0, 1], "cacheline_ns": {"before": 118.2, "after": 117.9}, "machine_state": "near",)"
    R"( "sentinel_ns": {"before": 2000123, "after": null}, "noise": {"steal_share": 0.0, "foreign_cpu_share": null,)"
    R"( "migrations": 0, "major_faults": 1}})";

constexpr std::string_view kFooter =
    R"({"record": "footer", "arms_ok": 1, "arms_failed": 0, "interrupted": true, "seconds": 41.2})";

std::string Lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) absl::StrAppend(&text, line, "\n");
  return text;
}

TEST(ReadResultsTest, ReadsEveryMember) {
  const auto results = ReadResults(Lines({Header("a"), std::string(kArm), std::string(kFooter)}), "file");
  ASSERT_TRUE(results.ok()) << results.status();
  ASSERT_EQ(results->invocations.size(), 1u);
  const Invocation& invocation = results->invocations[0];
  EXPECT_EQ(invocation.id, "a");
  EXPECT_EQ(invocation.seed, 42u);
  EXPECT_EQ(invocation.context.kernel, "Linux 6.1.0");
  EXPECT_EQ(invocation.context.topology, "two\nlines");
  EXPECT_EQ(invocation.context.allowed_cpus, (std::vector<int>{0, 1}));
  ASSERT_EQ(invocation.context.peers.size(), 1u);
  EXPECT_EQ(invocation.context.peers[0].reason, "not installed");
  ASSERT_EQ(invocation.arms.size(), 1u);
  EXPECT_EQ(invocation.arms[0].Field("placement"), "other_core");
  EXPECT_EQ(invocation.arms[0].Field("chunk"), "");
  ASSERT_EQ(invocation.records.size(), 1u);
  const Record& record = invocation.records[0];
  EXPECT_EQ(record.block, 3);
  EXPECT_TRUE(record.ok());
  EXPECT_TRUE(record.verified);
  EXPECT_EQ(record.operations, 480000);
  EXPECT_EQ(record.cpu_ns, std::nullopt);
  EXPECT_EQ(record.counters, (std::map<std::string, double>{{"p50_ns", 104.5}}));
  ASSERT_EQ(record.sweep.size(), 1u);
  EXPECT_EQ(record.sweep[0].system_ns, 1300000);
  EXPECT_EQ(record.machine_state, "near");
  EXPECT_EQ(record.cacheline_ns.after, 117.9);
  EXPECT_EQ(record.sentinel_ns.after, std::nullopt);
  EXPECT_EQ(record.noise.foreign_cpu_share, std::nullopt);
  EXPECT_EQ(record.noise.major_faults, 1);
  ASSERT_TRUE(invocation.footer.has_value());
  EXPECT_TRUE(invocation.footer->interrupted);
  EXPECT_EQ(invocation.lines, (std::vector<std::string>{Header("a"), std::string(kArm), std::string(kFooter)}));
}

TEST(ReadResultsTest, BeginsAnInvocationAtEachHeader) {
  const auto results = ReadResults(Lines({Header("a"), std::string(kArm), Header("b"), std::string(kArm)}), "file");
  ASSERT_TRUE(results.ok()) << results.status();
  ASSERT_EQ(results->invocations.size(), 2u);
  EXPECT_EQ(results->invocations[1].id, "b");
  EXPECT_FALSE(results->invocations[0].footer.has_value());
}

TEST(ReadResultsTest, DropsALineThatWasCutShortAndSaysSo) {
  const std::string text = Lines({Header("a"), std::string(kArm)}) + std::string(kArm).substr(0, 200);
  const auto results = ReadResults(text, "cut.jsonl");
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_EQ(results->invocations[0].records.size(), 1u);
  ASSERT_EQ(results->missing.size(), 1u);
  EXPECT_NE(results->missing[0].find("cut.jsonl"), std::string::npos);
}

TEST(ReadResultsTest, RefusesABrokenLineInTheMiddleByItsNumber) {
  const auto results = ReadResults(Lines({Header("a"), "{broken", std::string(kArm)}), "bad.jsonl");
  ASSERT_FALSE(results.ok());
  EXPECT_NE(results.status().message().find("bad.jsonl, line 2"), std::string::npos) << results.status();
}

TEST(ReadResultsTest, RefusesAnotherVersionAndNamesBoth) {
  std::string header = Header("a");
  header.replace(header.find("\"version\": 1"), 12, "\"version\": 7");
  const auto results = ReadResults(Lines({header}), "new.jsonl");
  ASSERT_FALSE(results.ok());
  EXPECT_NE(results.status().message().find("has version 7; this program reads version 1"), std::string::npos)
      << results.status();
}

TEST(ReadResultsTest, RefusesWhatIsNoResultsFile) {
  for (const std::string_view text :
       {"", "\n", "hello\n", "[1, 2]\n", "{\"a\": 1}\n", "{}", "null\n", "{\"record\": 3}\n"}) {
    EXPECT_FALSE(ReadResults(text, "other").ok()) << text;
  }
  EXPECT_FALSE(ReadResults(Lines({std::string(kArm), Header("a")}), "headless").ok());
}

TEST(ReadResultsTest, IgnoresKindsOfRecordThatItDoesNotKnow) {
  const auto results =
      ReadResults(Lines({Header("a"), R"({"record": "weather", "rain": true})", std::string(kArm)}), "f");
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_EQ(results->invocations[0].records.size(), 1u);
}

// Members of any wrong type: read as not there, never a crash.
TEST(ReadResultsTest, SurvivesMembersOfTheWrongType) {
  for (const std::string_view value : {"null", "3", "-1e300", "\"x\"", "[]", "[[]]", "{}", "{\"a\": [1]}", "true"}) {
    for (const std::string_view name : {"block", "key", "status", "verified", "real_ns", "counters", "sweep", "cpus",
                                        "cacheline_ns", "machine_state", "noise", "context", "arms", "flags", "seed"}) {
      const std::string arm = absl::StrCat(R"({"record": "arm", ")", name, "\": ", value, "}");
      const std::string header =
          absl::StrCat(R"({"record": "header", "schema": "regatta.bench", "version": 1, ")", name, "\": ", value, "}");
      EXPECT_TRUE(ReadResults(Lines({header, arm}), "odd").ok()) << header << arm;
    }
  }
}

TEST(ReadResultsTest, ReadsAReportsOwnFile) {
  const std::string text =
      absl::StrCat(R"({"schema": "regatta.report", "version": 1, "quick": true, "seed": 9,)",
                   R"( "missing": ["the rest"], "invocations": [[)", Header("a"), ",\n", kArm, "]]}");
  const auto results = ReadResults(text, "results.json");
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_TRUE(results->quick);
  EXPECT_EQ(results->seed, 9u);
  EXPECT_EQ(results->missing, (std::vector<std::string>{"the rest"}));
  ASSERT_EQ(results->invocations.size(), 1u);
  EXPECT_EQ(results->invocations[0].records.size(), 1u);
}

TEST(ReadResultsTest, RefusesAReportsFileOfAnotherVersion) {
  const auto results = ReadResults(R"({"schema": "regatta.report", "version": 2, "invocations": []})", "results.json");
  ASSERT_FALSE(results.ok());
  EXPECT_NE(results.status().message().find("version 2"), std::string::npos) << results.status();
}

class ReadResultFilesTest : public testing::Test {
 protected:
  std::string Write(const std::string& name, const std::string& text) {
    std::string path = absl::StrCat(std::getenv("TEST_TMPDIR"), "/", name);
    std::ofstream(path) << text;
    return path;
  }
};

TEST_F(ReadResultFilesTest, JoinsFilesOfOneMachine) {
  const auto results = ReadResultFiles({Write("a", Lines({Header("a")})), Write("b", Lines({Header("b")}))});
  ASSERT_TRUE(results.ok()) << results.status();
  EXPECT_EQ(results->invocations.size(), 2u);
}

TEST_F(ReadResultFilesTest, RefusesFilesOfDifferentMachines) {
  const auto results = ReadResultFiles({Write("c", Lines({Header("a")})), Write("d", Lines({Header("b", "other")}))});
  ASSERT_FALSE(results.ok());
  EXPECT_NE(results.status().message().find("machines that can't be compared"), std::string::npos);
}

TEST_F(ReadResultFilesTest, RefusesTheSameInvocationTwice) {
  const std::string path = Write("e", Lines({Header("a")}));
  EXPECT_FALSE(ReadResultFiles({path, path}).ok());
}

TEST_F(ReadResultFilesTest, NamesAFileThatCantBeRead) {
  const auto results = ReadResultFiles({"/nowhere/results.json"});
  ASSERT_FALSE(results.ok());
  EXPECT_EQ(results.status().code(), absl::StatusCode::kNotFound);
  EXPECT_NE(results.status().message().find("/nowhere/results.json"), std::string::npos);
  EXPECT_FALSE(ReadResultFiles({std::getenv("TEST_TMPDIR")}).ok());  // a folder
  EXPECT_FALSE(ReadResultFiles({Write("empty", "")}).ok());
}

TEST(ReadArmListTest, ReadsTheListAndRefusesAnythingElse) {
  const auto arms = ReadArmList(R"([{"key": "lock_unlock/core", "benchmark": "lock_unlock", "system": "core",)"
                                R"( "fields": {}, "state": "absent", "reason": "why"}])");
  ASSERT_TRUE(arms.ok()) << arms.status();
  ASSERT_EQ(arms->size(), 1u);
  EXPECT_EQ((*arms)[0].reason, "why");
  EXPECT_FALSE(ReadArmList("usage: bench").ok());
}

}  // namespace
}  // namespace regatta::reports
