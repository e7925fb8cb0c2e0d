// Expectations on how many events, and on which values as a multiset.
#ifndef REGATTA_CONFORMANCE_CHECKS_COUNTING_H_
#define REGATTA_CONFORMANCE_CHECKS_COUNTING_H_

#include <cstddef>
#include <vector>

#include "conformance/checks/events.h"
#include "conformance/checks/expectation.h"
#include "conformance/checks/trace.h"

namespace regatta::conformance {

Expectation Exactly(size_t count, Events events);
Expectation AtLeast(size_t count, Events events);
// None at all.
Expectation Never(Events events);

// The events' values are these, in any order.
Expectation Multiset(Events events, std::vector<Values> expected);
// What one choice of events has as values the other has too, as often: nothing lost, made up or doubled.
Expectation SameMultiset(Events one, Events other);

// They happen in exactly so many processes.
Expectation Processes(size_t count, Events events);

}  // namespace regatta::conformance

#endif  // REGATTA_CONFORMANCE_CHECKS_COUNTING_H_
