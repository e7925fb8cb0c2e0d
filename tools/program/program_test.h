// ProgramTest: for tests of whole programs. Gives each test a folder of its own, where the user stands, and runs a
// program to its end.
#ifndef REGATTA_TOOLS_PROGRAM_PROGRAM_TEST_H_
#define REGATTA_TOOLS_PROGRAM_PROGRAM_TEST_H_

#include <functional>
#include <string>
#include <vector>

#include "gtest/gtest.h"

namespace regatta {

struct ProgramEnd {
  int exit_code = -1;  // 128 and the signal's number if a signal ended it.
  std::string out;
  std::string errors;

  std::string all() const { return out + errors; }
};

class ProgramTest : public ::testing::Test {
 protected:
  ProgramTest();
  ~ProgramTest() override;

  // `prepare` runs in the new process before `program` does.
  static ProgramEnd RunProgram(const std::string& program, const std::vector<std::string>& flags,
                               const std::function<void()>& prepare = nullptr);
  static std::string Read(const std::string& path);
  static bool Has(const std::string& text, const std::string& piece) { return text.find(piece) != std::string::npos; }

  // $BUILD_WORKING_DIRECTORY and $TMPDIR.
  std::string here_;
};

}  // namespace regatta

#endif  // REGATTA_TOOLS_PROGRAM_PROGRAM_TEST_H_
