// What one operation costs in system calls, wake-ups, allocations and passes over its bytes, counted exactly and
// printed, a line each:
//   queue_put_get/slept/bytes:64<TAB>calls<TAB>4<TAB>futex_wake 1, ...
//
// Each path is run for many rounds, traced. Of calls the cheapest round counts: a machine that is busy otherwise makes
// a waiter sleep that would have spun, now and then, but makes no round cheaper. Of memory calls, which don't depend on
// time, the median round.
#include <algorithm>
#include <array>
#include <atomic>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>
#include <memory>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/match.h"
#include "absl/strings/str_join.h"
#include "bench/budgets/memory_calls.h"
#include "core/ipc/queue.h"
#include "core/os/cpu.h"
#include "core/pool/pool.h"
#include "core/process/runtime.h"
#include "core/shm/family.h"
#include "core/testing/call_trace.h"
#include "core/testing/forked_child.h"
#include "core/topology/affinity.h"

namespace regatta::bench {
namespace {

constexpr int kMostRounds = 4000;
constexpr size_t kLarge = size_t{64} << 10;

struct MemoryOfRound {
  uint64_t allocations = 0;
  uint64_t copies = 0;
  uint64_t fills = 0;
};

// Shared between who traces and who is traced.
struct Scene {
  std::atomic<int32_t> round{-1};                   // The one under way; -1: none.
  std::array<std::atomic<int32_t>, 8> aside{};      // Threads of which nothing counts now.
  std::array<MemoryOfRound, kMostRounds> memory{};  // By round.
  MemoryCalls calls{};
  std::atomic<int32_t> partner{0};  // The other side's thread,
  std::atomic<int32_t> done{-1};    // the last round that it has done,
  std::atomic<int32_t> sleeper{0};  // and who is to sleep before it goes on.
};
Scene* g_scene = nullptr;

// What the calling thread does while this lives belongs to no path.
class Aside {
 public:
  Aside() : thread_(OwnId()) {
    for (auto& place : g_scene->aside) {
      int32_t nobody = 0;
      if (!place.compare_exchange_strong(nobody, thread_)) continue;
      place_ = &place;
      return;
    }
    std::abort();
  }
  ~Aside() { place_->store(0); }

  static int32_t OwnId() {
    // Of this process, not of the one that it was forked from.
    static thread_local int32_t id = 0;
    static thread_local uint32_t generation = ~0U;
    if (generation != Family::fork_generation()) {
      generation = Family::fork_generation();
      id = ThisThreadId();
    }
    return id;
  }

