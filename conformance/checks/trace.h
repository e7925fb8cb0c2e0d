// Trace: what a scenario left behind, as data. Nothing in it tells which system ran.
//
// Clock      All times are CLOCK_MONOTONIC in nanoseconds, one clock for all processes.
// Intervals  An event that stands for a call begins before the call and ends after it; one that stands for being inside
//            (holding a lock, running a task) begins once inside and ends before leaving. So an order or an overlap
//            that a trace shows did happen; one that it doesn't show may have happened all the same.
// Format     trace_format.h, described in FORMAT.md.
#ifndef REGATTA_CONFORMANCE_CHECKS_TRACE_H_
#define REGATTA_CONFORMANCE_CHECKS_TRACE_H_

#include <concepts>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace regatta::conformance {

// Nothing, a truth, a whole number or a text.
class Value {
 public:
  Value() = default;
  Value(bool truth)
      : kind_(Kind::kTruth), number_(truth) {}  // NOLINT(google-explicit-constructor): lists of values read as such.
  template <std::integral T>
  requires(!std::same_as<T, bool>) Value(T number)
      : kind_(Kind::kNumber), number_(static_cast<int64_t>(number)) {}     // NOLINT(google-explicit-constructor)
  Value(std::string text) : kind_(Kind::kText), text_(std::move(text)) {}  // NOLINT(google-explicit-constructor)
  Value(const char* text) : Value(std::string(text)) {}                    // NOLINT(google-explicit-constructor)

  bool absent() const { return kind_ == Kind::kAbsent; }
  // None if it is of another kind.
  std::optional<bool> truth() const { return kind_ == Kind::kTruth ? std::optional(number_ != 0) : std::nullopt; }
  std::optional<int64_t> number() const { return kind_ == Kind::kNumber ? std::optional(number_) : std::nullopt; }
  const std::string* text() const { return kind_ == Kind::kText ? &text_ : nullptr; }
  // As JSON has it: null, true, -15, "a".
  std::string ToString() const;

  friend bool operator==(const Value&, const Value&) = default;
  friend auto operator<=>(const Value&, const Value&) = default;

 private:
  enum class Kind { kAbsent, kTruth, kNumber, kText };
  Kind kind_ = Kind::kAbsent;
  int64_t number_ = 0;
  std::string text_;
};

using Values = std::vector<Value>;
// "[1, "a", null]".
std::string ToString(const Values& values);
std::string ToString(const std::vector<Values>& list);

struct Event {
  int64_t begin = 0;
  int64_t end = 0;    // Not before begin.
  int32_t pid = 0;    // The process that it happened in.
  std::string actor;  // Who it happened to: a role of the scenario, "writer".
  std::string kind;   // What: "put".
  Values values;
  std::string error;  // The kind of error that it ended with; empty: none.

  friend bool operator==(const Event&, const Event&) = default;
};

struct Trace {
  std::vector<Event> events;  // In order of their begin.
  // What the testee and its children printed.
  std::string standard_output;
  std::string standard_error;
};

}  // namespace regatta::conformance

#endif  // REGATTA_CONFORMANCE_CHECKS_TRACE_H_
