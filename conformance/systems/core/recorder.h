// How a scenario's actors say what happens to them: into the trace that $REGATTA_TRACE names.
//
//   Tell("child", "line", {1, "x"});                                              a moment
//   Record("writer", "put", {item}, [&] { return queue.Put(item); });             a call, with its error if it has one
//   Record("reader", "get", {}, [&] { return queue.Get(); });                     a call, with its result as values
//   { Inside holding("child", "holding"); ... }                                   being inside something
//
// Processes  Any that has the environment variable; each event is one write(2), so a death leaves whole lines.
// Failure    A process that can't write its trace, or for which Must doesn't hold, ends at once, having said why on
//            stderr.
#ifndef REGATTA_CONFORMANCE_SYSTEMS_CORE_RECORDER_H_
#define REGATTA_CONFORMANCE_SYSTEMS_CORE_RECORDER_H_

#include <concepts>
#include <cstdint>
#include <ranges>
#include <string>
#include <type_traits>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "conformance/checks/trace.h"
#include "core/process/exit_status.h"

namespace regatta::conformance {

// The kinds of error of FORMAT.md, "Traces", for the core's errors: the one place where they are told apart. Empty: OK.
std::string ErrorKind(const absl::Status& status);

void WriteEvent(int64_t begin, int64_t end, std::string actor, std::string kind, Values values, std::string error);

void Tell(std::string actor, std::string kind, Values values = {}, std::string error = {});

// How `process`, a role of the scenario, ended, for EndsWith of the checks.
void TellExit(std::string process, const absl::StatusOr<ExitStatus>& end);

// Without this the scenario can't be played.
void Must(const absl::Status& status);
template <class T>
T Must(absl::StatusOr<T> result) {
  Must(result.status());
  return *std::move(result);
}

// From its construction to its destruction.
class Inside {
 public:
  Inside(std::string actor, std::string kind, Values values = {});
  ~Inside();
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  int64_t begin_;
  std::string actor_;
  std::string kind_;
  Values values_;
};

namespace recorder_internal {

int64_t Clock();
inline const absl::Status& StatusOf(const absl::Status& status) { return status; }
template <class T>
const absl::Status& StatusOf(const absl::StatusOr<T>& result) {
  return result.status();
}

inline void AddResult(const absl::Status&, Values&) {}
template <class T>
void AddResult(const T& result, Values& values) {
  if constexpr (requires {
                  result.ok();
                  *result;
                }) {
    if (result.ok()) AddResult(*result, values);
  } else if constexpr (std::convertible_to<T, Value>) {
    values.push_back(result);
  } else if constexpr (std::ranges::range<T>) {
    for (const auto& element : result) AddResult(element, values);
  }
}

}  // namespace recorder_internal

// Calls `call`, which returns an absl::Status, a StatusOr or a plain value, and returns what it returned. A result that
// can be a value, or is a range of such, follows `values`.
template <class C>
auto Record(std::string actor, std::string kind, Values values, C&& call) {
  const int64_t begin = recorder_internal::Clock();
  auto result = std::forward<C>(call)();
  const int64_t end = recorder_internal::Clock();
  recorder_internal::AddResult(result, values);
  std::string error;
  if constexpr (requires { recorder_internal::StatusOf(result); }) {
    error = ErrorKind(recorder_internal::StatusOf(result));
  }
  WriteEvent(begin, end, std::move(actor), std::move(kind), std::move(values), std::move(error));
  return result;
}

}  // namespace regatta::conformance

#endif  // REGATTA_CONFORMANCE_SYSTEMS_CORE_RECORDER_H_
