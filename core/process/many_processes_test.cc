// Many processes of one creator at the same time.
#include <signal.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "core/process/process.h"
#include "core/process/start_method.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

class ManyProcesses : public testing::TestWithParam<StartMethod> {
 protected:
  // As many as there are at one time in CPython's test.
  std::vector<Process> StartMany(int (*function)(int)) {
    const int count = GetParam() == StartMethod::kSpawn ? 10 : 100;
    std::vector<Process> processes;
    for (int i = 0; i < count; ++i) {
      absl::StatusOr<Process> process = Process::Start({.method = GetParam(), .daemon = true}, function, i);
      EXPECT_THAT(process, IsOk());
      if (process.ok()) processes.push_back(*std::move(process));
    }
    EXPECT_EQ(processes.size(), static_cast<size_t>(count));
    return processes;
  }
};

INSTANTIATE_TEST_SUITE_P(Methods, ManyProcesses, testing::ValuesIn(kAllStartMethods),
                         [](const auto& info) { return std::string(StartMethodName(info.param)); });

TEST_P(ManyProcesses, EachEndWithTheirOwnExitCode) {
  std::vector<Process> processes = StartMany([](int number) { return number; });
  for (size_t i = 0; i < processes.size(); ++i) {
    const absl::StatusOr<ExitStatus> end = processes[i].Join(Watchdog());
    ASSERT_THAT(end, IsOk());
    EXPECT_EQ(*end, ExitStatus::Exited(static_cast<int>(i))) << end->ToString();
  }
}

TEST_P(ManyProcesses, AreTerminatedThoughTheyMayNotHaveBegun) {
  std::vector<Process> processes = StartMany([](int) {
    for (;;) pause();
    return 0;
  });
  for (Process& process : processes) EXPECT_THAT(process.Terminate(), IsOk());
  for (Process& process : processes) {
    const absl::StatusOr<ExitStatus> end = process.Join(Watchdog());
    ASSERT_THAT(end, IsOk());
    EXPECT_EQ(*end, ExitStatus::Signalled(SIGTERM)) << end->ToString();
  }
}

}  // namespace
}  // namespace regatta
