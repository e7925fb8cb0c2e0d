// No descriptors, no processes: an error that says so, nothing runs, nothing stays, and with room again all is well.
#include <unistd.h>

#include <cstdio>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "core/process/nursery.h"
#include "core/process/process.h"
#include "core/testing/forked_child.h"
#include "core/testing/process_witness.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

class Exhaustion : public testing::TestWithParam<StartMethod> {};

INSTANTIATE_TEST_SUITE_P(Methods, Exhaustion, testing::ValuesIn(kAllStartMethods),
                         [](const auto& info) { return std::string(StartMethodName(info.param)); });

TEST_P(Exhaustion, OfDescriptorsIsResourceExhaustedAtWhicheverOneItHappens) {
  absl::StatusOr<Process> creator = Process::Fork([]() -> int {
    const StartMethod method = GetParam();
    const auto start = [method](int code) {
      return Process::Start(
          {.method = method}, [](int x) { return x; }, code);
    };
    {
      absl::StatusOr<Process> first = start(1);  // With it come the family's table, and the forkserver.
      REGATTA_CHILD_REQUIRE(first.ok() && first->Join().ok());
      REGATTA_CHILD_REQUIRE(start(1)->Join().ok());
    }
    const std::set<int32_t> children = ChildrenOf(getpid());
    const int open = CountDescriptors();
    int refused = 0;
    bool started = false;
    for (int room = 0; !started; ++room) {
      REGATTA_CHILD_REQUIRE(room < 20);
      // Takes all numbers but `room` of them.
      std::vector<Fd> taken;
      for (;;) {
        Fd fd(dup(STDERR_FILENO));
        if (!fd.valid()) break;
        taken.push_back(std::move(fd));
      }
      for (int i = 0; i < room; ++i) taken.pop_back();
      absl::StatusOr<Process> process = start(7);
      taken.clear();
      if (!process.ok()) {
        if (!absl::IsResourceExhausted(process.status())) fprintf(stderr, "%s\n", process.status().ToString().c_str());
        REGATTA_CHILD_REQUIRE(absl::IsResourceExhausted(process.status()));
        REGATTA_CHILD_REQUIRE(CountDescriptors() == open);
        REGATTA_CHILD_REQUIRE(ChildrenOf(getpid()) == children);
        ++refused;
      } else {
        REGATTA_CHILD_REQUIRE(process->Join()->exit_code() == 7);
        started = true;
      }
    }
    REGATTA_CHILD_REQUIRE(refused >= 1);
    return 0;
  });
  ASSERT_THAT(creator, IsOk());
  EXPECT_EQ(creator->Join()->code(), 0);
}

TEST(ExhaustionOfProcesses, IsResourceExhaustedWithTheWayOut) {
  absl::StatusOr<Process> creator = Process::Fork([]() -> int {
    REGATTA_CHILD_REQUIRE(Process::Fork([] {})->Join().ok());
    const int open = CountDescriptors();
    RefuseNewProcesses();
    for (const StartMethod method : kAllStartMethods) {
      const absl::Status refused = Process::Start({.method = method}, [] {}).status();
      if (!absl::IsResourceExhausted(refused)) fprintf(stderr, "%s\n", refused.ToString().c_str());
      REGATTA_CHILD_REQUIRE(absl::IsResourceExhausted(refused));
      REGATTA_CHILD_REQUIRE(absl::StrContains(refused.message(), "pids.max"));
    }
    REGATTA_CHILD_REQUIRE(CountDescriptors() <= open);  // The first process may be forgotten meanwhile.
    return 0;
  });
  ASSERT_THAT(creator, IsOk());
  EXPECT_EQ(creator->Join()->code(), 0);
}

TEST(ExhaustionOfProcesses, InANurseryIsItsAnswerAndItLivesOn) {
  absl::StatusOr<Process> creator = Process::Fork([]() -> int {
    RefuseClone3();
    auto nursery = Nursery::Create(Nursery::Origin::kFork);
    REGATTA_CHILD_REQUIRE(nursery.ok());
    for (int i = 0; i < 2; ++i) {
      const absl::Status refused = (*nursery)->Start({}).status();
      if (!absl::IsResourceExhausted(refused)) fprintf(stderr, "%s\n", refused.ToString().c_str());
      REGATTA_CHILD_REQUIRE(absl::IsResourceExhausted(refused));
      REGATTA_CHILD_REQUIRE(absl::StrContains(refused.message(), "pids.max"));
    }
    REGATTA_CHILD_REQUIRE(ChildrenOf(getpid()).size() == 1);  // There was none left for a standby either.
    REGATTA_CHILD_REQUIRE(!(*nursery)->whole() && absl::IsResourceExhausted((*nursery)->Heal()));
    return 0;
  });
  ASSERT_THAT(creator, IsOk());
  EXPECT_EQ(creator->Join()->code(), 0);
}

}  // namespace
}  // namespace regatta
