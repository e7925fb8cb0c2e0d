// Random deaths: workers are killed under load, each at a moment that is looked at, and every task is accounted for.
//
// REGATTA_STORM_KILLS sets the number of kills; //core/pool:pool_storm is the long form.
#include <signal.h>

#include <array>
#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <map>
#include <mutex>
#include <numeric>
#include <random>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "core/os/error.h"
#include "core/os/proc.h"
#include "core/pool/fault_points.h"
#include "core/pool/pool.h"
#include "core/shm/family.h"
#include "core/testing/forked_child.h"
#include "core/testing/pool_witness.h"
#include "core/testing/process_witness.h"
#include "core/testing/status_matchers.h"
#include "core/testing/watchdog.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr int kWorkers = 3;
constexpr uint32_t kMostTasks = 8u << 20;
constexpr size_t kInFlight = 200;

// What the victim was at.
enum State { kStarting, kIdle, kTrying, kClaimed, kRunning, kPublishing, kStates };
constexpr const char* kStateNames[kStates] = {"starting", "idle", "trying", "claimed", "running", "publishing"};

// Shared with the workers, by fork.
struct Marks {
  std::atomic<uint8_t> begun[kMostTasks];  // By the task's number.
  std::atomic<uint8_t> ended[kMostTasks];
};
Shared<Marks>* g_marks = nullptr;

// A task of number `id`: of no length, or some 20 us; one in 16 has a result that doesn't fit into its slot.
std::string Task(uint32_t id) {
  (**g_marks).begun[id].fetch_add(1);
  if (id % 2 == 0) {
    const int64_t end = MonotonicNanos() + 20'000;
    while (MonotonicNanos() < end) {
    }
  }
  std::string result = std::to_string(id);
  if (id % 16 == 1) result.resize(300, 'x');
  (**g_marks).ended[id].fetch_add(1);
  return result;
}
std::string Expected(uint32_t id) {
  std::string result = std::to_string(id);
  if (id % 16 == 1) result.resize(300, 'x');
  return result;
}
int32_t Arm(const std::string& point, uint32_t skip) {
  ArmFaultPoint(FindFaultPoint(kPoolFaultPoints, point).value(), skip);
  return getpid();
}

struct Exact {
  FaultPoint point;
  uint32_t skip;  // So that the arming task itself gets through.
  State state;
  bool holds;  // A task that fails with it.
};
constexpr Exact kExact[] = {
    {fault::kPoolTrying, 0, kTrying, false},           {fault::kPoolTaken, 0, kTrying, false},
    {fault::kPoolClaimed, 0, kClaimed, true},          {fault::kPoolResultReserved, 0, kPublishing, true},
    {fault::kPoolResultWritten, 1, kPublishing, true}, {fault::kPoolDone, 1, kPublishing, false},
    {fault::kPoolPublished, 1, kPublishing, false},
};

class PoolStorm : public testing::Test {
 protected:
  void SetUp() override { g_marks = &marks_; }

  void Fail(const std::string& what) {
    std::lock_guard<std::mutex> lock(mutex_);
    if (wrong_.size() < 20) wrong_.push_back(what);
  }

  void CheckResult(uint32_t id, const absl::StatusOr<std::string>& result) {
    ++resolved_;
    if (result.ok()) {
      if (*result != Expected(id)) Fail("task " + std::to_string(id) + " has another's result");
      if (marks_->begun[id] != 1 || marks_->ended[id] != 1) Fail("task " + std::to_string(id) + " didn't run once");
      return;
    }
    const std::optional<Death> death = DeathOf(result.status());
    if (!death.has_value() || death->signal != SIGKILL) {
      Fail("task " + std::to_string(id) + ": " + result.status().ToString());
      return;
    }
    if (marks_->begun[id] > 1) Fail("task " + std::to_string(id) + " ran twice");
    std::lock_guard<std::mutex> lock(mutex_);
    if (!failed_.emplace(death->pid, id).second) {
      wrong_.push_back("two tasks failed for the death of " + std::to_string(death->pid));
    }
  }

  // Keeps the workers busy with single tasks.
  void Feed(Pool& pool) {
    std::deque<std::pair<uint32_t, AsyncResult<std::string>>> under_way;
    const auto take_one = [&] {
      CheckResult(under_way.front().first, under_way.front().second.Get(Watchdog()));
      under_way.pop_front();
    };
    while (!end_) {
      const uint32_t id = next_++;
      if (id >= kMostTasks) break;
      absl::StatusOr<AsyncResult<std::string>> result = pool.ApplyAsync(Task, id);
      if (!result.ok()) {
        Fail(result.status().ToString());
        break;
      }
      ++accepted_;
      under_way.emplace_back(id, *std::move(result));
      if (under_way.size() >= kInFlight) take_one();
    }
    while (!under_way.empty()) take_one();
  }

