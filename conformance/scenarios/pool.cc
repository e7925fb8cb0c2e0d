// Calls of a pool: what they return, and when.
#include "conformance/systems/core/subject/pool.h"

#include <string>
#include <thread>
#include <tuple>
#include <vector>

#include "conformance/checks/counting.h"
#include "conformance/checks/events.h"
#include "conformance/checks/ordering.h"
#include "conformance/checks/outcome.h"
#include "conformance/scenarios/scenario.h"
#include "conformance/systems/core/gate.h"
#include "conformance/systems/core/recorder.h"
#include "conformance/systems/core/subject/queue.h"

namespace regatta::conformance {
namespace {

using subject::AsyncResult;
using subject::Pool;
using subject::Queue;

struct Product {
  int factor = 1;
  int addend = 0;
};

// With an argument, and named ones.
int MultiplyAndAdd(int number, Product by) {
  const Inside running("worker", "task", {number});
  return number * by.factor + by.addend;
}

void PlayApply(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 2, .method = method}));
  for (const int number : {1, 2, 3}) {
    Record("main", "apply", {}, [&] {
      return pool.Apply(&MultiplyAndAdd, number, Product{.factor = 10, .addend = 5});
    }).IgnoreError();  // In the trace, as all that is judged.
  }
}

int MeetTheOther(int number, Gate mine, Gate others) {
  const Inside running("worker", "task", {number});
  others.Open();
  mine.Pass();
  return 10 * number;
}

void PlayApplyFromThreads(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 2, .method = method}));
  const Gate first_gate;
  const Gate second_gate;
  const auto apply = [&](const std::string& actor, int number, const Gate& mine, const Gate& others) {
    Record(actor, "apply", {}, [&] { return pool.Apply(&MeetTheOther, number, mine, others); }).IgnoreError();
  };
  std::thread first(apply, "first", 1, first_gate, second_gate);
  std::thread second(apply, "second", 2, second_gate, first_gate);
  first.join();
  second.join();
}

int MultiplyAndAddOnceLetGo(int number, Product by, Gate go, Gate done) {
  go.Pass();
  const int result = MultiplyAndAdd(number, by);
  done.Open();
  return result;
}

// They end in the opposite order.
void PlayApplyAsync(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 3, .method = method}));
  const Gate go[3];
  const Gate done;
  std::vector<AsyncResult<int>> results;
  for (const int number : {1, 2, 3}) {
    results.push_back(Must(Record("main", "submit", {number}, [&] {
      return pool.ApplyAsync(&MultiplyAndAddOnceLetGo, number, Product{.factor = 10, .addend = 5}, go[number - 1],
                             done);
    })));
  }
  for (const int number : {3, 2, 1}) {
    go[number - 1].Open();
    done.Pass();
  }
  for (const auto& result : results) Record("main", "result", {}, [&] { return result.Get(); }).IgnoreError();
}

int Square(int number) {
  const Inside running("worker", "task", {number});
  return number * number;
}

int SquareInAChunk(int number) {
  const Inside running("worker", "task of a chunk", {number});
  return number * number;
}

void PlayMap(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 2, .method = method}));
  const std::vector<int> numbers = {1, 2, 3};
  Record("main", "map", {}, [&] { return pool.Map(&Square, numbers); }).IgnoreError();
  Record("main", "map", {}, [&] { return pool.Map(&SquareInAChunk, numbers, {.chunk = 3}); }).IgnoreError();
  Record("main", "map of nothing", {}, [&] { return pool.Map(&Square, std::vector<int>()); }).IgnoreError();
}

// A gate for functions that get nothing but numbers.
Gate& KeptGate() {
  static Gate& gate = *new Gate();
  return gate;
}
void KeepGate(Gate gate) { KeptGate() = std::move(gate); }

int PassKeptGateAndSquare(int number) {
  KeptGate().Pass();
  return Square(number);
}

