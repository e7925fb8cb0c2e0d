// AddArms: makes the arms of one row of the table of benchmarks. The file of a benchmark defines it for its row:
//
//   template <>
//   void AddArms<RowIndex("lock_unlock")>(const Benchmark& row, const Configuration& configuration,
//                                         std::vector<Arm>& arms) {
//
// A row without a definition fails to link. A definition without a row does not compile.
#ifndef REGATTA_BENCH_BENCHMARKS_ADD_ARMS_H_
#define REGATTA_BENCH_BENCHMARKS_ADD_ARMS_H_

#include <cstddef>
#include <vector>

#include "bench/harness/arm.h"
#include "bench/harness/configuration.h"
#include "bench/table/benchmarks.h"

namespace regatta::bench {

// `arms`: those of the rows above.
template <size_t row_index>
void AddArms(const Benchmark& row, const Configuration& configuration, std::vector<Arm>& arms);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_BENCHMARKS_ADD_ARMS_H_
