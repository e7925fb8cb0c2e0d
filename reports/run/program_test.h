// ProgramTest: for tests of whole programs: a folder of their own, where the user stands, and a way to run a program to
// its end.

#ifndef REGATTA_REPORTS_RUN_PROGRAM_TEST_H_
#define REGATTA_REPORTS_RUN_PROGRAM_TEST_H_

#include <cstdlib>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "gtest/gtest.h"
#include "reports/run/child.h"

namespace regatta::reports {

class ProgramTest : public testing::Test {
 protected:
  void SetUp() override {
    std::string folder = absl::StrCat(getenv("TEST_TMPDIR"), "/XXXXXX");
    ASSERT_NE(mkdtemp(folder.data()), nullptr);
    here_ = folder;
    setenv("BUILD_WORKING_DIRECTORY", here_.c_str(), 1);
    setenv("TMPDIR", here_.c_str(), 1);
  }

  struct ProgramEnd {
    int exit_code = -1;
    std::string out;
    std::string errors;  // the last ten lines
  };

  static ProgramEnd RunProgram(const char* program, const std::vector<std::string>& flags) {
    std::vector<std::string> arguments = {program};
    arguments.insert(arguments.end(), flags.begin(), flags.end());
    const InterruptGuard interrupts;
    ProgramEnd result;
    const auto end = RunChild(
        arguments, 1, [&](std::string_view line) { absl::StrAppend(&result.out, line, "\n"); }, interrupts);
    EXPECT_TRUE(end.ok()) << end.status();
    if (!end.ok()) return result;
    EXPECT_EQ(end->signal, 0);
    result.exit_code = end->exit_code;
    result.errors = absl::StrJoin(end->last_errors, "\n");
    return result;
  }

  static std::string Read(const std::string& path) {
    std::ifstream file(path);
    std::ostringstream text;
    text << file.rdbuf();
    return text.str();
  }

  std::string here_;
};

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RUN_PROGRAM_TEST_H_
