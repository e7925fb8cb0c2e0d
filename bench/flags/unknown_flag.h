// UnknownFlag: for the programs //bench, //reports and //bench:trust.
#ifndef REGATTA_BENCH_FLAGS_UNKNOWN_FLAG_H_
#define REGATTA_BENCH_FLAGS_UNKNOWN_FLAG_H_

#include <span>
#include <string>

namespace regatta::bench {

// Returns the first argument that looks like a flag and is none; "" if all flags are known. Abseil's own parser refuses
// an unknown flag too, but its message doesn't name the way out.
std::string UnknownFlag(std::span<const char* const> arguments);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_FLAGS_UNKNOWN_FLAG_H_
