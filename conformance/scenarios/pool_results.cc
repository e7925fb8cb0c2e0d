// What becomes of a pool's tasks: callbacks and errors; and what can't be one.
#include <stdexcept>
#include <string>
#include <tuple>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "conformance/checks/counting.h"
#include "conformance/checks/events.h"
#include "conformance/checks/ordering.h"
#include "conformance/checks/outcome.h"
#include "conformance/scenarios/scenario.h"
#include "conformance/systems/core/gate.h"
#include "conformance/systems/core/recorder.h"
#include "conformance/systems/core/subject/pool.h"
#include "conformance/systems/core/subject/refused/refused.h"
#include "core/os/error.h"

namespace regatta::conformance {
namespace {

using subject::AsyncResult;
using subject::Pool;

int Work(int number) {
  const Inside running("worker", "task", {number});
  return number;
}

int PassGateAndWork(int number, Gate gate) {
  gate.Pass();
  return Work(number);
}

int WorkAndOpenGate(int number, Gate gate) {
  Work(number);
  gate.Open();
  return number;
}

// The first task ends when the third's callback has been called.
void PlayCallback(StartMethod method) {
  const Gate third_called;
  Pool pool = Must(Pool::Create({.workers = 2, .method = method}));
  const auto callback = [&](const int& number) {
    Tell("callback", "line", {number});
    if (number == 3) third_called.Open();
  };
  Must(pool.ApplyAsync(TaskOptions<int>{.callback = callback}, &PassGateAndWork, 1, third_called));
  for (const int number : {2, 3, 4, 5}) Must(pool.ApplyAsync(TaskOptions<int>{.callback = callback}, &Work, number));
  Must(pool.Close());
  Must(pool.Join());
  Tell("main", "line", {"joined"});
}

// The first task's callback is slow: it returns when the others' tasks have ended.
void PlayCallbackMustNotBlock(StartMethod method) {
  const Gate first_called;
  const Gate ended;
  const Gate go;
  Pool pool = Must(Pool::Create({.workers = 2, .method = method}));
  const auto callback = [&](const int& number) {
    const Inside calling("main", "callback", {number});
    if (number != 1) return;
    first_called.Open();
    go.Pass();
  };
  Must(pool.ApplyAsync(TaskOptions<int>{.callback = callback}, &Work, 1));
  first_called.Pass();
  for (const int number : {2, 3}) {
    Must(pool.ApplyAsync(TaskOptions<int>{.callback = callback}, &WorkAndOpenGate, number, ended));
  }
  ended.Pass(2);
  Tell("main", "go");
  go.Open(2);
  Must(pool.Close());
  Must(pool.Join());
  Tell("main", "joined");
}

constexpr char kText[] = "no such boat";

int ThrowAtTwo(const std::string& actor, int number) {
  Tell(actor, "task", {number});
  if (number != 2) return number;
  Tell(actor, "throws", {"std::runtime_error", kText});
  throw std::runtime_error(kText);
}
int ThrowAtTwoOfMap(int number) { return ThrowAtTwo("worker of the map", number); }
int ThrowAtTwoAlone(int number) { return ThrowAtTwo("worker", number); }

void TellError(const absl::Status& status) {
  if (status.ok()) return;
  const std::string type = ThrownType(status).value_or("");
  Tell("main", "error", {type, std::string(absl::StripPrefix(status.message(), absl::StrCat(type, ": ")))});
}

void PlayTaskError(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 2, .method = method}));
  const std::vector<int> numbers = {1, 2, 3};
  TellError(Record("main", "map", {}, [&] { return pool.Map(&ThrowAtTwoOfMap, numbers, {.chunk = 1}); }).status());
  std::vector<AsyncResult<int>> results;
  for (const int number : numbers) results.push_back(Must(pool.ApplyAsync(&ThrowAtTwoAlone, number)));
  for (const auto& result : results) TellError(Record("main", "result", {}, [&] { return result.Get(); }).status());
  Record("main", "apply", {}, [&] { return pool.Apply(&ThrowAtTwoAlone, 5); }).IgnoreError();  // In the trace.
}

constexpr int kMarker = -1;

int CatchAtTwo(int number) {
  try {
    return ThrowAtTwoAlone(number);
  } catch (const std::runtime_error&) {
    return kMarker;
  }
}

