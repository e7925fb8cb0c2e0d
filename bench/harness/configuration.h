// Configuration: what the arms are made for: this machine, the peers that are installed, and the user's options.
#ifndef REGATTA_BENCH_HARNESS_CONFIGURATION_H_
#define REGATTA_BENCH_HARNESS_CONFIGURATION_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "bench/harness/arm.h"
#include "bench/results/context.h"
#include "bench/table/benchmarks.h"
#include "core/topology/placement.h"
#include "core/topology/topology.h"

namespace regatta::bench {

// The user's options; the flags of main.cc.
struct Options {
  bool pin = true;
  std::string pin_refused;  // Why nothing is pinned although it was requested; else empty.
  std::string folder = "/usr/include";
  std::string scratch;  // Where the folder copier puts its copies; empty: the system's temporary folder.
  int64_t count_unit = 1'000'000;
  std::vector<int> workers;  // Worker counts of the workloads; empty: WorkerCounts of the usable processors.
  std::vector<int64_t> parent_mib = {0, 2048};
};

// The worker counts of a sweep to twice the processors: 1 to 4, then doubling, and once, one and a half times and twice
// as many as there are processors. Ascending, at least {1, 2, 3}.
std::vector<int> WorkerCounts(int processors);

// Processors for the parties of an arm. One of the two is set.
struct ArmPlacement {
  std::string name;         // As in keys: "other_core".
  std::vector<int> cpus;    // The measuring process's first; empty: not pinned.
  std::string unavailable;  // Why this machine hasn't got it.
  int processors_used = 1;
};

// The processors whose pairs are measured: all or, if there are more than kMaxPaired, that many, evenly spread and in
// adjacent pairs. So both near and far pairs are measured, and there are at most 64 of them.
inline constexpr size_t kMaxPaired = 8;
std::vector<int> ProcessorsToPair(const std::vector<int>& processors);

class Configuration {
 public:
  Configuration(Topology topology, Options options, std::vector<Availability> peers);

  const Topology& topology() const { return topology_; }
  const Options& options() const { return options_; }
  const std::vector<Availability>& peers() const { return peers_; }
  const std::vector<int>& worker_counts() const { return worker_counts_; }

  // An arm of the benchmark `row` with its key, processors and availability filled in. What it runs is for the caller
  // to add.
  Arm NewArm(const Benchmark& row, absl::string_view system, std::vector<std::pair<std::string, std::string>> fields,
             const ArmPlacement& placement) const;
  // Sets arm.absent if the peer isn't installed.
  void MarkAbsent(Arm& arm, absl::string_view peer) const;

  // For two parties: same_cpu and other_core, offered or not, and whatever else this machine can tell apart; `unpinned`
  // alone when nothing is to be pinned.
  std::vector<ArmPlacement> Pairs() const;
  // Two parties on every two of the allowed processors, as far as ProcessorsToPair takes them, each way, and both on
  // each alone. None when nothing is to be pinned.
  std::vector<ArmPlacement> AllPairs() const;
  // For a submitter and `workers` of a pool, in that order: each of Pairs()' placements for all workers.
  std::vector<ArmPlacement> PoolPairs(int workers) const;
  // For a submitter and workers over all allowed processors, the submitter's own last.
  ArmPlacement Spread(int workers) const;
  // Nobody is pinned.
  ArmPlacement Unpinned(int workers) const;
  // The first allowed processor, for work of one process.
  ArmPlacement Alone() const;

 private:
  std::vector<Placement> Offered() const;

  Topology topology_;
  Options options_;
  std::vector<Availability> peers_;
  std::vector<int> worker_counts_;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_CONFIGURATION_H_