void PlayMapAsync(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 1, .method = method}));
  const Gate gate;
  Must(pool.Apply(&KeepGate, gate));
  const auto callback = [](const std::vector<int>& list) {
    Tell("callback", "list", Values(list.begin(), list.end()));
  };
  const AsyncResult<std::vector<int>> squares = Must(Record("main", "call", {}, [&] {
    return pool.MapAsync(TaskOptions<std::vector<int>>{.callback = callback}, &PassKeptGateAndSquare,
                         std::vector<int>{1, 2, 3});
  }));
  gate.Open(3);
  Record("main", "result", {}, [&] { return squares.Get(); }).IgnoreError();
  Must(pool.Close());
  Must(pool.Join());
  Tell("main", "joined");
}

int Multiply(int one, int other) { return one * other; }

void PlayStarMap(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 2, .method = method}));
  const std::vector<std::tuple<int, int>> pairs = {{1, 2}, {3, 4}, {5, 6}};
  Record("main", "starmap", {}, [&] { return pool.StarMap(&Multiply, pairs); }).IgnoreError();
  Values serial;
  for (const auto& pair : pairs) serial.emplace_back(std::apply(&Multiply, pair));
  Tell("main", "serial", serial);
}

int SquareIntoTheQueue(int number, Queue<int> queue) {
  Must(queue.Put(number * number));
  return number * number;
}

void PlaySharedResult(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 2, .method = method}));
  Queue<int> queue = Must(Queue<int>::Create());
  std::vector<AsyncResult<int>> results;
  for (const int number : {1, 2, 3}) results.push_back(Must(pool.ApplyAsync(&SquareIntoTheQueue, number, queue)));
  for (const auto& result : results) Record("main", "result", {}, [&] { return result.Get(); }).IgnoreError();
  for (size_t i = 0; i < results.size(); ++i) Record("main", "get", {}, [&] { return queue.Get(); }).IgnoreError();
  Tell("main", "empty", {queue.empty()});
}

}  // namespace

std::vector<Scenario> PoolScenarios() {
  const Events task("task");
  const Events apply("apply");
  const Events map("map");
  const Events result("result");
  const std::vector<Values> squares = {{1, 4, 9}};
  return {
      {.id = "pool/apply",
       .expectations = {Sequence(apply.Ok(), Single({15, 25, 35})), Sequence(task, Single({1, 2, 3})),
                        AtMostAtOnce(task, 1), OtherProcess(task, apply)},
       .play = &PlayApply},
      {.id = "pool/apply-from-threads",
       .expectations = {Sequence(apply.By("first").Ok(), Single({10})), Sequence(apply.By("second").Ok(), Single({20})),
                        Multiset(task, Single({1, 2})), Together(task, 2), Processes(2, task), Processes(1, apply)},
       .play = &PlayApplyFromThreads},
      {.id = "pool/apply-async",
       .expectations = {Before(Events("submit"), task), Sequence(task, Single({3, 2, 1})),
                        Sequence(result.Ok(), Single({15, 25, 35}))},
       .play = &PlayApplyAsync},
      {.id = "pool/map",
       .expectations = {Sequence(map.Ok(), {squares[0], squares[0]}), Multiset(task, Single({1, 2, 3})),
                        Within(task, map), Sequence(Events("task of a chunk"), Single({1, 2, 3})),
                        Processes(1, Events("task of a chunk")), Within(Events("task of a chunk"), map),
                        Sequence(Events("map of nothing").Ok(), {{}})},
       .play = &PlayMap},
      {.id = "pool/map-async",
       .expectations = {Before(Events("call"), task), Sequence(result.Ok(), squares), Sequence(Events("list"), squares),
                        OtherProcess(task, Events("list")), Before(Events("list"), Events("joined"))},
       .play = &PlayMapAsync},
      {.id = "pool/starmap",
       .expectations = {Sequence(Events("starmap").Ok(), {{2, 12, 30}}),
                        SameValues(Events("starmap"), Events("serial"))},
       .play = &PlayStarMap},
      {.id = "pool/shared-result",
       .expectations = {Sequence(result.Ok(), Single({1, 4, 9})), SameMultiset(result, Events("get")),
                        Sequence(Events("empty"), Single({true}))},
       .play = &PlaySharedResult},
  };
}

}  // namespace regatta::conformance
