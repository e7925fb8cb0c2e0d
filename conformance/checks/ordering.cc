#include "conformance/checks/ordering.h"

#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/types/span.h"

namespace regatta::conformance {
namespace {

using Objection = Expectation::Objection;

std::optional<Objection> Missing(const Events& events) {
  return Objection{absl::StrCat("there is no ", events.name())};
}

// The most events that are under way at one moment. Those that only touch are not: one may have caused the other.
size_t MostAtOnce(const std::vector<const Event*>& events) {
  std::vector<std::pair<int64_t, int>> changes;
  for (const Event* event : events) {
    if (event->begin == event->end) continue;  // A moment is within no other's interior for sure.
    changes.emplace_back(event->begin, 1);
    changes.emplace_back(event->end, -1);
  }
  std::sort(changes.begin(), changes.end());  // At one moment the ends come first.
  size_t now = 0;
  size_t most = 0;
  for (const auto& [time, change] : changes) {
    now += static_cast<size_t>(change);
    most = std::max(most, now);
  }
  return most;
}

std::vector<Values> ValuesOf(const std::vector<const Event*>& events) {
  std::vector<Values> list;
  list.reserve(events.size());
  for (const Event* event : events) list.push_back(event->values);
  return list;
}

std::string Shown(const std::vector<Values>& list) { return list.empty() ? "nothing" : ToString(list); }

}  // namespace

Expectation Before(Events first, Events second) {
  std::string says = absl::StrCat("each ", first.name(), " ends before any ", second.name(), " begins");
  return Expectation(std::move(says), [first, second](const Trace& trace) -> std::optional<Objection> {
    const std::vector<const Event*> a = first.In(trace);
    const std::vector<const Event*> b = second.In(trace);
    if (a.empty()) return Missing(first);
    if (b.empty()) return Missing(second);
    const Event* last = *std::max_element(a.begin(), a.end(), [](auto* x, auto* y) { return x->end < y->end; });
    if (last->end < b[0]->begin) return std::nullopt;
    return Objection{"it is not so", absl::StrCat(ToString(last->values), " ended ", last->end - b[0]->begin,
                                                  " ns after ", ToString(b[0]->values), " began")};
  });
}

Expectation AtMostAtOnce(Events events, size_t most) {
  std::string says = absl::StrCat("at most ", most, " of ", events.name(), " at once");
  return Expectation(std::move(says), [events, most](const Trace& trace) -> std::optional<Objection> {
    const size_t seen = MostAtOnce(events.In(trace));
    if (seen <= most) return std::nullopt;
    return Objection{"more overlap", absl::StrCat(seen, " do")};
  });
}

Expectation Together(Events events, size_t count) {
  std::string says = absl::StrCat("at some moment ", count, " of ", events.name(), " are under way");
  return Expectation(std::move(says), [events, count](const Trace& trace) -> std::optional<Objection> {
    const size_t seen = MostAtOnce(events.In(trace));
    if (seen >= count) return std::nullopt;
    return Objection{"never so many", absl::StrCat("at most ", seen)};
  });
}

Expectation Within(Events inner, Events outer) {
  std::string says = absl::StrCat("each ", inner.name(), " lies within ", outer.name());
  return Expectation(std::move(says), [inner, outer](const Trace& trace) -> std::optional<Objection> {
    const std::vector<const Event*> in = inner.In(trace);
    const std::vector<const Event*> out = outer.In(trace);
    if (in.empty()) return Missing(inner);
    if (out.empty()) return Missing(outer);
    for (const Event* event : in) {
      const auto holds_it = [&](const Event* span) { return span->begin <= event->begin && event->end <= span->end; };
      if (std::none_of(out.begin(), out.end(), holds_it)) return Objection{"one doesn't", ToString(event->values)};
    }
    return std::nullopt;
  });
}

std::vector<Values> Single(const Values& values) {
  std::vector<Values> list;
  list.reserve(values.size());
  for (const Value& value : values) list.push_back({value});
  return list;
}

Expectation Sequence(Events events, std::vector<Values> expected) {
  std::string says = absl::StrCat(events.name(), " gives, in order, ", Shown(expected));
  return Expectation(std::move(says), [events, expected](const Trace& trace) -> std::optional<Objection> {
    const std::vector<Values> seen = ValuesOf(events.In(trace));
    if (seen == expected) return std::nullopt;
    return Objection{absl::StrCat("it gives ", Shown(seen))};
  });
}

Expectation Prefix(Events events, std::vector<Values> whole, size_t at_least) {
  std::string says =
      absl::StrCat(events.name(), " gives, in order, the first ", at_least, " or more of ", Shown(whole));
  return Expectation(std::move(says), [events, whole, at_least](const Trace& trace) -> std::optional<Objection> {
    const std::vector<Values> seen = ValuesOf(events.In(trace));
    const bool is_prefix = seen.size() <= whole.size() && std::equal(seen.begin(), seen.end(), whole.begin());
    if (is_prefix && seen.size() >= at_least) return std::nullopt;
    return Objection{absl::StrCat("it gives ", Shown(seen))};
  });
}

Expectation AlmostInOrder(Events events, std::vector<Values> order, size_t late) {
  std::string says =
      absl::StrCat(events.name(), " begins in the order ", Shown(order), ", at most ", late, " overtaken");
  return Expectation(std::move(says), [events, order, late](const Trace& trace) -> std::optional<Objection> {
    const std::vector<Values> seen = ValuesOf(events.In(trace));
    if (!std::is_permutation(seen.begin(), seen.end(), order.begin(), order.end())) {
      return Objection{"there are others", Shown(seen)};
    }
    for (size_t place = 0; place < order.size(); ++place) {
      const auto itself = std::find(seen.begin(), seen.end(), order[place]);
      const auto predecessors = absl::MakeConstSpan(order).first(place);
      const auto late_ones = std::count_if(itself, seen.end(), [&](const Values& later) {
        return std::find(predecessors.begin(), predecessors.end(), later) != predecessors.end();
      });
      if (late_ones > static_cast<ptrdiff_t>(late)) {
        return Objection{"it is not so",
                         absl::StrCat(ToString(order[place]), " begins before ", late_ones, " of them: ", Shown(seen))};
      }
    }
    return std::nullopt;
  });
}

Expectation OrderOfEachProducer(Events puts, Events gets) {
  std::string says = absl::StrCat("what one actor put by ", puts.name(), " is got in that order by ", gets.name());
  return Expectation(std::move(says), [puts, gets](const Trace& trace) -> std::optional<Objection> {
    const std::vector<const Event*> put = puts.In(trace);
    const std::vector<const Event*> got = gets.In(trace);
    if (put.empty()) return Missing(puts);
    if (got.empty()) return Missing(gets);
    // By item: who put it, as its how manieth.
    std::map<Values, std::pair<std::string, size_t>> origin;
    std::map<std::string, size_t> counts;
    for (const Event* event : put) {
      if (!origin.emplace(event->values, std::pair(event->actor, ++counts[event->actor])).second) {
        return Objection{absl::StrCat(ToString(event->values), " was put twice, so that no order can be seen")};
      }
    }
    std::map<std::pair<std::string, std::string>, std::pair<size_t, Values>> last;  // By producer and consumer.
    for (const Event* event : got) {
      const auto item = origin.find(event->values);
      if (item == origin.end()) continue;
      const auto& [producer, place] = item->second;
      auto& [last_place, last_item] = last[{producer, event->actor}];
      if (place <= last_place) {
        return Objection{"it is not so", absl::StrCat(event->actor, " got ", ToString(event->values), " of ", producer,
                                                      " after ", ToString(last_item))};
      }
      last_place = place;
      last_item = event->values;
    }
    return std::nullopt;
  });
}

}  // namespace regatta::conformance
