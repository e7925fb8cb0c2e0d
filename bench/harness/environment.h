// Environment: what a figure was measured in, recorded with it.
#ifndef REGATTA_BENCH_HARNESS_ENVIRONMENT_H_
#define REGATTA_BENCH_HARNESS_ENVIRONMENT_H_

#include <cstdint>
#include <string>
#include <vector>

#include "bench/harness/configuration.h"
#include "bench/peers/availability.h"
#include "core/topology/topology.h"

namespace regatta::bench {

struct Environment {
  std::string date_utc;  // 2024-11-21T08:00:00Z
  std::string kernel;    // "Linux 6.1.0"
  std::string cpu_model;
  int64_t memory_bytes = 0;
  std::string
      huge_pages;  // The kernel's setting for transparent ones: it decides what a fork of a large process costs.
  std::string clock_source;
  std::string compiler;  // "gcc 12.2.0"
  bool optimised = false;
  std::string sanitizer;    // "address", "thread"; empty: none.
  std::string fingerprint;  // Equal ones mean comparable machines.
  std::string topology;     // The picture.
  std::vector<Topology::Processor> machine;
  std::vector<Topology::Cache> caches;
  int processors = 0;
  int cores = 0;
  int l3_caches = 0;
  int sockets = 0;
  int nodes = 0;
  std::vector<int> allowed_cpus;
  std::vector<Availability> peers;
  std::string folder;
  std::string pin_refused;  // Why nothing is pinned although it was requested; else empty.
};

Environment ReadEnvironment(const Configuration& configuration);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_ENVIRONMENT_H_
