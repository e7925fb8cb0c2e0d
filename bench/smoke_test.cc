// Runs each benchmark once, as briefly as it can, in a process of its own. It must run and verify its results.
#include <cctype>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "bench/arms.h"
#include "bench/harness/isolated_process.h"
#include "core/process/runtime.h"
#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

constexpr absl::string_view kFolder = "--folder=";

// Small, but with all that the benchmarks have.
Options SmallOptions(const std::string& folder) {
  Options options;
  options.folder = folder;
  options.scratch = std::filesystem::path(folder).parent_path().string();
  options.count_unit = 1000;
  options.workers = {1, 2};
  options.parent_mib = {0, 16};
  return options;
}

// A folder with a few files, which goes with this object.
class SampleFolder {
 public:
  SampleFolder() : base_((std::filesystem::temp_directory_path() / "regatta-smoke-XXXXXX").string()) {
    if (mkdtemp(base_.data()) == nullptr) std::abort();
    std::filesystem::create_directories(path() + "/inner");
    for (int i = 0; i < 20; ++i) {
      std::ofstream(path() + (i % 2 == 0 ? "/inner/" : "/") + std::to_string(i)) << std::string(5000 * i, 'x');
    }
  }
  SampleFolder(const SampleFolder&) = delete;
  SampleFolder& operator=(const SampleFolder&) = delete;
  ~SampleFolder() { std::filesystem::remove_all(base_); }
  std::string path() const { return base_ + "/sample"; }
  // Nothing but the sample itself may be left.
  size_t entries() const {
    const std::filesystem::directory_iterator all(base_);
    return static_cast<size_t>(std::distance(begin(all), end(all)));
  }

 private:
  std::string base_;
};

class RunsOnce : public ::testing::Test {
 public:
  RunsOnce(const Arm& arm, const SampleFolder& folder) : arm_(arm), folder_(folder) {}

  void TestBody() override {
    if (!arm_.ready()) {
      // Reported as what it is, with words on why.
      EXPECT_GT((arm_.absent + arm_.unavailable).size(), 20U);
      return;
    }
    const IsolationOptions options{.arguments = {std::string(kFolder) + folder_.path()}, .timeout = absl::Seconds(60)};
    absl::StatusOr<std::unique_ptr<IsolatedProcess>> isolated = IsolatedProcess::Start(arm_, options);
    ASSERT_TRUE(isolated.ok()) << isolated.status();
    const absl::StatusOr<RunResult> result =
        (*isolated)->Run({.operations = arm_.min_operations, .budget_ns = 0, .warm_up = false});
    ASSERT_TRUE(result.ok()) << result.status();
    const absl::Status finished = (*isolated)->Finish();
    EXPECT_TRUE(finished.ok()) << finished;
    EXPECT_GE(result->operations, arm_.min_operations);
    EXPECT_GT(RealNanos(*result), 0);
    EXPECT_EQ(folder_.entries(), 1U) << "it left something behind";
  }

 private:
  const Arm& arm_;
  const SampleFolder& folder_;
};

std::string TestName(const Key& key) {
  std::string name = key.ToString();
  for (char& c : name) {
    if (std::isalnum(static_cast<unsigned char>(c)) == 0) c = '_';
  }
  return name;
}

}  // namespace

int SmokeMain(int argc, char** argv) {
  Init(&argc, &argv);
  if (argc > 2 && argv[1] == kIsolatedProcessArgument) {
    absl::string_view folder = argv[2];
    if (!absl::ConsumePrefix(&folder, kFolder)) return 2;
    absl::StatusOr<Configuration> configuration =
        LoadConfiguration(SmallOptions(std::string(folder)), /*isolated=*/true);
    if (!configuration.ok()) return 2;
    const std::vector<Arm> arms = AllArms(*configuration);
    return ServeIsolatedProcess(arms, configuration->topology().allowed());
  }
  ::testing::InitGoogleTest(&argc, argv);
  const SampleFolder folder;
  absl::StatusOr<Configuration> configuration = LoadConfiguration(SmallOptions(folder.path()), /*isolated=*/false);
  if (!configuration.ok()) {
    ADD_FAILURE() << configuration.status();
    return 1;
  }
  const std::vector<Arm> arms = AllArms(*configuration);
  for (const Arm& arm : arms) {
    ::testing::RegisterTest("BenchmarkRunOnce", TestName(arm.key).c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [&arm, &folder]() -> ::testing::Test* { return new RunsOnce(arm, folder); });
  }
  return RUN_ALL_TESTS();
}

}  // namespace regatta::bench

int main(int argc, char** argv) { return regatta::bench::SmokeMain(argc, argv); }
