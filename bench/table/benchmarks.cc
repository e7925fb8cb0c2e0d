#include "bench/table/benchmarks.h"

#include <algorithm>

namespace regatta::bench {

const Benchmark* FindRow(std::string_view key) {
  const auto row = std::find_if(std::begin(kBenchmarks), std::end(kBenchmarks),
                                [&](const Benchmark& one) { return one.key == key; });
  return row == std::end(kBenchmarks) ? nullptr : row;
}

}  // namespace regatta::bench
