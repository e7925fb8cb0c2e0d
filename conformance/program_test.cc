// The program as a user meets it: exit codes, the matrix, the results file, and a testee of somebody else's.
#include "tools/program/program_test.h"

#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "gtest/gtest.h"

namespace regatta::conformance {
namespace {

class Program : public ProgramTest {
 protected:
  static ProgramEnd Run(const std::vector<std::string>& flags) { return RunProgram("conformance/conformance", flags); }
};

constexpr char kExample[] = "--testee=python3 conformance/systems/example/testee.py";

TEST_F(Program, JudgesSomebodyElsesTestee) {
  const ProgramEnd run =
      Run({"--systems=", kExample, "--testee_name=mine", "--methods=fork", "--scenarios=process/join"});
  EXPECT_EQ(run.exit_code, 0) << run.all();
  EXPECT_TRUE(absl::StrContains(run.out, "mine_fork\nprocess/join          passed\nprocess/join-timeout  absent\n"))
      << run.out;
}

TEST_F(Program, SaysThatATesteePlaysNothing) {
  for (const char* testee : {kExample, "--testee=/nowhere/testee"}) {
    const ProgramEnd run = Run({"--systems=", testee, "--scenarios=queue"});
    EXPECT_EQ(run.exit_code, 1) << run.all();
    EXPECT_TRUE(absl::StrContains(run.errors, "plays none of these scenarios")) << run.errors;
  }
}

TEST_F(Program, ExplainsATesteeThatPlaysWrongly) {
  const ProgramEnd run = Run({"--systems=", "--testee=true", "--scenarios=process/join"});
  EXPECT_EQ(run.exit_code, 1) << run.all();
  EXPECT_TRUE(absl::StrContains(run.all(), "testee_fork.process/join: surprise")) << run.all();
  EXPECT_TRUE(absl::StrContains(run.all(), "child ends with 3: there is no exit")) << run.all();
}

TEST_F(Program, WritesResults) {
  const ProgramEnd run =
      Run({"--systems=core,broken", "--scenarios=queue/full", "--repeat=2", "--results=results.jsonl"});
  EXPECT_EQ(run.exit_code, 0) << run.all();
  EXPECT_TRUE(absl::StrContains(run.all(), "round 2 of 2")) << run.all();
  const std::string text = Read(here_ + "/results.jsonl");
  EXPECT_TRUE(absl::StartsWith(text, "{\"kind\":\"conformance\",\"version\":1}\n")) << text;
  EXPECT_TRUE(absl::StrContains(text,
                                "\"system\":\"broken\",\"method\":\"spawn\",\"fault\":\"queue_full_lies\","
                                "\"standing\":\"caught\""))
      << text;
}

TEST_F(Program, SaysWhatIsWrongWithTheCommandLineOrThePath) {
  for (const char* bad : {"--systems=cor", "--systems=", "--scenarios=nothing", "--methods=nothing", "--repeat=0",
                          "--repeat=often", "--unknown", "nothing"}) {
    EXPECT_EQ(Run({bad}).exit_code, 2) << bad;
  }
  EXPECT_EQ(Run({"--help"}).exit_code, 0);
  const ProgramEnd run = Run({"--systems=core", "--scenarios=queue/full", "--results=/nowhere/results"});
  EXPECT_EQ(run.exit_code, 1);
  EXPECT_TRUE(absl::StrContains(run.all(), "could not write /nowhere/results")) << run.all();
}

}  // namespace
}  // namespace regatta::conformance
