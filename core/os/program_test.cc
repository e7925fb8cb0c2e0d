#include "core/os/program.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <string>
#include <vector>

#include "core/testing/forked_child.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

bool IsOpen(int fd) { return fcntl(fd, F_GETFD) >= 0; }

TEST(ProgramStandardDescriptors, ThatAreClosedAreFilledAndCopied) {
  ForkedChild child([] {
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    REGATTA_CHILD_REQUIRE(CopyStandardDescriptors().ok());
    REGATTA_CHILD_REQUIRE(FillStandardDescriptors().ok());
    REGATTA_CHILD_REQUIRE(IsOpen(STDIN_FILENO) && IsOpen(STDOUT_FILENO) && IsOpen(STDERR_FILENO));
    REGATTA_CHILD_REQUIRE(fcntl(STDIN_FILENO, F_GETFD) == 0);  // Not close-on-exec.
    char byte;
    REGATTA_CHILD_REQUIRE(read(STDIN_FILENO, &byte, 1) == 0);
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(ProgramStandardDescriptors, AreReplaced) {
  ForkedChild child([] {
    int ends[2];
    REGATTA_CHILD_REQUIRE(pipe2(ends, O_CLOEXEC) == 0);
    std::vector<Fd> standard;
    standard.emplace_back(open("/dev/null", O_RDWR | O_CLOEXEC));
    standard.emplace_back(ends[1]);
    standard.emplace_back(fcntl(STDERR_FILENO, F_DUPFD_CLOEXEC, 3));
    REGATTA_CHILD_REQUIRE(ReplaceStandardDescriptors(standard).ok());
    standard.clear();
    REGATTA_CHILD_REQUIRE(write(STDOUT_FILENO, "x", 1) == 1);
    char byte = 0;
    REGATTA_CHILD_REQUIRE(read(ends[0], &byte, 1) == 1 && byte == 'x');
    REGATTA_CHILD_REQUIRE(fcntl(STDOUT_FILENO, F_GETFD) == 0);
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

TEST(ProgramWorkingDirectory, IsComeBackTo) {
  ForkedChild child([] {
    char before[4096];
    char after[4096];
    REGATTA_CHILD_REQUIRE(getcwd(before, sizeof(before)) != nullptr);
    const absl::StatusOr<Fd> here = OpenWorkingDirectory();
    REGATTA_CHILD_REQUIRE(here.ok() && chdir("/") == 0);
    REGATTA_CHILD_REQUIRE(ChangeWorkingDirectory(*here).ok());
    REGATTA_CHILD_REQUIRE(getcwd(after, sizeof(after)) != nullptr && std::string(before) == after);
    return 0;
  });
  EXPECT_EQ(child.Wait(), 0);
}

}  // namespace
}  // namespace regatta