 private:
  const int32_t thread_;
  std::atomic<int32_t>* place_ = nullptr;
  MemoryCallsAside memory_;
};

void Require(bool holds, const absl::Status& why) {
  if (holds) return;
  std::fprintf(stderr, "counted paths: %s\n", why.ToString().c_str());
  std::exit(1);
}

// The two processors of a path between two processes.
struct Processors {
  int here = 0;
  int there = 0;
};
std::optional<Processors> g_processors;

void PinTo(int processor) {
  const absl::Status pinned = PinThisThread({processor});
  Require(pinned.ok(), pinned);
}

void AwaitSleep(int32_t thread) {
  const Aside aside;
  Require(Eventually([thread] { return IsAsleep(thread); }), absl::InternalError("who should wait does not sleep"));
}

// Round after round of `operation`.
void Rounds(int rounds, const std::function<void(int)>& operation) {
  MemoryCalls& calls = g_scene->calls;
  for (int i = 0; i < rounds; ++i) {
    g_scene->round = i;
    const MemoryOfRound before{calls.allocations, calls.copies, calls.fills};
    operation(i);
    g_scene->memory[i] = {calls.allocations - before.allocations, calls.copies - before.copies,
                          calls.fills - before.fills};
  }
  g_scene->round = -1;
}

// --- The paths. Each returns the number of its rounds. ---

struct Message {
  std::array<uint64_t, 8> words{};
};
Message Small(int i) {
  Message message;
  message.words.fill(static_cast<uint64_t>(i));
  return message;
}
bool operator==(const Message& a, const Message& b) { return a.words == b.words; }

template <class T>
Queue<T> NewQueue() {
  absl::StatusOr<Queue<T>> queue = Queue<T>::Create();
  Require(queue.ok(), queue.status());
  return *std::move(queue);
}

// One thread puts and gets.
template <class T>
int QueueAlone(const T& item) {
  constexpr int kRounds = 200;
  Queue<T> queue = NewQueue<T>();
  Rounds(kRounds, [&](int) {
    const absl::Status put = queue.Put(item);
    Require(put.ok(), put);
    const absl::StatusOr<T> got = queue.Get();
    Require(got.ok() && *got == item, got.status());
  });
  return kRounds;
}
int QueueAloneSmall() { return QueueAlone(Small(7)); }
int QueueAloneText() { return QueueAlone(std::string(64, 'x')); }
int QueueAloneLarge() { return QueueAlone(std::string(kLarge, 'x')); }

// There and back to another process, which looks already.
int QueueHot() {
  constexpr int kRounds = kMostRounds;
  Queue<Message> there = NewQueue<Message>();
  Queue<Message> back = NewQueue<Message>();
  PinTo(g_processors->here);
  ForkedChild partner([&] {
    PinTo(g_processors->there);
    for (int i = 0; i < kRounds; ++i) {
      const absl::StatusOr<Message> got = there.Get();
      REGATTA_CHILD_REQUIRE(got.ok());
      REGATTA_CHILD_REQUIRE(back.Put(*got).ok());
    }
    return 0;
  });
  Rounds(kRounds, [&](int i) {
    const absl::Status put = there.Put(Small(i));
    Require(put.ok(), put);
    const absl::StatusOr<Message> got = back.Get();
    Require(got.ok() && *got == Small(i), got.status());
  });
  Require(partner.Wait() == 0, absl::InternalError("the partner failed"));
  return kRounds;
}

// To another process, which sleeps: its falling asleep and its waking are of the round.
template <class T>
int QueueSlept(const T& item) {
  constexpr int kRounds = 100;
  Queue<T> queue = NewQueue<T>();
  PinTo(g_processors->here);
  ForkedChild partner([&] {
    PinTo(g_processors->there);
    g_scene->partner = Aside::OwnId();
    for (int i = 0; i < kRounds; ++i) {
      while (g_scene->round != i) CpuPause();
      const absl::StatusOr<T> got = queue.Get();
      REGATTA_CHILD_REQUIRE(got.ok() && *got == item);
      g_scene->done = i;
    }
    return 0;
  });
  while (g_scene->partner == 0) CpuPause();
  Rounds(kRounds, [&](int i) {
    AwaitSleep(g_scene->partner);
    const absl::Status put = queue.Put(item);
    Require(put.ok(), put);
    while (g_scene->done != i) CpuPause();
  });
  Require(partner.Wait() == 0, absl::InternalError("the partner failed"));
  return kRounds;
}
int QueueSleptSmall() { return QueueSlept(Small(7)); }
int QueueSleptLarge() { return QueueSlept(std::string(kLarge, 'x')); }

void Tell() { g_scene->done = g_scene->round.load(); }
int Square(int x) {
  Tell();
  return x * x;
}
std::string Same(std::string text) {
  Tell();
  return text;
}
// Ends once who waits for it sleeps.
int SquareLate(int x) {
  AwaitSleep(g_scene->sleeper);
  return x * x;
}

Pool NewPool() {
  PinTo(g_processors->here);
  absl::StatusOr<Pool> pool = Pool::Create({.workers = 1, .cpus = {g_processors->there}});
  Require(pool.ok(), pool.status());
  return *std::move(pool);
}

int PoolHot() {
  constexpr int kRounds = kMostRounds;
  Pool pool = NewPool();
  Rounds(kRounds, [&](int i) {
    const absl::StatusOr<int> result = pool.Apply(Square, i % 1000);
    Require(result.ok() && *result == (i % 1000) * (i % 1000), result.status());
  });
  return kRounds;
}

// The worker sleeps, is woken, works, and sleeps again; the submitter comes for the result when it is there.
template <class F, class T>
int PoolSlept(F function, const T& argument, const T& expected) {
  constexpr int kRounds = 100;
  Pool pool = NewPool();
  const int32_t worker = pool.statistics().pids.at(0);
  AwaitSleep(worker);
  Rounds(kRounds, [&](int i) {
    auto result = pool.ApplyAsync(function, argument);
    Require(result.ok(), result.status());
    while (g_scene->done != i) CpuPause();  // Asleep is also who hasn't woken yet.
    AwaitSleep(worker);
    const auto value = (*std::move(result)).Get();
    Require(value.ok() && *value == expected, value.status());
  });
  return kRounds;
}
int PoolSleptSmall() { return PoolSlept(Square, 7, 49); }
int PoolSleptLarge() { return PoolSlept(Same, std::string(kLarge, 'x'), std::string(kLarge, 'x')); }

// Both sleep: the worker for a task, and the submitter for its result.
int PoolBothSlept() {
  constexpr int kRounds = 100;
  Pool pool = NewPool();
  const int32_t worker = pool.statistics().pids.at(0);
  g_scene->sleeper = Aside::OwnId();
  AwaitSleep(worker);
  Rounds(kRounds, [&](int i) {
    const absl::StatusOr<int> result = pool.Apply(SquareLate, i);
    Require(result.ok() && *result == i * i, result.status());
    AwaitSleep(worker);
  });
  return kRounds;
}

// A thousand items, ten in each task.
int PoolMap() {
  constexpr int kRounds = 100;
  Pool pool = NewPool();
  std::vector<int> items(1000);
  std::iota(items.begin(), items.end(), 0);
  Rounds(kRounds, [&](int) {
    const auto results = pool.Map(Square, items, {.chunk = 10});
    Require(results.ok() && results->size() == items.size() && results->back() == 999 * 999, results.status());
  });
  return kRounds;
}

struct Path {
  const char* name;
  int (*run)();
  bool two;      // Processes, each on a processor of its own.
  size_t large;  // Copies and fills are counted of so many bytes; 0: none.
};
constexpr Path kPaths[] = {
    {"queue_put_get/alone/bytes:64", QueueAloneSmall, false, 0},
    {"queue_put_get/alone/text:64", QueueAloneText, false, 0},
    {"queue_put_get/alone/text:65536", QueueAloneLarge, false, kLarge / 2},
    {"queue_round_trip/hot/bytes:64", QueueHot, true, 0},
    {"queue_put_get/slept/bytes:64", QueueSleptSmall, true, 0},
    {"queue_put_get/slept/text:65536", QueueSleptLarge, true, kLarge / 2},
    {"pool_task/hot", PoolHot, true, 0},
    {"pool_task/worker_slept", PoolSleptSmall, true, 0},
    {"pool_task/worker_slept/text:65536", PoolSleptLarge, true, kLarge / 2},
    {"pool_task/both_slept", PoolBothSlept, true, 0},
    {"pool_map/items:1000/chunk:10", PoolMap, true, 0},
};

struct CallsOfRound {
  int all = 0;
  int wakes = 0;
  int sleeps = 0;
  std::map<std::string, int> names;
};

uint64_t Median(std::vector<uint64_t> values) {
  std::nth_element(values.begin(), values.begin() + static_cast<int64_t>(values.size() / 2), values.end());
  return values[values.size() / 2];
}

bool Count(const Path& path) {
  const Shared<Scene> shared;
  Scene& scene = *shared;
  g_scene = &scene;
  scene.calls.large = path.large == 0 ? SIZE_MAX : path.large;
  Shared<std::atomic<int>> rounds;
  std::vector<CallsOfRound> calls(kMostRounds);
  const int code = TraceCalls(
      [&] {
        CountMemoryCalls(&scene.calls);
        Aside::OwnId();
        *rounds = path.run();
        return 0;
      },
      [&](const SeenCall& call) {
        const int32_t round = scene.round;
        if (round < 0 || std::find(scene.aside.begin(), scene.aside.end(), call.thread) != scene.aside.end()) return;
        CallsOfRound& of = calls[round];
        ++of.all;
        of.wakes += call.kind == SeenCall::Kind::kWake ? 1 : 0;
        of.sleeps += call.kind == SeenCall::Kind::kSleep ? 1 : 0;
        ++of.names[NameOfCall(call)];
      });
  if (code != 0 || *rounds == 0) {
    std::fprintf(stderr, "%s: ended with %d\n", path.name, code);
    return false;
  }
  calls.resize(*rounds);
  const CallsOfRound& cheapest =
      *std::min_element(calls.begin(), calls.end(), [](const auto& a, const auto& b) { return a.all < b.all; });
  const auto say = [&path](const char* unit, uint64_t value, const std::string& which) {
    std::printf("%s\t%s\t%llu\t%s\n", path.name, unit, static_cast<unsigned long long>(value), which.c_str());
  };
  const std::string which = absl::StrJoin(cheapest.names, ", ", absl::PairFormatter(" "));
  say("calls", cheapest.all, which);
  say("wakes", cheapest.wakes, which);
  say("sleeps", cheapest.sleeps, which);
  const auto median = [&](uint64_t MemoryOfRound::*what) {
    std::vector<uint64_t> values(*rounds);
    for (int i = 0; i < *rounds; ++i) values[i] = scene.memory[i].*what;
    return Median(std::move(values));
  };
  say("allocations", median(&MemoryOfRound::allocations), "");
  if (path.large > 0) {
    say("copies", median(&MemoryOfRound::copies), "");
    say("fills", median(&MemoryOfRound::fills), "");
  }
  std::fflush(stdout);
  return true;
}

int Main(int argc, char** argv) {
  Init(&argc, &argv);
  const absl::StatusOr<std::vector<int>> usable = CurrentAffinity();
  Require(usable.ok(), usable.status());
  if (usable->size() >= 2) g_processors = {usable->at(0), usable->at(1)};
  bool whole = true;
  for (const Path& path : kPaths) {
    if (argc > 1 && !absl::StrContains(path.name, argv[1])) continue;
    if (path.two && !g_processors.has_value()) {
      std::printf("%s\tabsent\t0\tit needs two processors\n", path.name);
      continue;
    }
    whole = Count(path) && whole;
  }
  return whole ? 0 : 1;
}

}  // namespace
}  // namespace regatta::bench

int main(int argc, char** argv) { return regatta::bench::Main(argc, argv); }
