// Programs that start themselves afresh, in a program that plays them: this one, copied, renamed, replaced.
#include "core/process/runtime.h"

#include <fcntl.h>
#include <link.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/process/nursery.h"
#include "core/process/process.h"
#include "core/testing/forked_child.h"
#include "core/testing/pipe.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr char kPlay[] = "--play_a_replaced_program";
constexpr char kPlayWithoutDescriptors[] = "--play_a_program_without_standard_descriptors";
constexpr char kPlayAllMethods[] = "--play_all_start_methods";

std::string PathOfThisProgram() {
  char path[4096];
  const ssize_t size = readlink("/proc/self/exe", path, sizeof(path));
  return std::string(path, size < 0 ? 0 : static_cast<size_t>(size));
}

// In the copy: puts another program in its own place, then starts itself.
int PlayAReplacedProgram() {
  const std::string path = PathOfThisProgram();
  if (unlink(path.c_str()) != 0) return 10;
  const Fd other(open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755));
  if (!other.valid()) return 11;
  WriteText(other, "#!/bin/sh\nexit 77\n");
  for (const StartMethod method : {StartMethod::kSpawn, StartMethod::kForkserver}) {
    absl::StatusOr<Process> child = Process::Start(
        {.method = method}, [](int x) { return x + 1; }, 41);
    if (!child.ok()) {
      fprintf(stderr, "%s\n", child.status().ToString().c_str());
      return 12;
    }
    const absl::StatusOr<ExitStatus> end = child->Join();
    printf("%s %s\n", std::string(StartMethodName(method)).c_str(), end.ok() ? end->ToString().c_str() : "?");
  }
  return 0;
}

// In a program run with descriptors 0-2 closed: the number that the next file gets.
int PlayAProgramWithoutStandardDescriptors() { return Fd(open("/", O_RDONLY | O_CLOEXEC)).get(); }

// In a program that is run in an unusual way.
int PlayAllStartMethods() {
  for (const StartMethod method : kAllStartMethods) {
    const absl::StatusOr<Process> child = Process::Start({.method = method}, [] {});
    printf("%s: %s\n", std::string(StartMethodName(method)).c_str(), child.status().ToString().c_str());
  }
  const absl::Status nursery = Nursery::Create(Nursery::Origin::kExec).status();
  printf("nursery: %s\n", nursery.ToString().c_str());
  return 0;
}

struct Outcome {
  absl::StatusOr<ExitStatus> end;
  std::string said;
};

// Runs the program at `path`, after `prepare` in its process; both its outputs together.
Outcome RunProgram(
    const std::string& path, std::vector<std::string> arguments, void (*prepare)() = [] {}) {
  TestingPipe out;
  absl::StatusOr<Process> process = Process::Fork([&] {
    dup2(out.write.get(), STDOUT_FILENO);
    dup2(out.write.get(), STDERR_FILENO);
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    prepare();
    execv(path.c_str(), argv.data());
    return 99;
  });
  if (!process.ok()) return {process.status(), ""};
  out.write.Reset();
  std::string said = ReadToEnd(out.read);
  return {process->Join(), std::move(said)};
}

void CopyFile(const std::string& from, const std::string& to) {
  const Fd in(open(from.c_str(), O_RDONLY | O_CLOEXEC));
  const Fd out(open(to.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0755));
  ASSERT_TRUE(in.valid() && out.valid());
  WriteText(out, ReadToEnd(in));
}

TEST(InitSpawn, RunsTheProgramAsItWasThoughItsFileWasReplacedAndItsNameIsAnother) {
  char directory[] = "/tmp/regatta_runtime_XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  const std::string copy = absl::StrCat(directory, "/program");
  CopyFile(PathOfThisProgram(), copy);
  const Outcome run = RunProgram(copy, {"not the name of any file", kPlay});
  EXPECT_TRUE(run.end.ok() && run.end->success()) << run.end->ToString();
  EXPECT_EQ(run.said, "spawn exit code 42\nforkserver exit code 42\n");
  unlink(copy.c_str());
  rmdir(directory);
}

TEST(InitArgument, OfTheCoresOwnGivenBySomebodyElseIsRefusedInWords) {
  const Outcome run = RunProgram(PathOfThisProgram(), {"program", absl::StrCat("--regatta_child_of=", getpid())});
  EXPECT_EQ(run.end->exit_code(), 2);
  EXPECT_TRUE(absl::StrContains(run.said, "not for other use")) << run.said;
  const Outcome nonsense = RunProgram(PathOfThisProgram(), {"program", "--regatta_child_of=x"});
  EXPECT_EQ(nonsense.end->exit_code(), 2);
}

