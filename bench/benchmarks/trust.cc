// trust: some work of other benchmarks as it is, and slower by a known share (bench/trust_arms.h).
#include "bench/benchmarks/add_arms.h"
#include "bench/trust_arms.h"

namespace regatta::bench {

template <>
void AddArms<RowIndex("trust")>(const Benchmark&, const Configuration&, std::vector<Arm>& arms) {
  AddTrust(arms);
}

}  // namespace regatta::bench
