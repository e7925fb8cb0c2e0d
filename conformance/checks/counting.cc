#include "conformance/checks/counting.h"

#include <algorithm>
#include <cstdint>
#include <iterator>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"

namespace regatta::conformance {
namespace {

using Objection = Expectation::Objection;

std::vector<Values> Sorted(const std::vector<const Event*>& events) {
  std::vector<Values> list;
  list.reserve(events.size());
  for (const Event* event : events) list.push_back(event->values);
  std::sort(list.begin(), list.end());
  return list;
}

// What is in `a` more often than in `b`.
std::vector<Values> Surplus(const std::vector<Values>& a, const std::vector<Values>& b) {
  std::vector<Values> surplus;
  std::set_difference(a.begin(), a.end(), b.begin(), b.end(), std::back_inserter(surplus));
  return surplus;
}

std::optional<Objection> Compare(const std::vector<Values>& seen, const std::vector<Values>& expected) {
  std::string why;
  if (const std::vector<Values> missing = Surplus(expected, seen); !missing.empty()) {
    absl::StrAppend(&why, "missing ", ToString(missing));
  }
  if (const std::vector<Values> extra = Surplus(seen, expected); !extra.empty()) {
    absl::StrAppend(&why, why.empty() ? "" : ", ", "too many ", ToString(extra));
  }
  if (why.empty()) return std::nullopt;
  return Objection{why};
}

}  // namespace

Expectation Exactly(size_t count, Events events) {
  std::string says = absl::StrCat("exactly ", count, " of ", events.name());
  return Expectation(std::move(says), [count, events](const Trace& trace) -> std::optional<Objection> {
    const size_t seen = events.In(trace).size();
    if (seen == count) return std::nullopt;
    return Objection{absl::StrCat("there are ", seen)};
  });
}

Expectation AtLeast(size_t count, Events events) {
  std::string says = absl::StrCat("at least ", count, " of ", events.name());
  return Expectation(std::move(says), [count, events](const Trace& trace) -> std::optional<Objection> {
    const size_t seen = events.In(trace).size();
    if (seen >= count) return std::nullopt;
    return Objection{absl::StrCat("there are ", seen)};
  });
}

Expectation Never(Events events) {
  std::string says = absl::StrCat("never a ", events.name());
  return Expectation(std::move(says), [events](const Trace& trace) -> std::optional<Objection> {
    const std::vector<const Event*> seen = events.In(trace);
    if (seen.empty()) return std::nullopt;
    return Objection{"there is one", absl::StrCat(seen.size(), ", the first of ", ToString(seen[0]->values))};
  });
}

Expectation Multiset(Events events, std::vector<Values> expected) {
  std::sort(expected.begin(), expected.end());
  std::string says = absl::StrCat(events.name(), " gives, in any order, ", ToString(expected));
  return Expectation(std::move(says),
                     [events, expected](const Trace& trace) { return Compare(Sorted(events.In(trace)), expected); });
}

Expectation SameMultiset(Events one, Events other) {
  std::string says = absl::StrCat(other.name(), " has the values of ", one.name());
  return Expectation(std::move(says), [one, other](const Trace& trace) -> std::optional<Objection> {
    const std::vector<Values> expected = Sorted(one.In(trace));
    if (expected.empty()) return Objection{absl::StrCat("there is no ", one.name())};
    return Compare(Sorted(other.In(trace)), expected);
  });
}

Expectation Processes(size_t count, Events events) {
  std::string says = absl::StrCat(events.name(), " happens in ", count, count == 1 ? " process" : " processes");
  return Expectation(std::move(says), [count, events](const Trace& trace) -> std::optional<Objection> {
    std::set<int32_t> pids;
    for (const Event* event : events.In(trace)) pids.insert(event->pid);
    if (pids.size() == count) return std::nullopt;
    return Objection{absl::StrCat("it is ", pids.size())};
  });
}

}  // namespace regatta::conformance
