#include "reports/run/output.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

namespace fs = std::filesystem;

std::string Read(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

class OutputTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        absl::StrCat(std::getenv("TEST_TMPDIR"), "/", testing::UnitTest::GetInstance()->current_test_info()->name());
    setenv("TMPDIR", std::getenv("TEST_TMPDIR"), 1);
  }

  std::string folder_;
};

TEST_F(OutputTest, MakesTheFolderAndEveryFileInIt) {
  const std::string deep = folder_ + "/a/b";
  auto output = Output::Create(deep, 1 << 20);
  ASSERT_TRUE(output.ok()) << output.status();
  const auto finished = output->Finish({{"report.md", "text"}, {"pictures/one.svg", "picture"}});
  EXPECT_TRUE(finished.status.ok()) << finished.status;
  EXPECT_EQ(finished.fallback, "");
  EXPECT_EQ(Read(deep + "/report.md"), "text");
  EXPECT_EQ(Read(deep + "/pictures/one.svg"), "picture");
  EXPECT_FALSE(fs::exists(output->spool_path()));
}

TEST_F(OutputTest, HasEachLineInAFileAsSoonAsItWasAppended) {
  auto output = Output::Create(folder_, 1 << 20);
  ASSERT_TRUE(output.ok()) << output.status();
  output->Append("one");
  output->Append("two");
  EXPECT_EQ(Read(output->spool_path()).substr(0, 8), "one\ntwo\n");
}

TEST_F(OutputTest, TakesAFolderBehindALink) {
  fs::create_directories(folder_ + "/real");
  fs::create_directory_symlink(folder_ + "/real", folder_ + "/link");
  auto output = Output::Create(folder_ + "/link", 0);
  ASSERT_TRUE(output.ok()) << output.status();
  EXPECT_TRUE(output->Finish({{"x", "y"}}).status.ok());
  EXPECT_EQ(Read(folder_ + "/real/x"), "y");
}

TEST_F(OutputTest, NamesTheFolderThatCantBeMadeAndTheWayOut) {
  fs::create_directories(folder_);
  std::ofstream(folder_ + "/file") << "x";
  for (const std::string& folder : {folder_ + "/file", folder_ + "/file/below", std::string("/proc/nowhere")}) {
    const auto output = Output::Create(folder, 0);
    ASSERT_FALSE(output.ok()) << folder;
    EXPECT_NE(output.status().message().find(folder), std::string::npos) << output.status();
    EXPECT_NE(output.status().message().find("--out=DIR"), std::string::npos) << output.status();
  }
}

TEST_F(OutputTest, KnowsBeforehandThatThereIsNoRoom) {
  const auto output = Output::Create(folder_, int64_t{1} << 50);
  ASSERT_FALSE(output.ok());
  EXPECT_NE(output.status().message().find(folder_), std::string::npos) << output.status();
  EXPECT_NE(output.status().message().find("make room"), std::string::npos) << output.status();
  EXPECT_FALSE(fs::exists(folder_)) << "what was made for nothing is removed";

  fs::create_directories(folder_);
  EXPECT_FALSE(Output::Create(folder_, int64_t{1} << 50).ok());
  EXPECT_TRUE(fs::exists(folder_)) << "what was there stays";
  EXPECT_TRUE(fs::is_empty(folder_));
}

// A file that takes no more bytes, as on a full disk.
TEST_F(OutputTest, PutsAllFilesElsewhereWhenTheFolderTakesNoMore) {
  auto output = Output::Create(folder_, 0);
  ASSERT_TRUE(output.ok()) << output.status();
  output->Append("measured");
  fs::create_symlink("/dev/full", folder_ + "/b.new");
  const auto finished = output->Finish({{"a", "1"}, {"b", "2"}, {"c/d", "3"}});
  EXPECT_EQ(finished.status.code(), absl::StatusCode::kResourceExhausted) << finished.status;
  EXPECT_NE(finished.status.message().find(folder_ + "/b"), std::string::npos) << finished.status;
  ASSERT_NE(finished.fallback, "");
  EXPECT_EQ(Read(finished.fallback + "/a"), "1");
  EXPECT_EQ(Read(finished.fallback + "/b"), "2");
  EXPECT_EQ(Read(finished.fallback + "/c/d"), "3");
  EXPECT_EQ(Read(output->spool_path()), "measured\n");
}

TEST_F(OutputTest, LeavesAnOldFileWholeWhenTheNewOneFails) {
  fs::create_directories(folder_);
  std::ofstream(folder_ + "/old") << "precious";
  fs::create_symlink("/dev/full", folder_ + "/old.new");
  EXPECT_FALSE(ReplaceFile(folder_ + "/old", "new").ok());
  EXPECT_EQ(Read(folder_ + "/old"), "precious");
}

}  // namespace
}  // namespace regatta::reports