  // And with maps, of which a death fails the whole, and nothing else may disturb the order.
  void FeedMaps(Pool& pool) {
    while (!end_) {
      const uint32_t first = next_.fetch_add(40);
      if (first + 40 > kMostTasks) break;
      std::vector<uint32_t> ids(40);
      std::iota(ids.begin(), ids.end(), first);
      absl::StatusOr<AsyncResult<std::vector<std::string>>> map = pool.MapAsync(Task, ids, {.chunk = 4});
      if (!map.ok()) return Fail(map.status().ToString());
      const absl::StatusOr<std::vector<std::string>> results = map->Get(Watchdog());
      if (!results.ok()) {
        const std::optional<Death> death = DeathOf(results.status());
        if (!death.has_value() || death->signal != SIGKILL) return Fail(results.status().ToString());
        ++maps_failed_;
        continue;
      }
      ++maps_whole_;
      for (size_t i = 0; i < ids.size(); ++i) {
        if ((*results)[i] != Expected(ids[i])) return Fail("a map's order is lost");
        if (marks_->begun[ids[i]] != 1) return Fail("an item of a map didn't run once");
      }
    }
  }

  // The state of the stopped worker `pid`; `task`: the one that will fail with it.
  State Look(const Board& board, int32_t pid, std::optional<uint32_t>* task) {
    const std::optional<uint32_t> worker = WorkerOf(board, kWorkers, pid);
    if (!worker.has_value()) return kStarting;
    State state = kIdle;
    for (uint32_t i = 0; i < kTaskSlots; ++i) {
      const TaskSlot& slot = board.slot(i);
      const TaskWord word = TaskWord::Unpack(slot.state.load());
      if (word.worker != *worker) continue;
      if (word.phase == TaskPhase::kDone) state = kPublishing;
      if (word.phase != TaskPhase::kRunning) continue;
      uint32_t id = 0;  // Of a chunk's first item, which follows its size.
      std::memcpy(&id, slot.arguments_at == 0 ? slot.arguments + (slot.items > 0 ? 4 : 0) : slot.arguments, sizeof(id));
      if (slot.items == 0) *task = id;
      const uint32_t last = id + (slot.items > 0 ? slot.items - 1 : 0);
      if (last >= kMostTasks) return kIdle;
      return marks_->begun[id] == 0 ? kClaimed : marks_->ended[last] == 0 ? kRunning : kPublishing;
    }
    if (state != kIdle) return state;
    const uint64_t trying = board.worker(*worker).trying.load();
    if (trying == 0) return kIdle;
    return TaskWord::Unpack(board.slot(static_cast<uint32_t>(trying - 1) % kTaskSlots).state.load()).phase ==
                   TaskPhase::kQueued
               ? kTrying
               : kIdle;
  }

  // Stops a worker, looks where it stands, and kills it.
  bool KillOne(Pool& pool, const Board& board, std::mt19937& random) {
    const std::vector<int32_t> pids = pool.statistics().pids;
    if (pids.empty()) return false;
    const int32_t pid = pids[random() % pids.size()];
    // Five deaths before they are ready, in a row, would rightly break the pool.
    if (!WorkerOf(board, kWorkers, pid).has_value() && last_ == kStarting) return false;
    if (kill(pid, SIGSTOP) != 0) return false;
    bool stopped = false;
    const bool seen = Eventually([&] {
      const absl::StatusOr<char> letter = ProcessStateLetter(pid);
      stopped = letter.ok() && *letter == 'T';
      return stopped || !letter.ok() || *letter == 'Z' || *letter == 'X';
    });
    if (!seen) Fail("a worker doesn't stop");
    if (!stopped) return false;
    std::optional<uint32_t> task;
    last_ = Look(board, pid, &task);
    ++random_[last_];
    killed_.emplace(pid, Kill{last_, task, task.has_value()});
    if (kill(pid, SIGKILL) != 0) Fail("kill");
    return true;
  }

  // Has a worker die at an exact place.
  bool KillAt(Pool& pool, const Exact& exact) {
    const absl::StatusOr<int32_t> pid = pool.Apply(Arm, std::string(exact.point.name()), exact.skip);
    if (!pid.ok()) return false;  // Nothing else kills now; but a death may have come just before.
    if (!Eventually([&] { return kill(*pid, 0) != 0; })) {
      Fail("nobody died at " + std::string(exact.point.name()));
      return false;
    }
    ++exact_[exact.state];
    last_ = exact.state;
    killed_.emplace(*pid, Kill{exact.state, std::nullopt, exact.holds});
    return true;
  }

  struct Kill {
    State state;
    std::optional<uint32_t> task;
    bool holds;  // A single task, which fails with it; a chunk's failure is its map's.
  };

