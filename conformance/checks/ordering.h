// Expectations on order and overlap. Each fails if an event that it names is missing, unless its own comment says
// otherwise.
#ifndef REGATTA_CONFORMANCE_CHECKS_ORDERING_H_
#define REGATTA_CONFORMANCE_CHECKS_ORDERING_H_

#include <cstddef>
#include <vector>

#include "conformance/checks/events.h"
#include "conformance/checks/expectation.h"
#include "conformance/checks/trace.h"

namespace regatta::conformance {

// Each of `first` ended before any of `second` began.
Expectation Before(Events first, Events second);

// At no moment are more than `most` of them certainly under way. There may be none.
Expectation AtMostAtOnce(Events events, size_t most);
// At some moment `count` of them are certainly under way.
Expectation Together(Events events, size_t count);

// There are some of each, and each of `inner` lies within one of `outer`.
Expectation Within(Events inner, Events outer);

// Ordered by their begin, the events' values are exactly these. Single({1, 2}) is the list of [1] and [2].
std::vector<Values> Single(const Values& values);
Expectation Sequence(Events events, std::vector<Values> expected);
// Ordered by their begin, the events' values are the beginning of these, `at_least` of them.
Expectation Prefix(Events events, std::vector<Values> whole, size_t at_least);
// The events' values are these, each once; and when one begins, at most `late` of those before it have yet to begin.
Expectation AlmostInOrder(Events events, std::vector<Values> order, size_t late);

// Items (the values of an event) that one actor put are got, by any one actor, in the order put. Items must differ.
// Those that were never got, or never put, are another expectation's matter: see SameMultiset.
Expectation OrderOfEachProducer(Events puts, Events gets);

}  // namespace regatta::conformance

#endif  // REGATTA_CONFORMANCE_CHECKS_ORDERING_H_
