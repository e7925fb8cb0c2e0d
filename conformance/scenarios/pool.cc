// Pools of workers.
#include "conformance/systems/core/subject/pool.h"

#include <string>
#include <vector>

#include "conformance/checks/counting.h"
#include "conformance/checks/events.h"
#include "conformance/checks/ordering.h"
#include "conformance/checks/outcome.h"
#include "conformance/scenarios/scenario.h"
#include "conformance/systems/core/gate.h"
#include "conformance/systems/core/recorder.h"

namespace regatta::conformance {
namespace {

using subject::Pool;

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
    }).IgnoreError();  // In the trace.
  }
}

int PassGate(int number, Gate gate) {
  gate.Pass();
  const Inside running("worker", "task", {number});
  return number;
}

void PlayClose(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 1, .method = method}));
  const Gate gate;
  std::vector<subject::AsyncResult<int>> accepted;
  for (const int number : {1, 2, 3}) accepted.push_back(Must(pool.ApplyAsync(&PassGate, number, gate)));
  Must(pool.Close());
  Record("main", "late task", {}, [&] { return pool.ApplyAsync(&PassGate, 4, gate).status(); }).IgnoreError();
  Tell("main", "open");
  gate.Open(8);
  for (const auto& result : accepted) Record("main", "result", {}, [&] { return result.Get(); }).IgnoreError();
  Record("main", "join", {}, [&] { return pool.Join(); }).IgnoreError();
  Tell("main", "after the join");
}

}  // namespace

std::vector<Scenario> PoolScenarios() {
  return {
      {.id = "pool/apply",
       .expectations = {Sequence(Events("apply").Ok(), Single({15, 25, 35})),
                        Sequence(Events("task"), Single({1, 2, 3})), AtMostAtOnce(Events("task"), 1),
                        OtherProcess(Events("task"), Events("apply"))},
       .play = &PlayApply},
      {.id = "pool/close",
       .expectations = {FailsWith(Events("late task"), "closed"), Before(Events("late task"), Events("task")),
                        Sequence(Events("result").Ok(), Single({1, 2, 3})), Sequence(Events("task"), Single({1, 2, 3})),
                        Succeeds(Events("join")), Before(Events("task"), Events("after the join"))},
       .play = &PlayClose},
  };
}

}  // namespace regatta::conformance
