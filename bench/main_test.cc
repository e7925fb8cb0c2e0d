// The benchmark program as a user meets it when something is wrong: what it says, and how it ends.
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tools/program/program_test.h"

namespace regatta::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kBench = "bench/bench";

// From here on sched_setaffinity fails in this process and in all that it starts, as in a sandbox that forbids it.
void ForbidPinning() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_setaffinity, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {.len = std::size(filter), .filter = filter};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0) {
    _exit(126);
  }
}

class BenchProgram : public ProgramTest {
 protected:
  static ProgramEnd Run(const std::vector<std::string>& flags, const std::function<void()>& prepare = nullptr) {
    return RunProgram(kBench, flags, prepare);
  }
  static void ExpectMisuse(const std::vector<std::string>& flags, const std::string& words) {
    const ProgramEnd ran = Run(flags);
    EXPECT_EQ(ran.exit_code, 2) << ran.all();
    EXPECT_EQ(ran.all(), "bench: " + words + "\n");
  }
};

TEST_F(BenchProgram, RefusesWrongFlagsAndSaysWhatIsRight) {
  ExpectMisuse({"--workers=0"}, "--workers=0: '0' is not a number of 1 or more");
  ExpectMisuse({"--workers=2,-3"}, "--workers=2,-3: '-3' is not a number of 1 or more");
  ExpectMisuse({"--worker=2"}, "there is no flag --worker=2; --help lists all");
  ExpectMisuse({"2"}, "what is '2'? Arguments are flags, as --folder=2");
  ExpectMisuse({"--benchmark_filter=nothing"},
               "no benchmark matches --benchmark_filter=nothing; --regatta_list lists all");
  ExpectMisuse({"--blocks=2"}, "--blocks needs --regatta_out=FILE, where the results go");
}

TEST_F(BenchProgram, HelpsWithItsOwnFlagsToo) {
  for (const char* help : {"--help", "-h"}) {
    const ProgramEnd ran = Run({help});
    EXPECT_EQ(ran.exit_code, 0);
    for (const char* flag : {"--benchmark_filter=", "--folder=", "--workers=", "--pin=", "--regatta_out="}) {
      EXPECT_THAT(ran.out, HasSubstr(flag));
    }
  }
}

TEST_F(BenchProgram, RefusesAFolderThatItCantCopyBeforeItRunsAnything) {
  const std::string one = "--benchmark_filter=folder_copy/serial/";
  ExpectMisuse({one, "--folder=" + here_}, "there is no file in " + here_ + " (--folder chooses another one)");
  ExpectMisuse(
      {one, "--folder=" + here_ + "/none"},
      "read the folder " + here_ + "/none (--folder chooses another one): No such file or directory (errno 2)");
  std::ofstream(here_ + "/file") << "x";
  ExpectMisuse({one, "--folder=" + here_ + "/file"}, here_ + "/file is not a folder (--folder chooses another one)");
  ASSERT_EQ(mkfifo((here_ + "/fifo").c_str(), 0600), 0);
  ExpectMisuse({one, "--folder=" + here_},
               here_ + "/fifo is neither file, folder nor link (--folder chooses another one)");
}

TEST_F(BenchProgram, TakesPathsFromWhereItWasCalled) {
  std::filesystem::create_directory(here_ + "/source");
  std::ofstream(here_ + "/source/file") << "x";
  const ProgramEnd ran = Run({"--benchmark_filter=folder_copy/serial/", "--folder=source", "--blocks=1", "--arm_ms=1",
                              "--regatta_out=results.jsonl"});
  EXPECT_EQ(ran.exit_code, 0) << ran.all();
  EXPECT_GT(std::filesystem::file_size(here_ + "/results.jsonl"), 100U);
}

TEST_F(BenchProgram, ReportsPythonAbsentWhereItIsNot) {
  const ProgramEnd ran = Run({"--benchmark_filter=lock_unlock/cpython", "--benchmark_min_time=0.001"},
                             [&] { setenv("PATH", here_.c_str(), 1); });
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.all(), HasSubstr("lock_unlock/cpython absent: python3 with multiprocessing is not installed (apt-get "
                                   "install python3)"));
  EXPECT_THAT(ran.all(), HasSubstr("0 ok, 0 failed, 1 absent"));
}

TEST_F(BenchProgram, RunsUnpinnedWhereItMayNotPinAndSaysSoOnce) {
  const std::vector<std::string> some = {"--benchmark_filter=(lock_unlock/(core|pthread)|pool_round_trip/threads/.*)$",
                                         "--benchmark_min_time=0.001"};
  const ProgramEnd ran = Run(some, ForbidPinning);
  EXPECT_EQ(ran.exit_code, 0) << ran.all();
  EXPECT_THAT(ran.errors, ::testing::StartsWith("bench: no permission to pin"));
  EXPECT_EQ(ran.all().find("no permission"), ran.all().rfind("no permission")) << ran.all();
  EXPECT_THAT(ran.all(), HasSubstr("pool_round_trip/threads/workers:1/placement:unpinned"));
  EXPECT_THAT(ran.all(), HasSubstr(" 0 failed"));

  std::vector<std::string> asked = some;
  asked.push_back("--pin");
  const ProgramEnd refused = Run(asked, ForbidPinning);
  EXPECT_EQ(refused.exit_code, 2) << refused.all();
  EXPECT_THAT(refused.all(), HasSubstr("--pin: no permission to pin"));
  EXPECT_THAT(refused.all(), HasSubstr("with --pin=false"));
}

TEST_F(BenchProgram, SaysSoWhenTheDiskIsFull) {
  const ProgramEnd ran =
      Run({"--benchmark_filter=lock_unlock/core", "--blocks=1", "--arm_ms=1", "--regatta_out=/dev/full"});
  EXPECT_NE(ran.exit_code, 0);
  EXPECT_THAT(ran.all(), HasSubstr("/dev/full: No space left on device"));
}

}  // namespace
}  // namespace regatta::bench
