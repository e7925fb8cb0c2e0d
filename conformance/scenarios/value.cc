// Values and arrays that processes share.
#include "conformance/systems/core/subject/value.h"

#include <cstdint>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "conformance/checks/counting.h"
#include "conformance/checks/events.h"
#include "conformance/checks/ordering.h"
#include "conformance/checks/outcome.h"
#include "conformance/scenarios/scenario.h"
#include "conformance/systems/core/gate.h"
#include "conformance/systems/core/recorder.h"
#include "conformance/systems/core/subject/lock.h"
#include "conformance/systems/core/subject/process.h"
#include "core/os/deadline.h"

namespace regatta::conformance {
namespace {

using subject::Array;
using subject::Lock;
using subject::Process;
using subject::Value;

constexpr int kFree = 500;  // Additions of each process that runs free.

// The documents' add(): five times with the lock held. Tells the number before and after each.
void Add(const std::string& actor, Value<int> number, int value, Lock lock, Gate go, Gate added) {
  go.Pass();
  Must(lock.Acquire());
  {
    const Inside holding(actor, "holding");
    Tell(actor, "line", {number.Get()});
    for (int i = 0; i < 5; ++i) {
      number.Set(number.Get() + value);
      Tell(actor, "line", {number.Get()});
    }
  }
  added.Open();
  Must(lock.Release());
}

void PlayWithLock(StartMethod method) {
  const Lock lock = Must(Lock::Create());
  const Value<int> number = Must(Value<int>::Create(0));
  const Gate go;
  const Gate added;
  Process first = Must(Process::Start({.method = method}, &Add, "add1", number, 1, lock, go, added));
  Process second = Must(Process::Start({.method = method}, &Add, "add3", number, 3, lock, added, go));
  Tell("main", "main end");
  go.Open();
  TellExit("add1", first.Join());
  TellExit("add3", second.Join());
  Tell("main", "number", {number.Get()});
}

// Reads, and writes only when told to.
void ReadThenWrite(Value<int> number, int value, Gate read, Gate write, Gate written) {
  const int seen = number.Get();
  read.Open();
  write.Pass();
  number.Set(seen + value);
  written.Open();
}

void AddFree(Value<int> number) {
  for (int i = 0; i < kFree; ++i) number.Set(number.Get() + 1);
}

void AddWithItsLock(Value<int> number) {
  for (int i = 0; i < kFree; ++i) Must(number.Update([](int& value) { ++value; }));
}

void HoldItsLock(Value<int> number, Gate held, Gate tried) {
  Must(number.Update([&](int& value) {
    held.Open();
    tried.Pass();
    ++value;
  }));
}

void PlayLostUpdate(StartMethod method) {
  const Value<int> forced = Must(Value<int>::Create(0));
  const Gate read;
  const Gate write_first;
  const Gate write_second;
  const Gate written;
  Process first = Must(Process::Start({.method = method}, &ReadThenWrite, forced, 1, read, write_first, written));
  Process second = Must(Process::Start({.method = method}, &ReadThenWrite, forced, 3, read, write_second, written));
  read.Pass(2);
  write_first.Open();
  written.Pass();
  write_second.Open();
  TellExit("first", first.Join());
  TellExit("second", second.Join());
  Tell("main", "forced", {forced.Get()});

  const auto run_two = [&](const std::string& role, void (*add)(Value<int>), const Value<int>& number) {
    Process one = Must(Process::Start({.method = method}, add, number));
    Process two = Must(Process::Start({.method = method}, add, number));
    TellExit(role, one.Join());
    TellExit(role, two.Join());
  };
  const Value<int> free = Must(Value<int>::Create(0));
  run_two("free", &AddFree, free);
  Tell("main", "free is within", {free.Get() >= 1 && free.Get() <= 2 * kFree});

  Value<int> locked = Must(Value<int>::Create(0));
  run_two("locked", &AddWithItsLock, locked);
  const Gate held;
  const Gate tried;
  Process holder = Must(Process::Start({.method = method}, &HoldItsLock, locked, held, tried));
  held.Pass();
  Record("main", "try", {}, [&] { return locked.Acquire(Deadline::Now()); }).IgnoreError();  // In the trace.
  tried.Open();
  TellExit("holder", holder.Join());
  Tell("main", "locked", {locked.Get()});
}

void Negate(Array<int> array) {
  for (int64_t i = 0; i < array.size(); ++i) Must(array.Set(i, -*array.Get(i)));
}

void TellArray(const std::string& kind, const Array<int>& array) {
  Values values;
  for (const int element : array.Copy()) values.emplace_back(element);
  Tell("main", kind, std::move(values));
}

void PlayNegate(StartMethod method) {
  const Lock lock = Must(Lock::Create());
  const Value<int> number = Must(Value<int>::Create(0));
  const Array<int> array = Must(Array<int>::CreateFrom({0, 1, 2, 3, 4, 5, 6, 7, 8, 9}));
  TellArray("array", array);
  const Gate go;
  const Gate added;
  Process first = Must(Process::Start({.method = method}, &Add, "add1", number, 1, lock, added, go));
  Process second = Must(Process::Start({.method = method}, &Add, "add3", number, 3, lock, go, added));
  Process third = Must(Process::Start({.method = method}, &Negate, array));
  TellExit("negate", third.Join());
  TellArray("array", array);
  Tell("main", "main end");
  go.Open();
  TellExit("add1", first.Join());
  TellExit("add3", second.Join());
}

// What the documents' type codes are here: b B h H i I l L q Q f d.
template <template <class> class Of>
using OfAllTypes = std::tuple<Of<int8_t>, Of<uint8_t>, Of<int16_t>, Of<uint16_t>, Of<int32_t>, Of<uint32_t>,
                              Of<int64_t>, Of<uint64_t>, Of<long long>, Of<unsigned long long>, Of<float>, Of<double>>;
constexpr const char* kCodes = "bBhHiIlLqQfd";

void ChangeAll(OfAllTypes<Value> values, OfAllTypes<Array> arrays) {
  std::apply([](auto&... value) { (value.Set(static_cast<decltype(value.Get())>(value.Get() + 1)), ...); }, values);
  const auto double_all = [](auto& array) {
    for (int64_t i = 0; i < array.size(); ++i) {
      const auto element = Must(array.Get(i));
      Must(array.Set(i, static_cast<decltype(array.Copy())::value_type>(element * 2)));
    }
  };
  std::apply([&](auto&... array) { (double_all(array), ...); }, arrays);
}

void PlayTypes(StartMethod method) {
  OfAllTypes<Value> values;
  OfAllTypes<Array> arrays;
  OfAllTypes<Array> zeroed;
  const auto make = []<class T>(Value<T>& value, Array<T>& array, Array<T>& zeros) {
    value = Must(Value<T>::Create(7));
    array = Must(Array<T>::CreateFrom({1, 2, 3}));
    zeros = Must(Array<T>::Create(3));
  };
  [&]<size_t... kIndex>(std::index_sequence<kIndex...>) {
    (make(std::get<kIndex>(values), std::get<kIndex>(arrays), std::get<kIndex>(zeroed)), ...);
  }
  (std::make_index_sequence<12>());
  Process child = Must(Process::Start({.method = method}, &ChangeAll, values, arrays));
  TellExit("child", child.Join());
  const auto tell = [](const std::string& kind, char type, const auto& array) {
    Values told = {std::string(1, type)};
    for (const auto element : array.Copy()) told.emplace_back(static_cast<int64_t>(element));
    Tell("main", kind, std::move(told));
  };
  [&]<size_t... kIndex>(std::index_sequence<kIndex...>) {
    (Tell("main", "value", {std::string(1, kCodes[kIndex]), static_cast<int64_t>(std::get<kIndex>(values).Get())}),
     ...);
    (tell("array", kCodes[kIndex], std::get<kIndex>(arrays)), ...);
    (tell("zeroed", kCodes[kIndex], std::get<kIndex>(zeroed)), ...);
  }
  (std::make_index_sequence<12>());
  Array<int32_t>& array = std::get<4>(arrays);
  Record("main", "get past the end", {}, [&] { return array.Get(3).status(); }).IgnoreError();  // Both in the trace.
  Record("main", "set past the end", {}, [&] { return array.Set(3, 1); }).IgnoreError();
}

// For each type code: the code and then `numbers`.
std::vector<Values> OfEachCode(const Values& numbers) {
  std::vector<Values> all;
  for (const char* code = kCodes; *code != '\0'; ++code) {
    Values values = {std::string(1, *code)};
    values.insert(values.end(), numbers.begin(), numbers.end());
    all.push_back(std::move(values));
  }
  return all;
}

}  // namespace

std::vector<Scenario> ValueScenarios() {
  const Events line("line");
  const Values digits = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  const Values negated = {0, -1, -2, -3, -4, -5, -6, -7, -8, -9};
  return {
      {.id = "value/with-lock",
       .expectations = {AtMostAtOnce(Events("holding"), 1), Sequence(line.By("add1"), Single({0, 1, 2, 3, 4, 5})),
                        Sequence(line.By("add3"), Single({5, 8, 11, 14, 17, 20})),
                        Before(Events("main end"), line.By("add1")), Sequence(Events("number"), Single({20})),
                        EndsWith("add1", 0), EndsWith("add3", 0)},
       .play = &PlayWithLock},
      {.id = "value/lost-update",
       .expectations = {Sequence(Events("forced"), Single({3})), Sequence(Events("free is within"), Single({true})),
                        FailsWith(Events("try"), "timeout"), Sequence(Events("locked"), Single({2 * kFree + 1})),
                        EndsWith("first", 0), EndsWith("second", 0), EndsWith("free", 0), EndsWith("locked", 0),
                        EndsWith("holder", 0)},
       .play = &PlayLostUpdate},
      {.id = "array/negate",
       .expectations = {Sequence(Events("array"), {digits, negated}), Before(Events("array"), Events("main end")),
                        Sequence(line.By("add3"), Single({0, 3, 6, 9, 12, 15})),
                        Sequence(line.By("add1"), Single({15, 16, 17, 18, 19, 20})), EndsWith("negate", 0),
                        EndsWith("add1", 0), EndsWith("add3", 0)},
       .play = &PlayNegate},
      {.id = "array/types",
       .expectations = {Sequence(Events("value"), OfEachCode({8})), Sequence(Events("array"), OfEachCode({2, 4, 6})),
                        Sequence(Events("zeroed"), OfEachCode({0, 0, 0})),
                        FailsWith(Events("get past the end"), "invalid"),
                        FailsWith(Events("set past the end"), "invalid"), EndsWith("child", 0)},
       .play = &PlayTypes},
  };
}

}  // namespace regatta::conformance
