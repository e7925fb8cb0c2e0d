// The benchmark program as a user meets it when something is wrong: what it says, and how it ends.
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr const char* kBench = "bench/bench";

// From here on sched_setaffinity fails in this process and in all that it starts, as in a sandbox that forbids it.
bool ForbidPinning() {
  sock_filter filter[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_sched_setaffinity, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog program = {.len = std::size(filter), .filter = filter};
  return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

struct ProgramEnd {
  int exit_code = -1;
  std::string out;  // Both streams.
};

struct Surroundings {
  bool may_pin = true;
  const char* path = nullptr;    // Where programs are looked for.
  const char* caller = nullptr;  // Where `bazel run` was called.
};

ProgramEnd RunBench(const std::vector<std::string>& arguments, const Surroundings& surroundings = {}) {
  int ends[2];
  ProgramEnd ran;
  if (pipe2(ends, O_CLOEXEC) != 0) return ran;
  const pid_t pid = fork();
  if (pid == 0) {
    dup2(ends[1], STDOUT_FILENO);
    dup2(ends[1], STDERR_FILENO);
    if (!surroundings.may_pin && !ForbidPinning()) _exit(126);
    if (surroundings.path != nullptr) setenv("PATH", surroundings.path, 1);
    if (surroundings.caller != nullptr) setenv("BUILD_WORKING_DIRECTORY", surroundings.caller, 1);
    std::vector<char*> argv = {const_cast<char*>(kBench)};
    for (const std::string& argument : arguments) argv.push_back(const_cast<char*>(argument.c_str()));
    argv.push_back(nullptr);
    execv(kBench, argv.data());
    _exit(127);
  }
  close(ends[1]);
  std::array<char, 65536> piece;
  for (ssize_t got; (got = read(ends[0], piece.data(), piece.size())) > 0;) {
    ran.out.append(piece.data(), static_cast<size_t>(got));
  }
  close(ends[0]);
  int status = 0;
  waitpid(pid, &status, 0);
  if (WIFEXITED(status)) ran.exit_code = WEXITSTATUS(status);
  return ran;
}

void ExpectMisuse(const std::vector<std::string>& arguments, const std::string& words) {
  const ProgramEnd ran = RunBench(arguments);
  EXPECT_EQ(ran.exit_code, 2) << ran.out;
  EXPECT_EQ(ran.out, "bench: " + words + "\n");
}

class BenchProgram : public ::testing::Test {
 protected:
  BenchProgram() : here_((std::filesystem::temp_directory_path() / "regatta-main-XXXXXX").string()) {
    if (mkdtemp(here_.data()) == nullptr) std::abort();
  }
  ~BenchProgram() override { std::filesystem::remove_all(here_); }
  std::string here_;
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
  const ProgramEnd ran = RunBench({"--help"});
  EXPECT_EQ(ran.exit_code, 0);
  for (const char* flag : {"--benchmark_filter=", "--folder=", "--workers=", "--pin=", "--regatta_out="}) {
    EXPECT_THAT(ran.out, HasSubstr(flag));
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
  const ProgramEnd ran = RunBench({"--benchmark_filter=folder_copy/serial/", "--folder=source", "--blocks=1",
                                   "--arm_ms=1", "--regatta_out=results.jsonl"},
                                  {.caller = here_.c_str()});
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
  EXPECT_GT(std::filesystem::file_size(here_ + "/results.jsonl"), 100U);
}

TEST_F(BenchProgram, ReportsPythonAbsentWhereItIsNot) {
  const ProgramEnd ran =
      RunBench({"--benchmark_filter=lock_unlock/cpython", "--benchmark_min_time=0.001"}, {.path = here_.c_str()});
  EXPECT_EQ(ran.exit_code, 0);
  EXPECT_THAT(ran.out, HasSubstr("lock_unlock/cpython absent: python3 with multiprocessing is not installed (apt-get "
                                 "install python3)"));
  EXPECT_THAT(ran.out, HasSubstr("0 ok, 0 failed, 1 absent"));
}

TEST_F(BenchProgram, RunsUnpinnedWhereItMayNotPinAndSaysSoOnce) {
  const std::vector<std::string> some = {"--benchmark_filter=(lock_unlock/(core|pthread)|pool_round_trip/threads/.*)$",
                                         "--benchmark_min_time=0.001"};
  const ProgramEnd ran = RunBench(some, {.may_pin = false});
  EXPECT_EQ(ran.exit_code, 0) << ran.out;
  EXPECT_THAT(ran.out, ::testing::StartsWith("bench: no permission to pin"));
  EXPECT_EQ(ran.out.find("no permission"), ran.out.rfind("no permission")) << ran.out;
  EXPECT_THAT(ran.out, HasSubstr("pool_round_trip/threads/workers:1/placement:unpinned"));
  EXPECT_THAT(ran.out, HasSubstr(" 0 failed"));

  std::vector<std::string> asked = some;
  asked.push_back("--pin");
  const ProgramEnd refused = RunBench(asked, {.may_pin = false});
  EXPECT_EQ(refused.exit_code, 2) << refused.out;
  EXPECT_THAT(refused.out, HasSubstr("--pin: no permission to pin"));
  EXPECT_THAT(refused.out, HasSubstr("with --pin=false"));
}

TEST_F(BenchProgram, SaysSoWhenTheDiskIsFull) {
  const ProgramEnd ran =
      RunBench({"--benchmark_filter=lock_unlock/core", "--blocks=1", "--arm_ms=1", "--regatta_out=/dev/full"});
  EXPECT_NE(ran.exit_code, 0);
  EXPECT_THAT(ran.out, HasSubstr("/dev/full: No space left on device"));
}

}  // namespace
}  // namespace regatta::bench
