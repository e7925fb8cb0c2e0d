// Each benchmark once, as short as it goes, on a stage of its own as ever: it must run and verify its results.
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
#include "bench/harness/stage.h"
#include "core/process/runtime.h"
#include "gtest/gtest.h"

namespace regatta::bench {
namespace {

constexpr absl::string_view kFolder = "--folder=";

// Small, but with all that the benchmarks have.
Wishes SmallWishes(const std::string& folder) {
  Wishes wishes;
  wishes.folder = folder;
  wishes.scratch = std::filesystem::path(folder).parent_path().string();
  wishes.count_unit = 1000;
  wishes.workers = {1, 2};
  wishes.parent_mib = {0, 16};
  return wishes;
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
    const StageOptions options{.arguments = {std::string(kFolder) + folder_.path()}, .patience = absl::Seconds(60)};
    absl::StatusOr<std::unique_ptr<Stage>> stage = Stage::Start(arm_, options);
    ASSERT_TRUE(stage.ok()) << stage.status();
    const absl::StatusOr<Batch> batch = (*stage)->Run({.operations = arm_.batch, .budget_ns = 0, .warm_up = false});
    ASSERT_TRUE(batch.ok()) << batch.status();
    const absl::Status finished = (*stage)->Finish();
    EXPECT_TRUE(finished.ok()) << finished;
    EXPECT_GE(batch->operations, arm_.batch);
    EXPECT_GT(RealNanos(*batch), 0);
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
  if (argc > 2 && argv[1] == kStageArgument) {
    absl::string_view folder = argv[2];
    if (!absl::ConsumePrefix(&folder, kFolder)) return 2;
    absl::StatusOr<Course> course = LoadCourse(SmallWishes(std::string(folder)), /*stage=*/true);
    if (!course.ok()) return 2;
    const std::vector<Arm> arms = AllArms(*course);
    return ServeStage(arms, course->topology().allowed());
  }
  ::testing::InitGoogleTest(&argc, argv);
  const SampleFolder folder;
  absl::StatusOr<Course> course = LoadCourse(SmallWishes(folder.path()), /*stage=*/false);
  if (!course.ok()) {
    ADD_FAILURE() << course.status();
    return 1;
  }
  const std::vector<Arm> arms = AllArms(*course);
  for (const Arm& arm : arms) {
    ::testing::RegisterTest("Benchmark_RunOnce", TestName(arm.key).c_str(), nullptr, nullptr, __FILE__, __LINE__,
                            [&arm, &folder]() -> ::testing::Test* { return new RunsOnce(arm, folder); });
  }
  return RUN_ALL_TESTS();
}

}  // namespace regatta::bench

int main(int argc, char** argv) { return regatta::bench::SmokeMain(argc, argv); }
