// DrawMachine: a picture of the machine in plain ASCII, for a terminal or a monospaced block of a page.
#ifndef REGATTA_BENCH_MACHINE_DRAWING_H_
#define REGATTA_BENCH_MACHINE_DRAWING_H_

#include <string>

#include "bench/machine/machine.h"
#include "core/topology/topology.h"

namespace regatta::bench {

// Returns a heading, a box for each socket with its memory nodes, the caches that cores share and the processors, and
// the placements that differ on this machine. Lines have at most 80 columns, except for long names. `machine` describes
// `topology`.
std::string DrawMachine(const Topology& topology, const Machine& machine);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_MACHINE_DRAWING_H_
