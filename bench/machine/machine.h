// Machine: a description of the machine for reports, and a fingerprint that shows whether two results come from
// machines of the same kind.
#ifndef REGATTA_BENCH_MACHINE_MACHINE_H_
#define REGATTA_BENCH_MACHINE_MACHINE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/topology/topology.h"

namespace regatta::bench {

struct Machine {
  // Caches of the same level, kind and size.
  struct CacheGroup {
    int level = 0;
    Topology::Cache::Kind kind = Topology::Cache::Kind::kUnified;
    int64_t bytes = 0;  // of each
    int cpus_each = 0;  // how many processors share one
    int count = 0;
  };

  std::string model;             // "AMD EPYC"; "unknown" if the system doesn't show it
  std::string architecture;      // "x86_64"
  std::string kernel;            // "6.1.0-18-amd64"
  bool virtual_machine = false;  // a hypervisor shows itself
  int64_t memory_bytes = 0;      // 0: not known
  int sockets = 0;
  int cores = 0;
  int cpus = 0;
  std::vector<int> allowed;
  int usable_cpus = 0;             // allowed, or the quota where less
  double cpu_quota = 0;            // in processors; infinity: none, or not to be read
  std::vector<CacheGroup> caches;  // from the innermost outwards
  std::vector<Topology::Node> nodes;
  std::vector<Placement> placements;

  // Returns names and values as text, in a fixed order, for a results file: cpu_model, architecture, kernel,
  // virtual_machine, memory, sockets, cores, cpus, allowed_cpus, usable_cpus, cpu_quota, caches, numa_nodes,
  // placements, machine_fingerprint.
  std::vector<std::pair<std::string, std::string>> Facts() const;

  // Returns the hardware as readable text without blanks: model, counts and caches. The kernel, the memory and the
  // allowed processors are not in it, so reboots, updates and taskset don't change it. Machines of the same kind have
  // the same fingerprint.
  std::string Fingerprint() const;
};

// Reads what hwloc doesn't know from proc/ and sys/ in the folder `root`.
Machine DescribeMachine(const Topology& topology, const std::string& root = "/");

// Returns the caches' size and number, for example "L2 1 MiB x2".
std::string CacheText(const Machine::CacheGroup& group);
// Returns for example "L1d".
std::string CacheName(int level, Topology::Cache::Kind kind);
// Returns for example "node 1 64 GiB". If there is one node only, its memory is that of the machine and is left out.
std::string NodeText(const Machine& machine, const Topology::Node& node);
// Returns for example "48 KiB" or "23.4 GiB", and "unknown size" for 0.
std::string FormatBytes(int64_t bytes);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_MACHINE_MACHINE_H_
