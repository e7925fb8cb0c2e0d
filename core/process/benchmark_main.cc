// The main of benchmarks that start processes: Google Benchmark's, after Init.
#include "benchmark/benchmark.h"
#include "core/process/runtime.h"

int main(int argc, char** argv) {
  regatta::Init(&argc, &argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 1;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  return 0;
}
