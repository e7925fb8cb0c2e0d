#include "bench/harness/throttling.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

namespace fs = std::filesystem;

class Throttling : public ::testing::Test {
 protected:
  Throttling() : root_((fs::temp_directory_path() / "regatta-throttling-XXXXXX").string()) {
    if (mkdtemp(root_.data()) == nullptr) std::abort();
  }
  ~Throttling() override { fs::remove_all(root_); }
  void Put(const std::string& path, const std::string& text) {
    fs::create_directories(fs::path(root_ + path).parent_path());
    std::ofstream(root_ + path) << text;
  }
  std::string root_;
};

TEST_F(Throttling, IsUnknownWhereTheKernelSaysNothing) {
  EXPECT_EQ(ThrottleCount({0, 1}, root_), std::nullopt);
  Put("/proc/self/cgroup", "8:pids:/\n0::/a\n");
  EXPECT_EQ(ThrottleCount({0, 1}, root_), std::nullopt);
}

TEST_F(Throttling, AddsUpTheHeatOfItsProcessors) {
  Put("/sys/devices/system/cpu/cpu0/thermal_throttle/core_throttle_count", "3\n");
  Put("/sys/devices/system/cpu/cpu0/thermal_throttle/package_throttle_count", "4\n");
  Put("/sys/devices/system/cpu/cpu1/thermal_throttle/core_throttle_count", "100\n");
  EXPECT_EQ(ThrottleCount({0}, root_), 7);
}

TEST_F(Throttling, AddsUpTheQuotasOfAllLevels) {
  Put("/proc/self/cgroup", "0::/outer/inner\n");
  Put("/sys/fs/cgroup/cpu.stat", "usage_usec 9\n");
  Put("/sys/fs/cgroup/outer/cpu.stat", "usage_usec 9\nnr_periods 5\nnr_throttled 2\nthrottled_usec 77\n");
  Put("/sys/fs/cgroup/outer/inner/cpu.stat", "nr_throttled 5\n");
  EXPECT_EQ(ThrottleCount({}, root_), 7);
}

TEST_F(Throttling, KnowsTheOlderHierarchyToo) {
  Put("/proc/self/cgroup", "9:memory:/x\n4:cpu,cpuacct:/x\n");
  Put("/sys/fs/cgroup/cpu,cpuacct/x/cpu.stat", "nr_periods 5\nnr_throttled 2\nthrottled_time 77\n");
  EXPECT_EQ(ThrottleCount({}, root_), 2);
}

}  // namespace
}  // namespace regatta::bench
