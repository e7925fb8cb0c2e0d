#include "core/topology/usable_cpus.h"

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "core/testing/status_matchers.h"
#include "core/topology/affinity.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

constexpr char kUnifiedMount[] = "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
constexpr char kLegacyMount[] = "33 24 0:29 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n";

// A folder with the kernel's files as a test writes them.
class CpuQuotaTest : public testing::Test {
 protected:
  void SetUp() override {
    root_ = absl::StrCat(testing::TempDir(), "/", testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(root_);
  }

  void Write(const std::string& path, const std::string& text) {
    const std::filesystem::path file = absl::StrCat(root_, path);
    std::filesystem::create_directories(file.parent_path());
    std::ofstream out(file);
    out << text;
    ASSERT_TRUE(out.flush());
  }
  void Process(const std::string& cgroup, const std::string& mountinfo) {
    Write("/proc/self/cgroup", cgroup);
    Write("/proc/self/mountinfo", absl::StrCat("22 1 8:1 / / rw,relatime - ext4 /dev/sda1 rw\n", mountinfo));
  }
  void ExpectQuota(double expected) {
    const absl::StatusOr<double> quota = CpuQuota(root_);
    ASSERT_THAT(quota, IsOk());
    EXPECT_EQ(*quota, expected);
  }
  void ExpectNoQuota() { ExpectQuota(std::numeric_limits<double>::infinity()); }

  std::string root_;
};

TEST_F(CpuQuotaTest, WithoutCgroupsThereIsNone) { ExpectNoQuota(); }

TEST_F(CpuQuotaTest, UnifiedQuotaIsMaxOverPeriod) {
  Process("0::/app\n", kUnifiedMount);
  Write("/sys/fs/cgroup/app/cpu.max", "150000 100000\n");
  ExpectQuota(1.5);
}

TEST_F(CpuQuotaTest, UnifiedMaxMeansNone) {
  Process("0::/app\n", kUnifiedMount);
  Write("/sys/fs/cgroup/app/cpu.max", "max 100000\n");
  ExpectNoQuota();
}

TEST_F(CpuQuotaTest, TheSmallestOnTheWayToTheRootCounts) {
  Process("0::/a/b/c\n", kUnifiedMount);
  Write("/sys/fs/cgroup/a/b/c/cpu.max", "400000 100000\n");
  Write("/sys/fs/cgroup/a/b/cpu.max", "max 100000\n");
  Write("/sys/fs/cgroup/a/cpu.max", "50000 20000\n");
  Write("/sys/fs/cgroup/other/cpu.max", "1000 100000\n");
  ExpectQuota(2.5);
}

TEST_F(CpuQuotaTest, AContainersRootMayHaveOneItself) {
  Process("0::/\n", kUnifiedMount);
  Write("/sys/fs/cgroup/cpu.max", "300000 100000\n");
  ExpectQuota(3);
}

TEST_F(CpuQuotaTest, LegacyQuotaIsFoundBesideOtherControllers) {
  Process("4:memory:/elsewhere\n3:cpu,cpuacct:/a/b\n1:name=systemd:/x:y\n0::/\n",
          absl::StrCat("31 24 0:28 / /sys/fs/cgroup/memory rw - cgroup cgroup rw,memory\n", kLegacyMount));
  Write("/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_quota_us", "-1\n");
  Write("/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.cfs_period_us", "100000\n");
  Write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "25000\n");
  Write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "50000\n");
  ExpectQuota(0.5);
}

TEST_F(CpuQuotaTest, CpusetIsNotTheCpuController) {
  Process("4:cpuset:/a\n3:cpu:/a\n", "33 24 0:29 / /cg rw - cgroup cgroup rw,cpuset\n");
  Write("/cg/a/cpu.cfs_quota_us", "25000\n");
  Write("/cg/a/cpu.cfs_period_us", "50000\n");
  ExpectNoQuota();
}

TEST_F(CpuQuotaTest, BothVersionsAreAskedWhereBothAreMounted) {
  Process("3:cpu,cpuacct:/a\n0::/b\n",
          absl::StrCat(kLegacyMount, "34 24 0:30 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n"));
  Write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_quota_us", "200000\n");
  Write("/sys/fs/cgroup/cpu,cpuacct/a/cpu.cfs_period_us", "100000\n");
  Write("/sys/fs/cgroup/unified/b/cpu.max", "100000 100000\n");
  ExpectQuota(1);
}

