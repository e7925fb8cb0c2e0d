// A child's end writes out what a coverage runtime has counted; this program plays gcc's and clang's.
#include <string>

#include "core/process/process.h"
#include "core/testing/pipe.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace {

const regatta::Fd* g_dump_to = nullptr;

}  // namespace

extern "C" {
// NOLINTBEGIN(bugprone-reserved-identifier): the runtimes' own names.
void __gcov_dump() {
  if (g_dump_to != nullptr) regatta::WriteText(*g_dump_to, "gcc ");
}
int __llvm_profile_write_file() {
  if (g_dump_to != nullptr) regatta::WriteText(*g_dump_to, "clang ");
  return 0;
}
// NOLINTEND(bugprone-reserved-identifier)
}

namespace regatta {
namespace {

TEST(CoverageOfAChild, IsWrittenAtItsEndHoweverItEnds) {
  for (const bool by_exit : {false, true}) {
    TestingPipe pipe;
    absl::StatusOr<Process> child = Process::Fork([&] {
      g_dump_to = &pipe.write;
      if (by_exit) exit(0);
    });
    ASSERT_THAT(child, IsOk());
    pipe.write.Reset();
    EXPECT_EQ(ReadToEnd(pipe.read), "gcc clang ");
    EXPECT_TRUE(child->Join()->success());
  }
}

}  // namespace
}  // namespace regatta
