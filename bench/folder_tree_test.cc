#include "bench/folder_tree.h"

#include <linux/capability.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

using ::testing::HasSubstr;

class FolderTreeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string name = (std::filesystem::temp_directory_path() / "folder-tree-XXXXXX").string();
    ASSERT_NE(mkdtemp(name.data()), nullptr);
    base_ = name;
    source_ = base_ + "/source";
    target_ = base_ + "/target";
    std::filesystem::create_directories(source_ + "/inner/empty");
    Write(source_ + "/a", std::string(200'003, 'x'));
    Write(source_ + "/inner/none", "");
    chmod((source_ + "/a").c_str(), 0755);
    chmod((source_ + "/inner").c_str(), 0750);
    std::filesystem::create_symlink("../a", source_ + "/inner/link");
  }
  void TearDown() override { std::filesystem::remove_all(base_); }

  static void Write(const std::string& path, const std::string& content) { std::ofstream(path) << content; }

  // Copies as a pool would.
  FolderTree CopyAll() {
    absl::StatusOr<FolderTree> tree = FolderTree::Read(source_);
    EXPECT_TRUE(tree.ok()) << tree.status();
    EXPECT_TRUE(tree->MakeFolders(target_).ok());
    for (const FileCopy& copy : tree->Copies(target_)) EXPECT_TRUE(RunFileCopy(copy).ok());
    EXPECT_TRUE(tree->CloseFolders(target_).ok());
    return *std::move(tree);
  }

  std::string base_, source_, target_;
};

TEST_F(FolderTreeTest, CountsFilesAndBytes) {
  const absl::StatusOr<FolderTree> tree = FolderTree::Read(source_);
  ASSERT_TRUE(tree.ok()) << tree.status();
  EXPECT_EQ(tree->files(), 2);
  EXPECT_EQ(tree->bytes(), 200'003);
}

TEST_F(FolderTreeTest, AWholeCopyComparesEqual) {
  const FolderTree tree = CopyAll();
  EXPECT_EQ(tree.Compare(target_), absl::OkStatus());
}

TEST_F(FolderTreeTest, AnotherByteIsFound) {
  const FolderTree tree = CopyAll();
  Write(target_ + "/a", std::string(200'002, 'x') + 'y');
  EXPECT_THAT(tree.Compare(target_).message(), HasSubstr("/source/a has other bytes"));
}

TEST_F(FolderTreeTest, AShorterCopyIsFound) {
  const FolderTree tree = CopyAll();
  Write(target_ + "/a", std::string(200'000, 'x'));
  EXPECT_THAT(tree.Compare(target_).message(), HasSubstr("has other bytes"));
}

TEST_F(FolderTreeTest, AnotherModeIsFound) {
  const FolderTree tree = CopyAll();
  chmod((target_ + "/a").c_str(), 0700);
  EXPECT_THAT(tree.Compare(target_).message(), HasSubstr("target/a has another mode"));
  chmod((target_ + "/a").c_str(), 0755);
  chmod((target_ + "/inner").c_str(), 0700);
  EXPECT_THAT(tree.Compare(target_).message(), HasSubstr("target/inner has another mode"));
}

TEST_F(FolderTreeTest, WhatIsMissingOrTooMuchIsFound) {
  const FolderTree tree = CopyAll();
  Write(target_ + "/inner/more", "");
  EXPECT_THAT(tree.Compare(target_).message(), HasSubstr("the copy has inner/more"));
  std::filesystem::remove(target_ + "/inner/more");
  std::filesystem::remove(target_ + "/inner/none");
  EXPECT_THAT(tree.Compare(target_).message(), HasSubstr("inner/none"));
}

TEST_F(FolderTreeTest, AnotherLinkIsFound) {
  const FolderTree tree = CopyAll();
  std::filesystem::remove(target_ + "/inner/link");
  std::filesystem::create_symlink("a", target_ + "/inner/link");
  EXPECT_THAT(tree.Compare(target_).message(), HasSubstr("the link inner/link leads to a"));
}

TEST_F(FolderTreeTest, AnAbsentEmptyOrStrangeFolderIsRefusedWithTheWayOut) {
  const absl::Status absent = FolderTree::Read(base_ + "/nowhere").status();
  EXPECT_EQ(absent.code(), absl::StatusCode::kNotFound);
  EXPECT_THAT(absent.message(), HasSubstr("/nowhere"));
  EXPECT_THAT(absent.message(), HasSubstr("--folder"));
  EXPECT_THAT(FolderTree::Read(source_ + "/inner/empty").status().message(), HasSubstr("there is no file in"));
  EXPECT_THAT(FolderTree::Read(source_ + "/a").status().message(), HasSubstr("is not a folder"));
  ASSERT_EQ(mkfifo((source_ + "/fifo").c_str(), 0600), 0);
  EXPECT_THAT(FolderTree::Read(source_).status().message(), HasSubstr("/fifo is neither file, folder nor link"));
}

// Root reads everything, but for these capabilities.
void BecomeAnybody() {
  __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3, .pid = 0};
  __user_cap_data_struct data[2] = {};
  ASSERT_EQ(syscall(SYS_capget, &header, data), 0);
  data[0].effective &= ~((1U << CAP_DAC_OVERRIDE) | (1U << CAP_DAC_READ_SEARCH));
  ASSERT_EQ(syscall(SYS_capset, &header, data), 0);
}

TEST_F(FolderTreeTest, AFileThatCantBeReadIsNamed) {
  ASSERT_EQ(chmod((source_ + "/a").c_str(), 0), 0);
  // A child of its own, so that the others keep what they may.
  const pid_t pid = fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    BecomeAnybody();
    const absl::Status refused = FolderTree::Read(source_).status();
    EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied) << refused;
    EXPECT_THAT(refused.message(), HasSubstr("/source/a (--folder chooses another one)"));
    _exit(HasFailure() ? 1 : 0);
  }
  int status = 0;
  ASSERT_EQ(waitpid(pid, &status, 0), pid);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace regatta::bench