TEST_F(CpuQuotaTest, AContainerMayMountItsOwnCgroupOnly) {
  Process("3:cpu,cpuacct:/docker/abc/job\n", "33 24 0:29 /docker/abc /cg rw - cgroup cgroup rw,cpu,cpuacct\n");
  Write("/cg/job/cpu.cfs_quota_us", "-1\n");
  Write("/cg/job/cpu.cfs_period_us", "100000\n");
  Write("/cg/cpu.cfs_quota_us", "175000\n");
  Write("/cg/cpu.cfs_period_us", "100000\n");
  ExpectQuota(1.75);
}

TEST_F(CpuQuotaTest, AMountOfAnotherCgroupDoesNotCount) {
  Process("3:cpu,cpuacct:/docker/abcd\n", "33 24 0:29 /docker/abc /cg rw - cgroup cgroup rw,cpu,cpuacct\n");
  Write("/cg/cpu.cfs_quota_us", "175000\n");
  Write("/cg/cpu.cfs_period_us", "100000\n");
  ExpectNoQuota();
}

TEST_F(CpuQuotaTest, AMountFromAboveTheNamespaceLimitsUsAtItsRoot) {
  Process("0::/inner\n", "30 23 0:26 /../.. /cg rw - cgroup2 cgroup2 rw\n");
  Write("/cg/cpu.max", "250000 100000\n");
  Write("/cg/inner/cpu.max", "50000 100000\n");  // the name of another cgroup, seen from there
  ExpectQuota(2.5);
}

TEST_F(CpuQuotaTest, AMountPointMayHaveBlanks) {
  Process("0::/app\n", "30 23 0:26 / /my\\040cg rw - cgroup2 cgroup2 rw\n");
  Write("/my cg/app/cpu.max", "100000 50000\n");
  ExpectQuota(2);
}

TEST_F(CpuQuotaTest, WhatIsNotTheKernelsFormatIsDataLossWithTheFilesName) {
  for (const char* text : {"", "lots 100000\n", "100000 0\n", "100000 -5\n", "100000\n", "1 2 3\n"}) {
    Process("0::/app\n", kUnifiedMount);
    Write("/sys/fs/cgroup/app/cpu.max", text);
    const absl::StatusOr<double> quota = CpuQuota(root_);
    EXPECT_THAT(quota, StatusIs(absl::StatusCode::kDataLoss)) << text;
    EXPECT_THAT(std::string(quota.status().message()), HasSubstr("/app/cpu.max"));
  }
}

TEST_F(CpuQuotaTest, BrokenListsAreDataLoss) {
  Process("0::app\n", kUnifiedMount);
  EXPECT_THAT(CpuQuota(root_), StatusIs(absl::StatusCode::kDataLoss));
  Process("nonsense\n", kUnifiedMount);
  EXPECT_THAT(CpuQuota(root_), StatusIs(absl::StatusCode::kDataLoss));
  Process("0::/app\n", "30 23 - cgroup2\n");
  EXPECT_THAT(CpuQuota(root_), StatusIs(absl::StatusCode::kDataLoss));
}

TEST_F(CpuQuotaTest, AFileThatCantBeReadIsAnErrorWithItsName) {
  Process("0::/app\n", kUnifiedMount);
  Write("/sys/fs/cgroup/app/cpu.max/is_a_folder", "");
  const absl::StatusOr<double> quota = CpuQuota(root_);
  EXPECT_THAT(std::string(quota.status().message()), AllOf(HasSubstr("read "), HasSubstr("/app/cpu.max")));
}

TEST(UsableCpus, AFractionIsRoundedUpAndThereIsAlwaysOne) {
  const double none = std::numeric_limits<double>::infinity();
  EXPECT_EQ(UsableCpus(8, none), 8);
  EXPECT_EQ(UsableCpus(8, 3.0), 3);
  EXPECT_EQ(UsableCpus(8, 2.01), 3);
  EXPECT_EQ(UsableCpus(2, 7.5), 2);
  EXPECT_EQ(UsableCpus(8, 0.01), 1);
  EXPECT_EQ(UsableCpus(0, none), 1);
}

TEST(UsableCpus, OnThisMachineTheAffinityIsTheLimitOrTheQuotaIs) {
  const absl::StatusOr<std::vector<int>> before = CurrentAffinity();
  ASSERT_THAT(before, IsOk());
  const absl::StatusOr<double> quota = CpuQuota();
  ASSERT_THAT(quota, IsOk());
  EXPECT_EQ(UsableCpus(), UsableCpus(static_cast<int>(before->size()), *quota));
  ASSERT_THAT(PinThisThread({before->front()}), IsOk());
  EXPECT_EQ(UsableCpus(), 1);
  ASSERT_THAT(PinThisThread(*before), IsOk());
}

}  // namespace
}  // namespace regatta
