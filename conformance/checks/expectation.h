// Expectation: something that must hold of every correct run's trace.
//
// A value: copy it, combine it (AnyOf, AllOf). What it says is one sentence. If it doesn't hold, the failure's headline
// is this sentence and, after a colon, why not, in words that are the same in every run; what differs (pids, times) is
// detail. Known failures are told by their headlines.
#ifndef REGATTA_CONFORMANCE_CHECKS_EXPECTATION_H_
#define REGATTA_CONFORMANCE_CHECKS_EXPECTATION_H_

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "conformance/checks/trace.h"

namespace regatta::conformance {

struct Failure {
  std::string headline;
  std::string detail;
};

class Expectation {
 public:
  // Why the trace isn't as it must be; none: it is.
  struct Objection {
    std::string why;
    std::string detail = {};
  };
  using Check = std::function<std::optional<Objection>(const Trace& trace)>;

  Expectation(std::string says, Check check) : says_(std::move(says)), check_(std::move(check)) {}

  const std::string& says() const { return says_; }
  std::optional<Failure> Against(const Trace& trace) const {
    std::optional<Objection> objection = check_(trace);
    if (!objection.has_value()) return std::nullopt;
    return Failure{says_ + ": " + objection->why, std::move(objection->detail)};
  }

 private:
  std::string says_;
  Check check_;
};

using Expectations = std::vector<Expectation>;

// One of them holds: where the scheduler may choose.
Expectation AnyOf(std::string says, Expectations choices);
// All hold: one branch of an AnyOf.
Expectation AllOf(std::string says, Expectations parts);

}  // namespace regatta::conformance

#endif  // REGATTA_CONFORMANCE_CHECKS_EXPECTATION_H_
