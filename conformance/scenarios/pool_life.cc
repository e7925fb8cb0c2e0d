// A pool's workers: how many, from when, until when; and which tasks they still do.
#include <signal.h>

#include <algorithm>
#include <string>
#include <vector>

#include "conformance/checks/counting.h"
#include "conformance/checks/events.h"
#include "conformance/checks/ordering.h"
#include "conformance/checks/outcome.h"
#include "conformance/scenarios/scenario.h"
#include "conformance/systems/core/gate.h"
#include "conformance/systems/core/recorder.h"
#include "conformance/systems/core/subject/pool.h"
#include "conformance/systems/core/subject/process.h"

namespace regatta::conformance {
namespace {

using subject::AsyncResult;
using subject::Pool;

// How many of these processes there are.
int Alive(const std::vector<int32_t>& pids) {
  return static_cast<int>(std::count_if(pids.begin(), pids.end(), [](int32_t pid) { return kill(pid, 0) == 0; }));
}

int Work(int number) {
  const Inside running("worker", "task", {number});
  return number;
}

// With all that are let go at once.
int Meet(int number, Gate here, Gate go) {
  const Inside running("worker", "task", {number});
  here.Open();
  go.Pass();
  return number;
}

void PlayTenOverThree(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 3, .method = method}));
  Tell("main", "live workers", {Alive(pool.pids())});
  const Gate here;
  const Gate go;
  for (int number = 1; number <= 3; ++number) Must(pool.ApplyAsync(&Meet, number, here, go));
  for (int number = 4; number <= 10; ++number) Must(pool.ApplyAsync(&Work, number));
  Tell("main", "start");
  Must(pool.Close());
  here.Pass(3);
  go.Open(3);
  Must(pool.Join());
  Tell("main", "end");
}

void PlayTwenty(StartMethod method) {
  const Pool pool = Must(Pool::Create({.workers = 20, .method = method}));
  Tell("main", "live workers", {Alive(pool.pids())});
}

void PlayDefaultSize(StartMethod method) {
  const Pool pool = Must(Pool::Create({.method = method}));
  Tell("main", "processors", {subject::UsableCpus()});
  Tell("main", "live workers", {Alive(pool.pids())});
}

void PlayContext(StartMethod method) {
  std::vector<int32_t> pids;
  {
    Pool pool = Must(Pool::Create({.workers = 2, .method = method}));
    pids = pool.pids();
    Record("main", "apply", {}, [&] { return pool.Apply(&Work, 1); }).IgnoreError();  // In the trace.
    Tell("main", "live workers", {Alive(pids)});
  }
  Tell("main", "live workers", {Alive(pids)});
}

void PlayOnDemand(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 3, .method = method}));
  Tell("main", "live workers", {Alive(pool.pids())});
  Record("main", "apply", {}, [&] { return pool.Apply(&Work, 1); }).IgnoreError();  // In the trace.
  Tell("main", "live workers", {Alive(pool.pids())});
}

void TellPids(const std::string& kind, std::vector<int32_t> pids) {
  std::sort(pids.begin(), pids.end());
  Tell("main", kind, Values(pids.begin(), pids.end()));
}

void PlayReuse(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 2, .method = method}));
  TellPids("workers before", pool.pids());
  const Gate here;
  const Gate go;
  const AsyncResult<int> one = Must(pool.ApplyAsync(&Meet, 1, here, go));
  const AsyncResult<int> other = Must(pool.ApplyAsync(&Meet, 2, here, go));
  here.Pass(2);
  go.Open(2);
  Must(one.Get());
  Must(other.Get());
  for (int number = 3; number <= 20; ++number) Must(pool.Apply(&Work, number));
  TellPids("workers after", pool.pids());
}

int PassGate(int number, Gate gate) {
  gate.Pass();
  return Work(number);
}

