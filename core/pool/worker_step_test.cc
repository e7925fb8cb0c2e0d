// A worker is killed after every single instruction between two tasks: as it publishes the result of one and claims the
// next. The task that it holds at that instruction fails, no other does, none runs twice, and the pool heals.
//
// A share of the instructions is taken; all of them by
//   ./tools/bazel test //core/pool:worker_every_step --test_output=all
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cstdio>
#include <cstring>
#include <memory>
#include <optional>
#include <string>

#include "core/os/error.h"
#include "core/pool/pool.h"
#include "core/testing/forked_child.h"
#include "core/testing/pool_witness.h"
#include "core/testing/single_step.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

using At = SteppedProcess::At;

constexpr int kTasks = 3;

// Shared with the workers, by fork.
struct Scene {
  std::atomic<bool> armed;             // The first task begins the steps.
  std::atomic<int32_t> stepped;        // The process in which the second ends them.
  std::atomic<size_t> bytes;           // Of a result.
  std::atomic<uint32_t> runs[kTasks];  // By the task's number.
};
Shared<Scene>* g_scene = nullptr;

std::string Task(int number) {
  Scene& scene = **g_scene;
  scene.runs[number].fetch_add(1);
  if (number == 0 && scene.armed) {
    scene.armed = false;
    scene.stepped = getpid();
    BeginSteps();
  } else if (number == 1 && scene.stepped == getpid()) {
    EndSteps();
  }
  return std::string(scene.bytes, static_cast<char>('a' + number));
}

struct Between {
  const char* name;
  size_t bytes;      // Of each result.
  bool owner_waits;  // The owner's helper thread sleeps for the result.
  bool sleeps;       // The worker has nothing to do for a while.
};

class WorkerStep : public testing::TestWithParam<Between> {
 protected:
  void SetUp() override {
    g_scene = &scene_;
    scene_->bytes = GetParam().bytes;
    absl::StatusOr<Pool> pool = Pool::Create({.workers = 1});
    ASSERT_THAT(pool, IsOk());
    pool_.emplace(*std::move(pool));
    absl::StatusOr<std::unique_ptr<Board>> board = FindBoard();
    ASSERT_THAT(board, IsOk());
    board_ = *std::move(board);
  }

  AsyncResult<std::string> Post(int number) {
    TaskOptions<std::string> options;
    if (GetParam().owner_waits) {
      options.callback = [this](const std::string&) { ++callbacks_; };
      options.error_callback = [this](const absl::Status&) { ++callbacks_; };
    }
    absl::StatusOr<AsyncResult<std::string>> result = pool_->ApplyAsync(options, Task, number);
    EXPECT_THAT(result, IsOk());
    return *std::move(result);
  }
  // The number of the task that the only worker has claimed.
  std::optional<int> Held() const {
    for (uint32_t i = 0; i < kTaskSlots; ++i) {
      const TaskSlot& slot = board_->slot(i);
      if (TaskWord::Unpack(slot.state.load()).phase != TaskPhase::kRunning) continue;
      int number = 0;
      std::memcpy(&number, slot.arguments, sizeof(number));
      return number;
    }
    return std::nullopt;
  }

  const SteppedHere here_;
  Shared<Scene> scene_;
  std::optional<Pool> pool_;
  std::unique_ptr<Board> board_;
  std::atomic<int> callbacks_{0};
};

INSTANTIATE_TEST_SUITE_P(Between, WorkerStep,
                         testing::Values(Between{"SmallResults", 20, false, false},
                                         Between{"LargeResults", 300, false, false},
                                         Between{"TheOwnerAsleep", 20, true, false},
                                         Between{"TheWorkerAsleep", 20, false, true}),
                         [](const auto& info) { return std::string(info.param.name); });

TEST_P(WorkerStep, TheTaskThatItHoldsFailsAndNoOther) {
  // A first task for what is done once.
  ASSERT_THAT(Post(2).Get(Watchdog()), IsOk());
  uint64_t deaths = 0;
  int expected_callbacks = 1;
  KillAtEachStep(GetParam().name, 40, [&](uint64_t n) -> uint64_t {
    for (auto& runs : scene_->runs) runs = 0;
    scene_->stepped = 0;
    scene_->armed = true;
    EXPECT_TRUE(Eventually([&] { return pool_->statistics().pids.size() == 1; }));
    const int32_t pid = pool_->statistics().pids.at(0);
    std::optional<AsyncResult<std::string>> results[kTasks];
    results[0] = Post(0);
    if (!GetParam().sleeps) {
      results[1] = Post(1);
      results[2] = Post(2);
    }
    SteppedProcess victim(pid);
    EXPECT_EQ(victim.Begin(), At::kStep);
    At at = victim.Step(std::min<uint64_t>(n, 1'000'000));
    if (at == At::kAsleep) {
      EXPECT_TRUE(GetParam().sleeps);
      results[1] = Post(1);
      EXPECT_TRUE(Eventually([&] { return (at = victim.Step(1)) != At::kAsleep; }));
      if (at == At::kStep) at = victim.Step(n - std::min(n, victim.steps()));
    }
    EXPECT_TRUE(at == At::kStep || at == At::kEnd);
    const std::optional<int> held = Held();
    EXPECT_TRUE(at != At::kEnd || held == 1);
    victim.Kill();
    for (int i = 1; i < kTasks; ++i) {
      if (!results[i].has_value()) results[i] = Post(i);
    }
    for (int i = 0; i < kTasks; ++i) {
      const absl::StatusOr<std::string> result = results[i]->Get(Watchdog());
      if (held == i) {
        EXPECT_THAT(result, StatusIs(absl::StatusCode::kAborted)) << "task " << i << " after " << n;
        EXPECT_TRUE(DeathOf(result.status()).has_value() && DeathOf(result.status())->pid == pid);
        EXPECT_LE(scene_->runs[i], 1u) << "task " << i << " after " << n;
      } else {
        EXPECT_THAT(result, IsOk()) << "task " << i << " after " << n;
        EXPECT_EQ(result.value_or(""), std::string(GetParam().bytes, static_cast<char>('a' + i)));
        EXPECT_EQ(scene_->runs[i], 1u) << "task " << i << " after " << n;
      }
    }
    ++deaths;
    EXPECT_TRUE(Eventually([&] { return pool_->statistics().workers_died == deaths; }));
    expected_callbacks += kTasks;
    EXPECT_TRUE(!GetParam().owner_waits || Eventually([&] { return callbacks_ == expected_callbacks; }));
    return victim.steps();
  });
  EXPECT_THAT(pool_->Close(), IsOk());
  EXPECT_THAT(pool_->Join(Watchdog()), IsOk());
}

}  // namespace
}  // namespace regatta
