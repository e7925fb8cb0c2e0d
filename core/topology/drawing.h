// DrawMachine: a picture of the machine in plain ASCII, for a terminal or a monospaced block of a page.
#ifndef REGATTA_CORE_TOPOLOGY_DRAWING_H_
#define REGATTA_CORE_TOPOLOGY_DRAWING_H_

#include <string>

#include "core/topology/machine.h"
#include "core/topology/topology.h"

namespace regatta {

// A heading, a box for each socket with its memory nodes, the caches that cores share and the processors (at most 80
// columns, but for long names), and the placements that can be told apart here. `machine` describes `topology`.
std::string DrawMachine(const Topology& topology, const Machine& machine);

}  // namespace regatta

#endif  // REGATTA_CORE_TOPOLOGY_DRAWING_H_
