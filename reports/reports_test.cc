// The program as a user meets it, with a stand-in for the benchmarks.

#include <signal.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tools/program/program_test.h"

namespace regatta::reports {
namespace {

namespace fs = std::filesystem;

class ReportsTest : public ProgramTest {
 protected:
  void SetUp() override {
    ProgramTest::SetUp();
    bench_ = absl::StrCat("--bench=", fs::absolute("reports/run/fake_bench").string());
  }

  static ProgramEnd Run(const std::vector<std::string>& flags) { return RunProgram("reports/reports", flags); }

  std::string bench_;
};

TEST_F(ReportsTest, WritesTheReportWhereTheUserStands) {
  const ProgramEnd ran = Run({bench_, "--quick", "--out=out/today"});
  EXPECT_EQ(ran.exit_code, 0) << ran.errors;
  EXPECT_TRUE(Has(ran.out, "a pool of 2")) << ran.out;
  EXPECT_TRUE(Has(ran.out, absl::StrCat("Report: ", here_, "/out/today/index.html"))) << ran.out;
  for (const char* file : {"index.html", "report.md", "results.json", "pictures/speed-up-over-task-size-near.svg"}) {
    EXPECT_GT(fs::file_size(absl::StrCat(here_, "/out/today/", file)), 500u) << file;
  }
  // Every picture that the text shows is there.
  const std::string text = Read(here_ + "/out/today/report.md");
  int pictures = 0;
  for (size_t at = text.find("](pictures/"); at != std::string::npos; at = text.find("](pictures/", at + 1)) {
    const std::string path = text.substr(at + 2, text.find(')', at) - at - 2);
    EXPECT_TRUE(fs::exists(absl::StrCat(here_, "/out/today/", path))) << path;
    ++pictures;
  }
  EXPECT_GE(pictures, 6);
  EXPECT_FALSE(fs::exists(here_ + "/out/today/results.jsonl.partial"));
}

TEST_F(ReportsTest, NamesADefaultFolder) {
  const ProgramEnd ran = Run({bench_, "--quick"});
  EXPECT_EQ(ran.exit_code, 0) << ran.errors;
  EXPECT_TRUE(Has(ran.out, absl::StrCat("Report: ", here_, "/regatta-report-"))) << ran.out;
}

TEST_F(ReportsTest, MakesTheSameReportAgainFromItsResults) {
  ASSERT_EQ(Run({bench_, "--quick", "--out=first"}).exit_code, 0);
  const ProgramEnd again = Run({"--from=first/results.json", "--out=second"});
  EXPECT_EQ(again.exit_code, 0) << again.errors;
  for (const char* file : {"index.html", "report.md", "results.json"}) {
    EXPECT_TRUE(Read(absl::StrCat(here_, "/first/", file)) == Read(absl::StrCat(here_, "/second/", file))) << file;
  }
}

TEST_F(ReportsTest, RefusesFlagsThatItDoesNotKnowBeforeDoingAnything) {
  const ProgramEnd unknown = Run({"--quik"});
  EXPECT_NE(unknown.exit_code, 0);
  EXPECT_TRUE(Has(unknown.errors, "quik")) << unknown.errors;
  const ProgramEnd stray = Run({bench_, "somewhere"});
  EXPECT_EQ(stray.exit_code, 2);
  EXPECT_TRUE(Has(stray.errors, "what is 'somewhere'? Arguments are flags, as --out=somewhere")) << stray.errors;
  const ProgramEnd both = Run({"--from=x", "--quick"});
  EXPECT_EQ(both.exit_code, 2);
  EXPECT_TRUE(fs::is_empty(here_));
}

TEST_F(ReportsTest, NamesAFolderThatItCantMake) {
  std::ofstream(here_ + "/file") << "x";
  const ProgramEnd ran = Run({bench_, "--quick", "--out=file"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(Has(ran.errors, here_ + "/file")) << ran.errors;
  EXPECT_TRUE(Has(ran.errors, "--out=DIR")) << ran.errors;
}

TEST_F(ReportsTest, KeepsTheReportWhenTheDiskFillsUpAndSaysWhere) {
  fs::create_directories(here_ + "/full");
  fs::create_symlink("/dev/full", here_ + "/full/results.json.new");
  const ProgramEnd ran = Run({bench_, "--quick", "--out=full"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(Has(ran.errors, "full/results.json")) << ran.errors;
  EXPECT_TRUE(Has(ran.errors, "No space left on device")) << ran.errors;
  const size_t at = ran.errors.find("the whole report is in ");
  ASSERT_NE(at, std::string::npos) << ran.errors;
  const std::string folder = ran.errors.substr(at + 23, ran.errors.find(' ', at + 23) - at - 23);
  EXPECT_GT(fs::file_size(folder + "/results.json"), 500u);
  EXPECT_GT(fs::file_size(folder + "/index.html"), 500u);
}

TEST_F(ReportsTest, FinishesWritingWhateverTheNumberOfInterrupts) {
  ASSERT_EQ(Run({bench_, "--quick", "--out=first"}).exit_code, 0);
  // Opening a fifo to write waits for its reader: so it is surely writing when the interrupts come.
  fs::create_directories(here_ + "/second");
  const std::string gate = here_ + "/second/index.html.new";
  ASSERT_EQ(mkfifo(gate.c_str(), 0600), 0);
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    execl("reports/reports", "reports", "--from=first/results.json", "--out=second", nullptr);
    _exit(127);
  }
  std::ifstream reader(gate);
  EXPECT_EQ(kill(pid, SIGINT), 0);
  EXPECT_EQ(kill(pid, SIGINT), 0);
  std::ostringstream page;
  page << reader.rdbuf();
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_TRUE(Has(page.str(), "</html>"));
}

TEST_F(ReportsTest, ShowsConformanceWhereItsResultsAreGivenAndKeepsThem) {
  ASSERT_EQ(Run({bench_, "--quick", "--out=first"}).exit_code, 0);
  std::ofstream(here_ + "/judged.jsonl")
      << R"({"kind":"conformance","version":1})"
      << "\n"
      << R"({"kind":"scenario","id":"queue/full","documents":[],"shows":"full is full"})"
      << "\n"
      << R"({"kind":"case","scenario":"queue/full","system":"core","method":"fork","standing":"passed"})"
      << "\n";
  ASSERT_EQ(Run({"--from=first", "--conformance=judged.jsonl", "--out=second"}).exit_code, 0);
  ASSERT_EQ(Run({"--from=second/results.json", "--out=third"}).exit_code, 0);
  EXPECT_FALSE(Has(Read(here_ + "/first/report.md"), "queue/full"));
  for (const char* with : {"/second/report.md", "/third/report.md"}) {
    EXPECT_TRUE(Has(Read(here_ + with), "Regatta: 1 of 1\u00a0case passed")) << with;
  }
  const ProgramEnd wrong = Run({"--from=first", "--conformance=first/results.json"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_TRUE(Has(wrong.errors, "--conformance: ")) << wrong.errors;
  EXPECT_TRUE(Has(wrong.errors, "first/results.json, line 1: ")) << wrong.errors;
}

TEST_F(ReportsTest, ShowsTheProofOfItsVerdictsWhereItIsGivenAndKeepsIt) {
  ASSERT_EQ(Run({bench_, "--quick", "--out=first"}).exit_code, 0);
  std::ofstream(here_ + "/trust.json") << R"({"schema": "regatta.trust", "version": 1, "halves": [{"half": "quiet",)"
                                       << R"("comparisons": [{"work": "loop", "again": {"verdict": "faster", )"
                                       << R"("outcome": "wrong"}}]}]})";
  ASSERT_EQ(Run({"--from=first", "--trust=trust.json", "--out=second"}).exit_code, 0);
  ASSERT_EQ(Run({"--from=second/results.json", "--out=third"}).exit_code, 0);
  for (const char* with : {"/second/report.md", "/third/report.md"}) {
    EXPECT_TRUE(Has(Read(here_ + with), "1 of 1\u00a0verdict wrong")) << with;
  }
  const ProgramEnd wrong = Run({"--from=first", "--trust=first/results.json"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_TRUE(Has(wrong.errors, "--trust: ")) << wrong.errors;
}

// Full runs: five invocations each, whose figures the stand-in repeats.
TEST_F(ReportsTest, ComparesWithAnEarlierRunAndEndsWithACodeOfItsOwnWhereItIsSlower) {
  const auto bench = [&](const std::string& name, const std::string& flag) {
    std::ofstream(here_ + "/" + name) << "#!/bin/sh\nexec " << fs::absolute("reports/run/fake_bench").string()
                                      << " --fake_only=lock_unlock " << flag << " \"$@\"\n";
    fs::permissions(here_ + "/" + name, fs::perms::owner_all);
    return "--bench=" + name;
  };
  const std::string plain = bench("plain.sh", "");
  ASSERT_EQ(Run({plain, "--out=first"}).exit_code, 0);
  const ProgramEnd same = Run({plain, "--out=same", "--baseline=first"});
  EXPECT_EQ(same.exit_code, 0) << same.errors;
  EXPECT_TRUE(Has(same.out, "Against the run of ")) << same.out;
  EXPECT_TRUE(Has(same.out, " 0 slower, ")) << same.out;

  const ProgramEnd slower =
      Run({bench("slow.sh", "--fake_slower=lock_unlock/core"), "--out=slower", "--baseline=first"});
  EXPECT_EQ(slower.exit_code, 3) << slower.errors;
  EXPECT_TRUE(Has(slower.out, " 1 slower, ")) << slower.out;
  const std::string json = Read(here_ + "/slower/results.json");
  EXPECT_TRUE(Has(json, "\"key\": \"lock_unlock/core\",\n    \"state\": \"\",\n    \"then_over_now\""))
      << "in the summary";
  EXPECT_TRUE(Has(Read(here_ + "/slower/report.md"), "What changed since the earlier run"));
  // From results alone too, and the other way round it is faster.
  EXPECT_EQ(Run({"--from=slower", "--out=again", "--baseline=first"}).exit_code, 3);
  EXPECT_EQ(Run({"--from=first", "--out=faster", "--baseline=slower"}).exit_code, 0);

  const std::string other = bench("other.sh", "--fake_machine=elsewhere");
  const ProgramEnd refused = Run({other, "--out=refused", "--baseline=first"});
  EXPECT_EQ(refused.exit_code, 2);
  EXPECT_TRUE(Has(refused.errors, "measured on another machine")) << refused.errors;
  EXPECT_TRUE(Has(refused.errors, "--baseline_other_machine")) << refused.errors;
  EXPECT_FALSE(fs::exists(here_ + "/refused"));
  const ProgramEnd wanted = Run({other, "--quick", "--out=wanted", "--baseline=first", "--baseline_other_machine"});
  EXPECT_EQ(wanted.exit_code, 0) << wanted.errors;
  EXPECT_TRUE(Has(wanted.out, "because one of the runs has only one invocation")) << wanted.out;
  const ProgramEnd absent = Run({plain, "--baseline=nowhere.json"});
  EXPECT_EQ(absent.exit_code, 2);
  EXPECT_TRUE(Has(absent.errors, "--baseline: ")) << absent.errors;
}

TEST_F(ReportsTest, AsksTheMachineDoctorAndKeepsWhatItFound) {
  ASSERT_EQ(Run({bench_, "--quick", "--out=first"}).exit_code, 0);
  EXPECT_TRUE(Has(Read(here_ + "/first/results.json"), R"("doctor": {"schema":"regatta.doctor")"));
  EXPECT_TRUE(Has(Read(here_ + "/first/report.md"), "The machine doctor found nothing wrong with: "));
  std::ofstream(here_ + "/found.json")
      << R"({"schema": "regatta.doctor", "version": 1, "findings": [{"id": "leeks", "severity": "bad", "seen": "a soup"}]})";
  ASSERT_EQ(Run({"--from=first", "--doctor=found.json", "--out=second"}).exit_code, 0);
  EXPECT_TRUE(Has(Read(here_ + "/second/report.md"), "| leeks | disturbs measurements | a soup |"));
  const ProgramEnd wrong = Run({"--from=first", "--doctor=first/results.json"});
  EXPECT_EQ(wrong.exit_code, 2);
  EXPECT_TRUE(Has(wrong.errors, "--doctor: ")) << wrong.errors;
}

TEST_F(ReportsTest, NamesAResultsFileThatItCantUse) {
  std::ofstream(here_ + "/new.json") << R"({"schema": "regatta.report", "version": 99, "invocations": []})";
  const ProgramEnd newer = Run({"--from=new.json"});
  EXPECT_EQ(newer.exit_code, 2);
  EXPECT_TRUE(Has(newer.errors, "new.json: schema regatta.report has version 99")) << newer.errors;
  const ProgramEnd absent = Run({"--from=absent.json"});
  EXPECT_EQ(absent.exit_code, 2);
  EXPECT_TRUE(Has(absent.errors, "absent.json")) << absent.errors;
}

TEST_F(ReportsTest, SaysWhereTheBenchmarksWouldHaveToBe) {
  const ProgramEnd ran = Run({"--bench=nowhere", "--out=out"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(Has(ran.errors, here_ + "/nowhere")) << ran.errors;
}

// The real program's own flags, passed through a script, make the stand-in fail in one arm.
TEST_F(ReportsTest, ReportsTheRestWhenAnArmFailsAndEndsWithAnError) {
  const std::string script = here_ + "/bench.sh";
  std::ofstream(script) << "#!/bin/sh\nexec " << fs::absolute("reports/run/fake_bench").string()
                        << " --fake_fail=lock_unlock/core \"$@\"\n";
  fs::permissions(script, fs::perms::owner_all);
  const ProgramEnd ran = Run({"--bench=bench.sh", "--quick", "--out=out"});
  EXPECT_EQ(ran.exit_code, 1);
  EXPECT_TRUE(Has(ran.errors, "Failed: lock_unlock/core: a partner died")) << ran.errors;
  const std::string text = Read(here_ + "/out/report.md");
  EXPECT_TRUE(Has(text, "Failed: lock\\_unlock/core: a partner died")) << "the report must say so too";
  EXPECT_TRUE(Has(text, "pthread mutex, robust")) << "the rest must be there";
}

}  // namespace
}  // namespace regatta::reports
