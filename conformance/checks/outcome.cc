#include "conformance/checks/outcome.h"

#include <cstdint>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"

namespace regatta::conformance {
namespace {

using Objection = Expectation::Objection;

std::optional<Objection> Missing(const Events& events) {
  return Objection{absl::StrCat("there is no ", events.name())};
}

std::string Outcome(const std::string& error) { return error.empty() ? "success" : error; }

Expectation EndsAs(Events events, std::string error, std::string says) {
  return Expectation(std::move(says), [events, error](const Trace& trace) -> std::optional<Objection> {
    const std::vector<const Event*> all = events.In(trace);
    if (all.empty()) return Missing(events);
    for (const Event* event : all) {
      if (event->error != error) {
        return Objection{absl::StrCat("one ends with ", Outcome(event->error)), ToString(event->values)};
      }
    }
    return std::nullopt;
  });
}

}  // namespace

Expectation EndsWith(const std::string& process, int code) {
  const Events exits = Events("exit").With({process});
  std::string says = absl::StrCat(process, " ends with ", code);
  return Expectation(std::move(says), [exits, process, code](const Trace& trace) -> std::optional<Objection> {
    const std::vector<const Event*> all = exits.In(trace);
    if (all.empty()) return Missing(exits);
    for (const Event* event : all) {
      if (event->values != Values{process, code}) {
        return Objection{absl::StrCat("it is ", event->values.size() < 2 ? "absent" : event->values[1].ToString())};
      }
    }
    return std::nullopt;
  });
}

Expectation FailsWith(Events events, std::string error) {
  std::string says = absl::StrCat("each ", events.name(), " fails as ", error);
  return EndsAs(std::move(events), std::move(error), std::move(says));
}

Expectation Succeeds(Events events) {
  std::string says = absl::StrCat("each ", events.name(), " succeeds");
  return EndsAs(std::move(events), "", std::move(says));
}

Expectation NotSooner(Events events, absl::Duration least) {
  std::string says = absl::StrCat("each ", events.name(), " takes not less than ", absl::FormatDuration(least));
  return Expectation(std::move(says), [events, least](const Trace& trace) -> std::optional<Objection> {
    const std::vector<const Event*> all = events.In(trace);
    if (all.empty()) return Missing(events);
    for (const Event* event : all) {
      const absl::Duration took = absl::Nanoseconds(event->end - event->begin);
      if (took < least) return Objection{"one ends sooner", absl::StrCat("after ", absl::FormatDuration(took))};
    }
    return std::nullopt;
  });
}

Expectation SameValues(Events one, Events other) {
  std::string says = absl::StrCat(one.name(), " and ", other.name(), " have the same values");
  return Expectation(std::move(says), [one, other](const Trace& trace) -> std::optional<Objection> {
    std::vector<const Event*> all = one.In(trace);
    if (all.empty()) return Missing(one);
    const std::vector<const Event*> more = other.In(trace);
    if (more.empty()) return Missing(other);
    all.insert(all.end(), more.begin(), more.end());
    for (const Event* event : all) {
      if (event->values != all[0]->values) {
        return Objection{"they differ", absl::StrCat(ToString(all[0]->values), " and ", ToString(event->values))};
      }
    }
    return std::nullopt;
  });
}

Expectation OtherProcess(Events one, Events other) {
  std::string says = absl::StrCat(one.name(), " and ", other.name(), " happen in other processes");
  return Expectation(std::move(says), [one, other](const Trace& trace) -> std::optional<Objection> {
    std::set<int32_t> pids;
    for (const Event* event : one.In(trace)) pids.insert(event->pid);
    if (pids.empty()) return Missing(one);
    const std::vector<const Event*> others = other.In(trace);
    if (others.empty()) return Missing(other);
    for (const Event* event : others) {
      if (pids.contains(event->pid)) return Objection{"one has both", absl::StrCat("process ", event->pid)};
    }
    return std::nullopt;
  });
}

Expectation StandardErrorHas(Events texts) {
  std::string says = absl::StrCat("standard error has what ", texts.name(), " names");
  return Expectation(std::move(says), [texts](const Trace& trace) -> std::optional<Objection> {
    const std::vector<const Event*> all = texts.In(trace);
    if (all.empty()) return Missing(texts);
    for (const Event* event : all) {
      for (const Value& value : event->values) {
        if (value.text() != nullptr && !absl::StrContains(trace.standard_error, *value.text())) {
          return Objection{absl::StrCat(value.ToString(), " is missing"), trace.standard_error};
        }
      }
    }
    return std::nullopt;
  });
}

}  // namespace regatta::conformance
