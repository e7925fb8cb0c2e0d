// Queues that tasks are given as arguments, again and again: a worker keeps those that it was given last.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <cstdint>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "core/ipc/array.h"
#include "core/ipc/queue.h"
#include "core/ipc/value.h"
#include "core/pool/pool.h"
#include "core/sync/lock.h"
#include "core/testing/forked_child.h"
#include "core/testing/status_matchers.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

int PutOne(Queue<int> queue, int item) { return queue.Put(item).ok() ? 1 : 0; }
int Die(Queue<int>, int) { return raise(SIGKILL); }

// Whether a process has a queue mapped.
bool HasAQueue(int32_t pid) {
  std::ifstream maps(absl::StrCat("/proc/", pid, "/maps"));
  for (std::string line; std::getline(maps, line);) {
    if (absl::StrContains(line, "regatta queue")) return true;
  }
  return false;
}

bool IHaveAQueue(int) { return HasAQueue(getpid()); }

TEST(GivenObjects, StayMappedForTheNextTask) {
  Pool pool = *Pool::Create({.workers = 1});
  EXPECT_FALSE(*pool.Apply(IHaveAQueue, 0));
  Queue<int> queue = *Queue<int>::Create();
  // A worker that has been idle for 50 ms forgets the queue, which may be between the two tasks on a busy machine.
  EXPECT_TRUE(Eventually([&] {
    EXPECT_THAT(pool.Apply(PutOne, queue, 0), IsOkAndHolds(1));
    return *pool.Apply(IHaveAQueue, 0);
  }));
}

TEST(GivenObjects, AreUsedInTheOrderOfTasksThatFollowEachOther) {
  Pool pool = *Pool::Create({.workers = 2});
  Queue<int> queue = *Queue<int>::Create();
  for (int i = 0; i < 100; ++i) ASSERT_THAT(pool.Apply(PutOne, queue, i), IsOkAndHolds(1));
  for (int i = 0; i < 100; ++i) ASSERT_EQ(*queue.TryGet(), i);
}

TEST(GivenObjects, AreForgottenOnceTheWorkerIsIdle) {
  Pool pool = *Pool::Create({.workers = 1});
  const int32_t worker = pool.statistics().pids[0];
  {
    Queue<int> queue = *Queue<int>::Create();
    ASSERT_THAT(pool.Apply(PutOne, queue, 0), IsOkAndHolds(1));
  }
  EXPECT_TRUE(Eventually([&] { return !HasAQueue(worker); }));
}

TEST(GivenObjects, AreRightAlsoWhenTheyAreMoreThanAWorkerKeeps) {
  Pool pool = *Pool::Create({.workers = 2});
  std::vector<Queue<int>> queues;
  for (int i = 0; i < 40; ++i) queues.push_back(*Queue<int>::Create());
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 40; ++i) ASSERT_THAT(pool.Apply(PutOne, queues[i], 100 * round + i), IsOkAndHolds(1));
  }
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 40; ++i) EXPECT_THAT(queues[i].TryGet(), IsOk());
  }
  for (const Queue<int>& queue : queues) EXPECT_TRUE(queue.empty());
}

int AddOne(Value<int> count, Array<double> places, int task) {
  return places.Set(task, task / 2.0).ok() ? count.FetchAdd(1) : -1;
}

TEST(GivenObjects, MayBeValuesAndArrays) {
  for (const StartMethod method : {StartMethod::kFork, StartMethod::kSpawn, StartMethod::kForkserver}) {
    Pool pool = *Pool::Create({.workers = 2, .method = method});
    Value<int> count = *Value<int>::Create(0, *Lock::Create());
    Array<double> places = *Array<double>::Create(50);
    for (int i = 0; i < 50; ++i) ASSERT_THAT(pool.Apply(AddOne, count, places, i), IsOkAndHolds(i));
    for (int i = 0; i < 50; ++i) EXPECT_THAT(places.Get(i), IsOkAndHolds(i / 2.0));
  }
}

// New queues get the inode numbers of those that are gone.
TEST(GivenObjects, AreNotTakenForOnesThatAreGone) {
  Pool pool = *Pool::Create({.workers = 1});
  for (int i = 0; i < 100; ++i) {
    Queue<int> queue = *Queue<int>::Create();
    ASSERT_THAT(pool.Apply(PutOne, queue, i), IsOkAndHolds(1));
    ASSERT_EQ(*queue.TryGet(), i);
  }
}

TEST(GivenObjects, GoToTheSuccessorOfAWorkerThatDied) {
  Pool pool = *Pool::Create({.workers = 1});
  Queue<int> queue = *Queue<int>::Create();
  ASSERT_THAT(pool.Apply(PutOne, queue, 1), IsOkAndHolds(1));
  EXPECT_THAT(pool.Apply(Die, queue, 1), StatusIs(absl::StatusCode::kAborted));
  ASSERT_THAT(pool.Apply(PutOne, queue, 2), IsOkAndHolds(1));
  EXPECT_EQ(*queue.TryGet(), 1);
  EXPECT_EQ(*queue.TryGet(), 2);
}

// Closes the queue's descriptor, and opens another file under its number.
int ReplaceDescriptor(Queue<int> queue) {
  const int number = queue.descriptor().get();
  const int other = open("/dev/null", O_RDWR | O_CLOEXEC);
  if (other < 0 || dup2(other, number) != number) return -1;
  close(other);
  return number;
}
bool IsOpen(int number) { return fcntl(number, F_GETFD) >= 0; }

TEST(GivenObjects, AreAskedForAgainWhenATaskHasClosedTheirDescriptor) {
  Pool pool = *Pool::Create({.workers = 1});
  Queue<int> queue = *Queue<int>::Create();
  const int number = *pool.Apply(ReplaceDescriptor, queue);
  ASSERT_GE(number, 0);
  ASSERT_THAT(pool.Apply(PutOne, queue, 5), IsOkAndHolds(1));
  EXPECT_EQ(*queue.TryGet(), 5);
  EXPECT_TRUE(*pool.Apply(IsOpen, number)) << "the task's file was closed";
}

}  // namespace
}  // namespace regatta
