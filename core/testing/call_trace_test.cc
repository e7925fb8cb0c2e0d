#include "core/testing/call_trace.h"

#include <signal.h>
#include <unistd.h>

#include <atomic>
#include <map>
#include <string>
#include <thread>

#include "core/os/cpu.h"
#include "core/os/futex.h"
#include "core/testing/forked_child.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

TEST(CallTraceTest, SeesEachCallOfTheChildItsThreadsAndItsChildren) {
  std::map<std::string, int> seen;
  const int code = TraceCalls(
      [] {
        for (int i = 0; i < 3; ++i) YieldProcessor();
        std::thread([] {
          for (int i = 0; i < 5; ++i) YieldProcessor();
        }).join();
        ForkedChild child([] {
          for (int i = 0; i < 7; ++i) YieldProcessor();
          return 0;
        });
        return child.Wait();
      },
      [&](const SeenCall& call) { ++seen[NameOfCall(call)]; });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(seen["sched_yield"], 15);
}

TEST(CallTraceTest, WhatStaysInUserSpaceIsNoCall) {
  Shared<std::atomic<int>> between;
  int calls = 0;
  TraceCalls(
      [&] {
        *between = 1;
        for (int i = 0; i < 1000; ++i) (*between).fetch_add(2);
        *between = 0;
        return 0;
      },
      [&](const SeenCall&) { calls += *between != 0 ? 1 : 0; });
  EXPECT_EQ(calls, 0);
}

TEST(CallTraceTest, TellsSleepingFromWaking) {
  Shared<std::atomic<uint32_t>> word;
  Shared<std::atomic<bool>> counting;
  std::map<SeenCall::Kind, int> seen;
  const int code = TraceCalls(
      [&] {
        *counting = true;
        FutexWake(*word, 1);
        FutexWait(*word, 1, Deadline::Never());  // Differs: returns at once.
        FutexWaitEither(*word, 1, *word, 1, Deadline::Never());
        *counting = false;
        return 0;
      },
      [&](const SeenCall& call) { seen[call.kind] += *counting ? 1 : 0; });
  EXPECT_EQ(code, 0);
  EXPECT_EQ(seen[SeenCall::Kind::kWake], 1);
  EXPECT_EQ(seen[SeenCall::Kind::kSleep], 2);
  EXPECT_EQ(seen[SeenCall::Kind::kOther], 0);
}

TEST(CallTraceTest, AChildsEndIsToldAsWithoutIt) {
  EXPECT_EQ(TraceCalls([] { return 7; }, [](const SeenCall&) {}), 7);
  EXPECT_EQ(TraceCalls(
                []() -> int {
                  raise(SIGKILL);
                  return 0;
                },
                [](const SeenCall&) {}),
            -SIGKILL);
}

}  // namespace
}  // namespace regatta