void PlayClose(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 1, .method = method}));
  const Gate gate;
  std::vector<AsyncResult<int>> accepted;
  for (const int number : {1, 2, 3}) accepted.push_back(Must(pool.ApplyAsync(&PassGate, number, gate)));
  Must(pool.Close());
  Record("main", "late task", {}, [&] { return pool.ApplyAsync(&PassGate, 4, gate).status(); }).IgnoreError();
  Tell("main", "open");
  gate.Open(8);
  for (const auto& result : accepted) Record("main", "result", {}, [&] { return result.Get(); }).IgnoreError();
  Record("main", "join", {}, [&] { return pool.Join(); }).IgnoreError();
  Tell("main", "after the join");
}

int BeginAndEnd(int number, Gate here, Gate go) {
  Tell("worker", "begin", {number});
  here.Open();
  go.Pass();
  Tell("worker", "end", {number});
  return number;
}

void PlayTerminate(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 2, .method = method}));
  const std::vector<int32_t> pids = pool.pids();
  const Gate here;
  const Gate go;
  std::vector<AsyncResult<int>> results;
  for (const int number : {1, 2, 3, 4}) results.push_back(Must(pool.ApplyAsync(&BeginAndEnd, number, here, go)));
  here.Pass(2);
  Record("main", "terminate", {}, [&] { return pool.Terminate(); }).IgnoreError();
  go.Open(4);  // Nobody is there any more.
  Record("main", "join", {}, [&] { return pool.Join(); }).IgnoreError();
  Tell("main", "live workers", {Alive(pids)});
  for (const auto& result : results) Record("main", "result", {}, [&] { return result.Get(); }).IgnoreError();
}

void PlayJoinBeforeClose(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 1, .method = method}));
  Record("main", "early join", {}, [&] { return pool.Join(); }).IgnoreError();  // All in the trace.
  Record("main", "apply", {}, [&] { return pool.Apply(&Work, 1); }).IgnoreError();
  Must(pool.Close());
  Record("main", "join", {}, [&] { return pool.Join(); }).IgnoreError();
}

}  // namespace

std::vector<Scenario> PoolLifeScenarios() {
  const Events task("task");
  const Events live("live workers");
  const Values one_to_ten = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
  return {
      {.id = "pool/ten-over-three",
       .expectations = {Sequence(live, Single({3})), Processes(3, task), OtherProcess(task, Events("start")),
                        Together(task, 3), AtMostAtOnce(task, 3), AlmostInOrder(task, Single(one_to_ten), 2),
                        Exactly(1, Events("start")), Before(task, Events("end"))},
       .play = &PlayTenOverThree},
      {.id = "pool/twenty", .expectations = {Sequence(live, Single({20}))}, .play = &PlayTwenty},
      {.id = "pool/default-size", .expectations = {SameValues(Events("processors"), live)}, .play = &PlayDefaultSize},
      {.id = "pool/context",
       .expectations = {Sequence(Events("apply").Ok(), Single({1})), Sequence(live, Single({2, 0}))},
       .play = &PlayContext},
      {.id = "pool/on-demand",
       .expectations = {Sequence(live, Single({3, 3})), Sequence(Events("apply").Ok(), Single({1}))},
       .play = &PlayOnDemand},
      {.id = "pool/reuse",
       .expectations = {Exactly(20, task), Processes(2, task),
                        SameValues(Events("workers before"), Events("workers after"))},
       .play = &PlayReuse},
      {.id = "pool/close",
       .expectations = {FailsWith(Events("late task"), "closed"), Before(Events("late task"), task),
                        Sequence(Events("result").Ok(), Single({1, 2, 3})), Sequence(task, Single({1, 2, 3})),
                        Succeeds(Events("join")), Before(task, Events("after the join"))},
       .play = &PlayClose},
      {.id = "pool/terminate",
       .expectations = {Multiset(Events("begin"), Single({1, 2})), Never(Events("end")), Succeeds(Events("terminate")),
                        Succeeds(Events("join")), Sequence(live, Single({0})), Exactly(4, Events("result")),
                        FailsWith(Events("result"), "cancelled")},
       .play = &PlayTerminate},
      {.id = "pool/join-before-close",
       .expectations = {FailsWith(Events("early join"), "misuse"), Sequence(Events("apply").Ok(), Single({1})),
                        Succeeds(Events("join"))},
       .play = &PlayJoinBeforeClose},
  };
}

}  // namespace regatta::conformance