  Shared<Marks> marks_;
  std::atomic<bool> end_{false};
  std::atomic<uint32_t> next_{0};
  std::atomic<uint64_t> accepted_{0};
  std::atomic<uint64_t> resolved_{0};
  uint64_t maps_whole_ = 0;
  uint64_t maps_failed_ = 0;
  std::mutex mutex_;
  std::map<int32_t, uint32_t> failed_;  // By the pid that the error names.
  std::vector<std::string> wrong_;
  std::map<int32_t, Kill> killed_;
  std::array<int, kStates> random_{};
  std::array<int, kStates> exact_{};
  State last_ = kIdle;
};

TEST_F(PoolStorm, EveryTaskIsResolvedOnceAndThePoolIsWholeAfterwards) {
  const char* asked = std::getenv("REGATTA_STORM_KILLS");
  const int kills = asked == nullptr ? 60 : std::atoi(asked);
  ASSERT_GT(kills, 0) << "REGATTA_STORM_KILLS is a number of kills";
  // What a process opens once, it has opened then; and a process lets go of a child that has ended at its next start.
  { ASSERT_THAT(Pool::Create({.workers = 1}), IsOk()); }
  const std::multiset<std::string> open_before = OpenDescriptors();
  const std::set<std::string> names_before = SharedMemoryNames();
  const std::set<int32_t> children_before = ChildrenOf(getpid());
  const unsigned seed = std::random_device()();
  std::mt19937 random(seed);
  {
    absl::StatusOr<Pool> pool = Pool::Create({.workers = kWorkers});
    ASSERT_THAT(pool, IsOk());
    absl::StatusOr<std::unique_ptr<Board>> board = FindBoard();
    ASSERT_THAT(board, IsOk());
    std::thread feeder([&] { Feed(*pool); });
    std::thread mapper([&] { FeedMaps(*pool); });
    for (int done = 0; done < kills && wrong_.empty();) {
      const int64_t wait = MonotonicNanos() + static_cast<int64_t>(random() % 2'000'000);
      while (MonotonicNanos() < wait) std::this_thread::yield();
      const bool killed =
          done % 4 == 3 ? KillAt(*pool, kExact[done / 4 % std::size(kExact)]) : KillOne(*pool, **board, random);
      if (killed) ++done;
    }
    end_ = true;
    feeder.join();
    mapper.join();
    EXPECT_TRUE(Eventually([&] {
      const std::vector<int32_t> pids = pool->statistics().pids;
      return pids.size() == kWorkers && std::all_of(pids.begin(), pids.end(), [&](int32_t pid) {
               return WorkerOf(**board, kWorkers, pid).has_value();
             });
    })) << "the number of workers is what it was";
    EXPECT_EQ(pool->statistics().workers_died, killed_.size());
    ASSERT_THAT(pool->Close(), IsOk());
    ASSERT_THAT(pool->Join(Watchdog()), IsOk());
  }
  std::printf("seed %u; %llu single tasks, %zu failed; %llu maps, %llu failed\n", seed,
              static_cast<unsigned long long>(accepted_), failed_.size(),
              static_cast<unsigned long long>(maps_whole_ + maps_failed_),
              static_cast<unsigned long long>(maps_failed_));
  for (int state = 0; state < kStates; ++state) {
    std::printf("killed while %-10s  %4d at random, %4d at an exact step\n", kStateNames[state], random_[state],
                exact_[state]);
  }
  for (const std::string& what : wrong_) ADD_FAILURE() << what;
  EXPECT_EQ(resolved_, accepted_) << "one outcome for each task";
  for (const auto& [pid, task] : failed_) {
    const auto kill = killed_.find(pid);
    if (kill == killed_.end()) {
      ADD_FAILURE() << "task " << task << " failed for the death of " << pid << ", which nobody killed";
      continue;
    }
    EXPECT_TRUE(kill->second.holds) << "task " << task << " failed for the death of one that held none, and was "
                                    << kStateNames[kill->second.state];
    EXPECT_EQ(kill->second.task.value_or(task), task);
  }
  for (const auto& [pid, kill] : killed_) {
    EXPECT_TRUE(!kill.task.has_value() || failed_.count(pid) == 1) << "the task that " << pid << " held has failed";
  }
  EXPECT_GT(maps_whole_, 0u);
  for (const State state : {kClaimed, kRunning, kPublishing}) {
    EXPECT_GT(random_[state] + exact_[state], 0) << "the storm never hit a worker that was " << kStateNames[state];
  }
  EXPECT_EQ(ChildrenOf(getpid()), children_before) << "no zombie";
  { ASSERT_THAT(Pool::Create({.workers = 1}), IsOk()); }
  EXPECT_EQ(OpenDescriptors(), open_before);
  EXPECT_EQ(SharedMemoryNames(), names_before);
}

}  // namespace
}  // namespace regatta
