// ArmPattern: some of a benchmark's arms, written as they are in keys.
//
//   core,ring/bytes:64/placement:!same_cpu     the systems core and ring, with 64 bytes, not on one processor
//   serial|pool/workers:2,N                    serial, or pool with 2 workers or with as many as there are processors
//
// A part is the system or a field with its value. Values are separated by commas; '!' before them excludes them.
// Alternatives are separated by '|'. Parts that are left out match everything, so "" matches all arms.
#ifndef REGATTA_BENCH_TABLE_ARM_PATTERN_H_
#define REGATTA_BENCH_TABLE_ARM_PATTERN_H_

#include <functional>
#include <string_view>

namespace regatta::bench {

// Returns the value of a field of an arm's key; "" without that field. The name "" stands for the system.
using FieldOf = std::function<std::string_view(std::string_view name)>;

// `processors`: what N stands for.
bool MatchesArm(std::string_view pattern, const FieldOf& field, int processors = 0);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_TABLE_ARM_PATTERN_H_
