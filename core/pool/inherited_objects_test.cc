// Queues and locks that the tasks of a fork pool find in globals, as the pool's owner left them there.
#include <optional>
#include <string>
#include <vector>

#include "core/ipc/queue.h"
#include "core/pool/pool.h"
#include "core/sync/lock.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

std::optional<Queue<std::string>> g_queue;
std::optional<Lock> g_lock;

constexpr int kTasks = 20;
constexpr int kItems = 50;

// Enough for the queue to grow, which takes its descriptor.
absl::Status PutMany(int task) {
  for (int i = 0; i < kItems; ++i) {
    if (absl::Status put = g_queue->Put(std::string(20'000, static_cast<char>('a' + task))); !put.ok()) return put;
  }
  return absl::OkStatus();
}

absl::Status LockAndRelease(int) {
  const absl::StatusOr<ScopedLock> held = ScopedLock::Acquire(*g_lock);
  return held.status();
}

TEST(InheritedObjects, CanBeUsedByTheTasksOfAForkPool) {
  g_queue = *Queue<std::string>::Create();
  g_lock = *Lock::Create();
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 2});
  ASSERT_THAT(pool, IsOk());
  std::vector<int> tasks(kTasks);
  for (int i = 0; i < kTasks; ++i) tasks[i] = i;
  EXPECT_THAT(pool->Map(&PutMany, tasks), IsOk());
  EXPECT_THAT(pool->Map(&LockAndRelease, tasks), IsOk());
  EXPECT_FALSE(g_lock->holder().has_value());
  std::vector<int> got(kTasks);
  for (int i = 0; i < kTasks * kItems; ++i) {
    const absl::StatusOr<std::string> item = g_queue->TryGet();
    ASSERT_THAT(item, IsOk());
    ASSERT_EQ(item->size(), 20'000u);
    ++got[item->front() - 'a'];
  }
  EXPECT_EQ(got, std::vector<int>(kTasks, kItems));
}

TEST(InheritedObjects, ThatTheOwnerHasDestroyedFailLoudly) {
  g_queue = *Queue<std::string>::Create();
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 1});
  ASSERT_THAT(pool, IsOk());
  g_queue.reset();
  const absl::Status put = pool->Apply(&PutMany, 1);
  EXPECT_THAT(put, StatusIs(absl::StatusCode::kFailedPrecondition));
}

}  // namespace
}  // namespace regatta
