// The program as a user meets it: exit codes, the matrix, the results file, and a testee of somebody else's.
#include <stdio.h>
#include <sys/wait.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace regatta::conformance {
namespace {

struct ProgramRun {
  int code = -1;
  std::string said;
};

ProgramRun Program(const std::string& flags) {
  ProgramRun run;
  FILE* program = popen(absl::StrCat("conformance/conformance ", flags, " 2>&1").c_str(), "re");
  if (program == nullptr) return run;
  std::array<char, 4096> piece;
  while (fgets(piece.data(), piece.size(), program) != nullptr) run.said += piece.data();
  const int status = pclose(program);
  run.code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return run;
}

constexpr char kExample[] = "--systems= --testee='python3 conformance/systems/example/testee.py' --testee_name=mine ";

TEST(Program, JudgesSomebodyElsesTestee) {
  const ProgramRun run = Program(absl::StrCat(kExample, "--methods=fork --scenarios=process/join"));
  EXPECT_EQ(run.code, 0) << run.said;
  EXPECT_TRUE(absl::StrContains(run.said, "mine_fork\nprocess/join          passed\nprocess/join-timeout  absent\n"))
      << run.said;
}

TEST(Program, SaysThatATesteePlaysNothing) {
  for (const std::string& flags : {absl::StrCat(kExample, "--scenarios=queue"),
                                   std::string("--systems= --testee=/nowhere/testee --scenarios=queue")}) {
    const ProgramRun run = Program(flags);
    EXPECT_EQ(run.code, 1) << run.said;
    EXPECT_TRUE(absl::StrContains(run.said, "plays none of these scenarios")) << run.said;
  }
}

TEST(Program, ExplainsATesteeThatPlaysWrongly) {
  const ProgramRun run = Program("--systems= --testee=true --scenarios=process/join");
  EXPECT_EQ(run.code, 1) << run.said;
  EXPECT_TRUE(absl::StrContains(run.said, "testee_fork.process/join: surprise")) << run.said;
  EXPECT_TRUE(absl::StrContains(run.said, "child ends with 3: there is no exit")) << run.said;
}

TEST(Program, WritesResults) {
  const std::string path = absl::StrCat(std::getenv("TEST_TMPDIR"), "/results.jsonl");
  const ProgramRun run =
      Program(absl::StrCat("--systems=core,broken --scenarios=queue/full --repeat=2 --results=", path));
  EXPECT_EQ(run.code, 0) << run.said;
  EXPECT_TRUE(absl::StrContains(run.said, "round 2 of 2")) << run.said;
  std::ifstream file(path);
  const std::string text((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_TRUE(absl::StartsWith(text, "{\"kind\":\"conformance\",\"version\":1}\n")) << text;
  EXPECT_TRUE(absl::StrContains(text,
                                "\"system\":\"broken\",\"method\":\"spawn\",\"fault\":\"queue_full_lies\","
                                "\"standing\":\"caught\""))
      << text;
}

TEST(Program, SaysWhatIsWrongWithTheCommandLineOrThePath) {
  EXPECT_EQ(Program("--systems=cor").code, 2);
  EXPECT_EQ(Program("--systems=").code, 2);
  EXPECT_EQ(Program("--scenarios=nothing").code, 2);
  EXPECT_EQ(Program("--methods=nothing").code, 2);
  EXPECT_EQ(Program("--repeat=0").code, 2);
  EXPECT_EQ(Program("nothing").code, 2);
  const ProgramRun run = Program("--systems=core --scenarios=queue/full --results=/nowhere/results");
  EXPECT_EQ(run.code, 1);
  EXPECT_TRUE(absl::StrContains(run.said, "could not write /nowhere/results")) << run.said;
}

}  // namespace
}  // namespace regatta::conformance