void PlayTaskErrorCaught(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 2, .method = method}));
  Record("main", "map", {}, [&] { return pool.Map(&CatchAtTwo, std::vector<int>{1, 2, 3}); }).IgnoreError();
}

// Refused when compiling. `names` is what the error must speak of.
void TellRefusal(subject::Refused code, absl::string_view names) {
  const absl::string_view errors = subject::ErrorsAbout(code);
  Tell("main", "refusal", {!errors.empty(), absl::StrContains(absl::AsciiStrToLower(errors), names)});
}

void PlayLambda(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 1, .method = method}));
  Record("main", "lambda", {}, [&] {
    return pool.Apply([](int number) { return number + 1; }, 1);
  }).IgnoreError();  // In the trace.
  TellRefusal(subject::Refused::kLambdaWithCaptures, "lambda");
}

void PlayPoolAsArgument(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 1, .method = method}));
  TellRefusal(subject::Refused::kPoolAsArgument, "pool");
  TellRefusal(subject::Refused::kPoolInObject, "function");
  Record("main", "apply", {}, [&] { return pool.Apply(&Work, 1); }).IgnoreError();  // In the trace.
}

int Multiply(int one, int other) { return one * other; }

void PlayManyArgumentsMap(StartMethod method) {
  Pool pool = Must(Pool::Create({.workers = 1, .method = method}));
  TellRefusal(subject::Refused::kTuplesForMap, "starmap");
  const std::vector<std::tuple<int, int>> pairs = {{1, 2}, {3, 4}};
  Record("main", "starmap", {}, [&] { return pool.StarMap(&Multiply, pairs); }).IgnoreError();  // In the trace.
}

}  // namespace

std::vector<Scenario> PoolResultScenarios() {
  const Events task("task");
  const Events callback("callback");
  const Events result("result");
  const Events called = Events("line").By("callback");
  const Events refusal("refusal");
  const std::vector<Values> refused_in_words = {{true, true}};
  return {
      {.id = "pool/callback",
       .expectations = {Multiset(task, Single({1, 2, 3, 4, 5})), Multiset(called, Single({1, 2, 3, 4, 5})),
                        Before(called.With({3}), called.With({1})), Before(called, Events("line").By("main")),
                        Processes(1, Events("line")), OtherProcess(task, Events("line"))},
       .play = &PlayCallback},
      {.id = "pool/callback-must-not-block",
       .expectations = {Multiset(callback, Single({1, 2, 3})), AtMostAtOnce(callback, 1), Before(task, Events("go")),
                        Before(callback.With({1}), callback.With({2})), Before(callback.With({1}), callback.With({3})),
                        Before(callback, Events("joined"))},
       .play = &PlayCallbackMustNotBlock},
      {.id = "pool/task-error",
       .expectations = {FailsWith(Events("map"), "thrown"), Within(task.By("worker of the map"), Events("map")),
                        Multiset(task.By("worker of the map"), Single({1, 2, 3})),
                        SameValues(Events("throws"), Events("error")), Exactly(2, Events("error")), Exactly(3, result),
                        Sequence(result.Ok(), Single({1, 3})), Exactly(1, result.Failed("thrown")),
                        Sequence(Events("apply").Ok(), Single({5}))},
       .play = &PlayTaskError},
      {.id = "pool/task-error-caught",
       .expectations = {Exactly(1, Events("throws")), Sequence(Events("map").Ok(), {{1, kMarker, 3}})},
       .play = &PlayTaskErrorCaught},
      {.id = "pool/lambda",
       .expectations = {Sequence(Events("lambda").Ok(), Single({2})), Sequence(refusal, refused_in_words)},
       .play = &PlayLambda},
      {.id = "pool/pool-as-argument",
       .expectations = {Sequence(refusal, {refused_in_words[0], refused_in_words[0]}),
                        Sequence(Events("apply").Ok(), Single({1}))},
       .play = &PlayPoolAsArgument},
      {.id = "pool/many-arguments-map",
       .expectations = {Sequence(refusal, refused_in_words), Sequence(Events("starmap").Ok(), {{2, 12}})},
       .play = &PlayManyArgumentsMap},
  };
}

}  // namespace regatta::conformance
