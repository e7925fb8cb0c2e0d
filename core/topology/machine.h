// Machine: a description of the machine for reports, and a fingerprint to tell whether two results are of machines
// alike.
#ifndef REGATTA_CORE_TOPOLOGY_MACHINE_H_
#define REGATTA_CORE_TOPOLOGY_MACHINE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "core/topology/topology.h"

namespace regatta {

struct Machine {
  // Caches that are alike.
  struct CacheGroup {
    int level = 0;
    Topology::Cache::Kind kind = Topology::Cache::Kind::kUnified;
    int64_t bytes = 0;  // of each
    int cpus_each = 0;  // how many processors share one
    int count = 0;
  };

  std::string model;             // "AMD EPYC"; "unknown" if the system doesn't tell
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

  // Names and values as text, in a fixed order, for a results file: cpu_model, architecture, kernel, virtual_machine,
  // memory, sockets, cores, cpus, allowed_cpus, usable_cpus, cpu_quota, caches, numa_nodes, placements,
  // machine_fingerprint.
  std::vector<std::pair<std::string, std::string>> Facts() const;

  // The hardware as shown to us, in readable text without blanks: model, counts and caches. Neither kernel, memory nor
  // what is allowed is in it, so it stays over reboots, updates and taskset. Alike machines have the same.
  std::string Fingerprint() const;
};

// `root` is the folder under which proc/ and sys/ are looked up, for what hwloc doesn't tell.
Machine DescribeMachine(const Topology& topology, const std::string& root = "/");

// "L2 1 MiB x2": the caches' size and number.
std::string CacheText(const Machine::CacheGroup& group);
// "L1d".
std::string CacheName(int level, Topology::Cache::Kind kind);
// "node 1 64 GiB"; where there is one only, its memory is the machine's, and left out.
std::string NodeText(const Machine& machine, const Topology::Node& node);
// "48 KiB", "23.4 GiB"; "unknown size" for 0.
std::string FormatBytes(int64_t bytes);

}  // namespace regatta

#endif  // REGATTA_CORE_TOPOLOGY_MACHINE_H_
