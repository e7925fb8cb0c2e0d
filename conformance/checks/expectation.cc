#include "conformance/checks/expectation.h"

#include "absl/strings/str_cat.h"

namespace regatta::conformance {

Expectation AnyOf(std::string says, Expectations choices) {
  return Expectation(std::move(says), [choices = std::move(choices)](const Trace& trace) {
    std::string all;
    for (const Expectation& choice : choices) {
      const std::optional<Failure> failure = choice.Against(trace);
      if (!failure.has_value()) return std::optional<Expectation::Objection>();
      absl::StrAppend(&all, all.empty() ? "" : "\n", failure->headline);
      if (!failure->detail.empty()) absl::StrAppend(&all, " (", failure->detail, ")");
    }
    return std::optional<Expectation::Objection>({.why = "none of its cases holds", .detail = all});
  });
}

Expectation AllOf(std::string says, Expectations parts) {
  return Expectation(std::move(says), [parts = std::move(parts)](const Trace& trace) {
    for (const Expectation& part : parts) {
      if (std::optional<Failure> failure = part.Against(trace)) {
        return std::optional<Expectation::Objection>(
            {.why = std::move(failure->headline), .detail = std::move(failure->detail)});
      }
    }
    return std::optional<Expectation::Objection>();
  });
}

}  // namespace regatta::conformance