TEST(InitStandardDescriptors, ThatAreClosedAreOpenedBeforeAnythingElseGetsTheirNumbers) {
  const Outcome run = RunProgram(PathOfThisProgram(), {"program", kPlayWithoutDescriptors}, [] {
    for (const int number : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) close(number);
  });
  EXPECT_GT(run.end->exit_code(), STDERR_FILENO);
}

#if !defined(__SANITIZE_ADDRESS__)  // Its leak check can't trace a program with more rights than its user, and fails.
TEST(InitPrivilege, ThatTheUserLacksLeavesForkAsTheOnlyStartMethodAndTakesNoOrders) {
  if (!CanChangeUser()) GTEST_SKIP() << "needs root, and a user namespace with several users";
  char directory[] = "/tmp/regatta_runtime_XXXXXX";
  ASSERT_NE(mkdtemp(directory), nullptr);
  const std::string copy = absl::StrCat(directory, "/program");
  CopyFile(PathOfThisProgram(), copy);
  ASSERT_EQ(chmod(directory, 0755), 0);
  ASSERT_EQ(chown(copy.c_str(), 65533, 65533), 0);
  ASSERT_EQ(chmod(copy.c_str(), 04755), 0);
  const auto become_another = [] {
    if (setuid(65534) != 0) abort();
  };
  const Outcome run = RunProgram(copy, {"program", kPlayAllMethods}, become_another);
  EXPECT_TRUE(run.end.ok() && run.end->success()) << run.end->ToString();
  EXPECT_TRUE(absl::StrContains(run.said, "fork: OK\n")) << run.said;
  for (const char* method : {"spawn", "forkserver", "nursery"}) {
    EXPECT_TRUE(absl::StrContains(run.said, absl::StrCat(method, ": FAILED_PRECONDITION: this program has rights")))
        << run.said;
  }
  const Outcome ordered = RunProgram(copy, {"program", absl::StrCat("--regatta_child_of=", getpid())}, become_another);
  EXPECT_EQ(ordered.end->exit_code(), 2);
  EXPECT_TRUE(absl::StrContains(ordered.said, "takes no orders")) << ordered.said;
  unlink(copy.c_str());
  rmdir(directory);
}
#endif

TEST(InitLoader, ThatRanTheProgramLeavesForkAsTheOnlyStartMethod) {
  std::string loader;
  dl_iterate_phdr(
      [](dl_phdr_info* program, size_t, void* found) {
        for (int i = 0; i < program->dlpi_phnum; ++i) {
          const auto& header = program->dlpi_phdr[i];
          if (header.p_type != PT_INTERP) continue;
          *static_cast<std::string*>(found) = reinterpret_cast<const char*>(program->dlpi_addr + header.p_vaddr);
        }
        return 1;
      },
      &loader);
  if (loader.empty()) GTEST_SKIP() << "a static program";
  const Outcome run = RunProgram(loader, {"ld.so", PathOfThisProgram(), kPlayAllMethods});
  EXPECT_TRUE(run.end.ok() && run.end->success()) << run.end->ToString() << run.said;
  EXPECT_TRUE(absl::StrContains(run.said, "fork: OK\n")) << run.said;
  for (const char* method : {"spawn", "forkserver", "nursery"}) {
    EXPECT_TRUE(
        absl::StrContains(run.said, absl::StrCat(method, ": FAILED_PRECONDITION: this program was run through")))
        << run.said;
  }
}

TEST(InitTwice, DoesNothing) {
  int argc = 1;
  char name[] = "program";
  char* arguments[] = {name, nullptr};
  char** argv = arguments;
  Init(&argc, &argv);
  EXPECT_EQ(argc, 1);
  EXPECT_EQ(argv[0], name);
}

}  // namespace
}  // namespace regatta

int main(int argc, char** argv) {
  regatta::Init(&argc, &argv);
  if (argc == 2 && strcmp(argv[1], regatta::kPlay) == 0) return regatta::PlayAReplacedProgram();
  if (argc == 2 && strcmp(argv[1], regatta::kPlayWithoutDescriptors) == 0) {
    return regatta::PlayAProgramWithoutStandardDescriptors();
  }
  if (argc == 2 && strcmp(argv[1], regatta::kPlayAllMethods) == 0) return regatta::PlayAllStartMethods();
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
