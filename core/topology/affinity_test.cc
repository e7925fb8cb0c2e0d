#include "core/topology/affinity.h"

#include <dlfcn.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "core/testing/status_matchers.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace {
bool g_forbid_pinning = false;
}  // namespace

// Stands before libc's in this program, so that a sandbox that forbids the call can be played.
extern "C" int sched_setaffinity(pid_t pid, size_t size, const cpu_set_t* set) noexcept {
  if (g_forbid_pinning) {
    errno = EPERM;
    return -1;
  }
  using Function = int (*)(pid_t, size_t, const cpu_set_t*);
  static const auto real = reinterpret_cast<Function>(dlsym(RTLD_NEXT, "sched_setaffinity"));
  return real(pid, size, set);
}

namespace regatta {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

// No kernel has this one.
constexpr int kAbsent = 60000;

// Leaves the test's thread as it was.
class AffinityTest : public testing::Test {
 protected:
  void SetUp() override {
    const absl::StatusOr<std::vector<int>> before = CurrentAffinity();
    ASSERT_THAT(before, IsOk());
    ASSERT_FALSE(before->empty());
    before_ = *before;
  }
  void TearDown() override {
    g_forbid_pinning = false;
    EXPECT_THAT(PinThisThread(before_), IsOk());
  }

  std::vector<int> before_;
};

// A child that lives until this object is destroyed, which reaps it.
class Child {
 public:
  Child() {
    int ends[2];
    EXPECT_EQ(pipe(ends), 0);
    command_ = popen(absl::StrCat("echo $$ >&", ends[1], "; exec cat >/dev/null").c_str(), "w");
    close(ends[1]);
    char text[32] = {};
    EXPECT_GT(read(ends[0], text, sizeof(text) - 1), 0);
    close(ends[0]);
    EXPECT_TRUE(absl::SimpleAtoi(text, &pid_));
  }
  ~Child() { EXPECT_EQ(pclose(command_), 0); }
  int pid() const { return pid_; }

 private:
  FILE* command_ = nullptr;
  int pid_ = -1;
};

TEST_F(AffinityTest, APinnedThreadRunsOnTheProcessorNamed) {
  for (int cpu : before_) {
    ASSERT_THAT(PinThisThread({cpu}), IsOk());
    EXPECT_EQ(CurrentCpu(), cpu);
    EXPECT_THAT(CurrentAffinity().value(), ElementsAre(cpu));
  }
}

TEST_F(AffinityTest, OrderAndRepeatsDoNotMatter) {
  std::vector<int> cpus(before_.rbegin(), before_.rend());
  cpus.push_back(before_.front());
  ASSERT_THAT(PinThisThread(cpus), IsOk());
  EXPECT_EQ(CurrentAffinity().value(), before_);
}

TEST_F(AffinityTest, OtherThreadsKeepTheirs) {
  std::thread([this] { EXPECT_THAT(PinThisThread({before_.back()}), IsOk()); }).join();
  EXPECT_EQ(CurrentAffinity().value(), before_);
}

TEST_F(AffinityTest, AnAbsentProcessorIsNamedWithTheAllowedOnesAndNothingChanges) {
  ASSERT_THAT(PinThisThread({before_.front()}), IsOk());
  for (const std::vector<int>& cpus : std::vector<std::vector<int>>{{kAbsent}, {-1}, {1 << 30}}) {
    const absl::Status status = PinThisThread(cpus);
    EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
    EXPECT_THAT(std::string(status.message()),
                AllOf(HasSubstr(absl::StrCat("processor ", cpus[0])), HasSubstr("allowed: ")));
    EXPECT_THAT(CurrentAffinity().value(), ElementsAre(before_.front()));
  }
}

TEST_F(AffinityTest, OneAbsentProcessorAmongAllowedOnesIsAnErrorToo) {
  const absl::Status status = PinThisThread({before_.front(), kAbsent});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat(": ", kAbsent, " doesn't exist")));
  EXPECT_EQ(CurrentAffinity().value(), before_);
}

TEST_F(AffinityTest, NoProcessorAtAllIsAnError) {
  EXPECT_THAT(PinThisThread({}), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_EQ(CurrentAffinity().value(), before_);
}

TEST_F(AffinityTest, AChildIsPinnedAndItsParentIsNot) {
  const Child child;
  ASSERT_THAT(PinProcess(child.pid(), {before_.back()}), IsOk());
  EXPECT_THAT(AffinityOf(child.pid()).value(), ElementsAre(before_.back()));
  EXPECT_EQ(CurrentAffinity().value(), before_);
}

TEST_F(AffinityTest, AChildsWrongProcessorLeavesItAsItWas) {
  const Child child;
  ASSERT_THAT(PinProcess(child.pid(), {before_.front()}), IsOk());
  const absl::Status status = PinProcess(child.pid(), {kAbsent});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("process ", child.pid())));
  EXPECT_THAT(AffinityOf(child.pid()).value(), ElementsAre(before_.front()));
}

TEST_F(AffinityTest, AReapedChildIsNotFound) {
  int pid = 0;
  {
    const Child child;
    pid = child.pid();
  }
  const absl::Status status = PinProcess(pid, before_);
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kNotFound));
  EXPECT_THAT(std::string(status.message()), HasSubstr(absl::StrCat("no process ", pid)));
  EXPECT_THAT(AffinityOf(pid), StatusIs(absl::StatusCode::kNotFound));
}

TEST_F(AffinityTest, ZeroAndNegativePidsAreRefused) {
  EXPECT_THAT(PinProcess(0, before_), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(PinProcess(-1, before_), StatusIs(absl::StatusCode::kInvalidArgument));
  EXPECT_THAT(AffinityOf(0), StatusIs(absl::StatusCode::kInvalidArgument));
}

TEST_F(AffinityTest, WithoutPermissionTheMessageNamesTheProcessorAndTheWayOut) {
  g_forbid_pinning = true;
  const absl::Status status = PinThisThread({before_.front()});
  EXPECT_THAT(status, StatusIs(absl::StatusCode::kPermissionDenied));
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr(absl::StrCat("processor ", before_.front())), HasSubstr("CAP_SYS_NICE"),
                    HasSubstr(absl::StrCat("allowed: ", FormatCpus(before_))), HasSubstr("without pinning")));
}

TEST(FormatCpus, RunsAreJoined) {
  EXPECT_EQ(FormatCpus({}), "none");
  EXPECT_EQ(FormatCpus({5}), "5");
  EXPECT_EQ(FormatCpus({0, 1}), "0-1");
  EXPECT_EQ(FormatCpus({8, 3, 0, 1, 2, 10, 2}), "0-3,8,10");
}

}  // namespace
}  // namespace regatta
