// The program as a user meets it, with a stand-in for the benchmarks.

#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "tools/program/program_test.h"

namespace regatta::reports {
namespace {

namespace fs = std::filesystem;

constexpr const char* kTrust = "reports/trust/trust";

class TrustProgramTest : public ProgramTest {
 protected:
  // The stand-in, with flags of its own.
  std::string Bench(const std::string& flags) {
    std::ofstream(here_ + "/bench.sh") << "#!/bin/sh\nexec " << fs::absolute("reports/run/fake_bench").string() << " "
                                       << flags << " \"$@\"\n";
    fs::permissions(here_ + "/bench.sh", fs::perms::owner_all);
    return "--bench=bench.sh";
  }

  static ProgramEnd Run(const std::vector<std::string>& flags) { return RunProgram(kTrust, flags); }
};

TEST_F(TrustProgramTest, ProvesAJudgeThatIsRight) {
  const ProgramEnd ran = Run({Bench(""), "--seed=5"});
  EXPECT_EQ(ran.exit_code, 0) << ran.out << ran.errors;
  EXPECT_TRUE(Has(ran.out, "None of 120\u00a0verdicts was wrong, and every slow-down of 20 % was found")) << ran.out;
  const std::string json = Read(here_ + "/trust.json");
  EXPECT_TRUE(Has(json, "\"schema\": \"regatta.trust\"")) << json;
  EXPECT_TRUE(Has(json, "\"seed\": 5,"));
}

TEST_F(TrustProgramTest, EndsWithAnErrorWhereAVerdictIsWrong) {
  const ProgramEnd ran = Run({Bench("--fake_slower=trust/again"), "--quick", "--out=found.json"});
  EXPECT_EQ(ran.exit_code, 1) << ran.out << ran.errors;
  EXPECT_TRUE(Has(ran.out, "10 of 30\u00a0verdicts wrong")) << ran.out;
  EXPECT_TRUE(fs::exists(here_ + "/found.json"));
}

TEST_F(TrustProgramTest, ProvesNothingOnAMachineThatOthersUse) {
  const ProgramEnd ran = Run({Bench("--fake_foreign=0.3"), "--quick"});
  EXPECT_EQ(ran.exit_code, 3) << ran.out << ran.errors;
  EXPECT_TRUE(Has(ran.out, "run it again on a quieter machine")) << ran.out;
}

TEST_F(TrustProgramTest, EndsWithAnErrorWhereAnArmFails) {
  const ProgramEnd ran = Run({Bench("--fake_fail=trust/again/work:loop"), "--quick"});
  EXPECT_EQ(ran.exit_code, 3) << ran.out << ran.errors;
  EXPECT_TRUE(Has(ran.errors, "Failed: trust/again/work:loop/workers:1: a partner died")) << ran.errors;
}

TEST_F(TrustProgramTest, SaysWhereItCantWriteAndWhatItDoesNotKnow) {
  const ProgramEnd full = Run({Bench(""), "--quick", "--out=none/trust.json"});
  EXPECT_EQ(full.exit_code, 2);
  EXPECT_TRUE(Has(full.errors, "none/trust.json")) << full.errors;
  EXPECT_EQ(Run({Bench(""), "quick"}).exit_code, 2);
  EXPECT_EQ(Run({Bench("--fake_only=lock_unlock"), "--quick"}).exit_code, 2);
}

// The stand-in waits at the second work, for an interrupt.
TEST_F(TrustProgramTest, KeepsWhatWasMeasuredWhenInterrupted) {
  const std::string bench = Bench("--fake_wait=work:queue");
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    dup2(ends[1], STDERR_FILENO);
    execl(kTrust, kTrust, bench.c_str(), "--quick", nullptr);
    _exit(127);
  }
  close(ends[1]);
  std::string errors;
  bool interrupted = false;
  char piece[4096];
  for (ssize_t got; (got = read(ends[0], piece, sizeof piece)) > 0;) {
    errors.append(piece, static_cast<size_t>(got));
    if (interrupted || !Has(errors, "quiet 2 of 5")) continue;
    interrupted = kill(pid, SIGINT) == 0;
  }
  close(ends[0]);
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  ASSERT_TRUE(WIFEXITED(status)) << "signal " << WTERMSIG(status);
  EXPECT_EQ(WEXITSTATUS(status), 3) << errors;
  EXPECT_TRUE(Has(errors, "Interrupted: 1 of 5 comparisons of the quiet half were measured.")) << errors;
  EXPECT_TRUE(Has(Read(here_ + "/trust.json"), "\"work\": \"loop/workers:1\""));
}

}  // namespace
}  // namespace regatta::reports
