// Events: a choice of a trace's events, by kind, actor, values and error.
//
//   Events("put")                      all puts
//   Events("put").By("writer")         the writer's
//   Events("put").With({3})            those whose values begin with 3
//   Events("put").Ok()                 those that ended without an error
//   Events("put").Failed("full")       those that ended with that one
#ifndef REGATTA_CONFORMANCE_CHECKS_EVENTS_H_
#define REGATTA_CONFORMANCE_CHECKS_EVENTS_H_

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "conformance/checks/trace.h"

namespace regatta::conformance {

class Events {
 public:
  explicit Events(std::string kind) : kind_(std::move(kind)) {}

  Events By(std::string actor) const;
  Events With(Values values) const;
  Events Ok() const;
  Events Failed(std::string error) const;

  // In order of their begin.
  std::vector<const Event*> In(const Trace& trace) const;
  // For messages: `put by writer`.
  std::string name() const;

 private:
  std::string kind_;
  std::optional<std::string> actor_;
  Values values_;
  std::optional<std::string> error_;
};

}  // namespace regatta::conformance

#endif  // REGATTA_CONFORMANCE_CHECKS_EVENTS_H_
