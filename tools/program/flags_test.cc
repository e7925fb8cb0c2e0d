#include "tools/program/flags.h"

#include <string>
#include <vector>

#include "absl/flags/flag.h"
#include "gtest/gtest.h"

ABSL_FLAG(bool, quick, false, "a first look");
ABSL_FLAG(int, rounds, 5, "how often");
ABSL_FLAG(std::string, out, "here", "the folder");

namespace regatta {
namespace {

constexpr Program kProgram = {"sample", "flags_test.cc", "does nothing", "--out="};

class ReadFlagsTest : public ::testing::Test {
 protected:
  ReadFlagsTest() {
    absl::SetFlag(&FLAGS_quick, false);
    absl::SetFlag(&FLAGS_rounds, 5);
    absl::SetFlag(&FLAGS_out, "here");
  }

  // The code with which the program has to end; -1 where it goes on.
  int Read(std::vector<std::string> arguments) {
    std::vector<char*> argv = {const_cast<char*>("sample")};
    for (std::string& argument : arguments) argv.push_back(argument.data());
    ::testing::internal::CaptureStdout();
    ::testing::internal::CaptureStderr();
    const int code = ReadFlags(kProgram, static_cast<int>(argv.size()), argv.data()).value_or(-1);
    out_ = ::testing::internal::GetCapturedStdout();
    errors_ = ::testing::internal::GetCapturedStderr();
    return code;
  }

  std::string out_;
  std::string errors_;
};

TEST_F(ReadFlagsTest, SetsFlagsInEveryForm) {
  EXPECT_EQ(Read({"--quick", "--rounds=7", "--out", "there"}), -1) << errors_;
  EXPECT_TRUE(absl::GetFlag(FLAGS_quick));
  EXPECT_EQ(absl::GetFlag(FLAGS_rounds), 7);
  EXPECT_EQ(absl::GetFlag(FLAGS_out), "there");
  EXPECT_EQ(Read({"--noquick", "-out="}), -1) << errors_;
  EXPECT_FALSE(absl::GetFlag(FLAGS_quick));
  EXPECT_EQ(absl::GetFlag(FLAGS_out), "");
}

TEST_F(ReadFlagsTest, NamesAMistakeAndEndsWithTwo) {
  EXPECT_EQ(Read({"--quik"}), 2);
  EXPECT_EQ(errors_, "sample: there is no flag --quik; --help lists all\n");
  EXPECT_EQ(Read({"--norounds"}), 2);
  EXPECT_EQ(errors_, "sample: there is no flag --norounds; --help lists all\n");
  EXPECT_EQ(Read({"there"}), 2);
  EXPECT_EQ(errors_, "sample: what is 'there'? Arguments are flags, as --out=there\n");
  EXPECT_EQ(Read({"--out"}), 2);
  EXPECT_EQ(errors_, "sample: --out needs a value\n");
  for (const char* bad : {"--rounds=many", "--rounds=", "--rounds=1e3", "--quick=perhaps"}) {
    EXPECT_EQ(Read({bad}), 2) << bad;
    EXPECT_NE(errors_.find(std::string("sample: ") + bad + " is not possible"), std::string::npos) << errors_;
  }
}

TEST_F(ReadFlagsTest, HelpsOnStandardOutput) {
  for (const char* help : {"--help", "-h", "-help", "--h"}) {
    EXPECT_EQ(Read({help}), 0) << help;
    EXPECT_EQ(out_.find("does nothing\n"), 0U) << out_;
    EXPECT_NE(out_.find("  --out=here\n      the folder\n"), std::string::npos) << out_;
    EXPECT_EQ(errors_, "");
  }
  EXPECT_EQ(Read({"--version"}), 0);
  EXPECT_EQ(out_.find("regatta, "), 0U) << out_;
  // Flags that another file defines are not the program's.
  ::testing::internal::CaptureStdout();
  PrintHelp({"other", "other.cc", "does nothing", ""});
  EXPECT_EQ(::testing::internal::GetCapturedStdout().find("--out"), std::string::npos);
}

}  // namespace
}  // namespace regatta
