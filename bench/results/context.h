// Context: the machine and the build that figures were measured on, as bench/RESULTS.md describes it.
#ifndef REGATTA_BENCH_RESULTS_CONTEXT_H_
#define REGATTA_BENCH_RESULTS_CONTEXT_H_

#include <optional>
#include <string>
#include <vector>

namespace regatta::bench {

// Whether a peer can be raced on this machine. An absent one is reported, with the reason, never left out silently.
struct Availability {
  std::string system;
  bool present = false;
  std::string version;
  std::string reason;  // Why absent, and the way out.

  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("system", self.system, "present", self.present, "version", self.version, "reason", self.reason);
  }
};

// A processor, and the numbers of its core, socket, L3 cache and memory node. -1: it has none, or none is known.
struct Processor {
  int cpu = -1;
  int core = -1;
  int socket = -1;
  int l3 = -1;
  int node = -1;

  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("cpu", self.cpu, "core", self.core, "socket", self.socket, "l3", self.l3, "node", self.node);
  }
};

struct Cache {
  int level = 0;
  std::string kind;  // "unified", "data", "instruction"
  std::optional<double> bytes;
  std::vector<int> cpus;

  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("level", self.level, "kind", self.kind, "bytes", self.bytes, "cpus", self.cpus);
  }
};

struct Context {
  std::string date_utc;  // 2024-11-21T08:00:00Z
  std::string kernel;    // "Linux 6.1.0"
  std::string cpu_model;
  std::optional<double> memory_bytes;
  // The kernel's setting for transparent huge pages: it decides what a fork of a large process costs.
  std::string huge_pages;
  std::string clock_source;
  std::string compiler;  // "gcc 12.2.0"
  bool optimised = true;
  std::string sanitizer;    // "address", "thread"; empty: none.
  std::string fingerprint;  // Equal ones mean comparable machines.
  std::string topology;     // The picture.
  int processors = 0;
  int cores = 0;
  int l3_caches = 0;
  int sockets = 0;
  int nodes = 0;
  std::vector<int> allowed_cpus;
  std::vector<Processor> machine;  // In the order of the hardware. Empty in older files, as are the caches.
  std::vector<Cache> caches;
  std::vector<Availability> peers;
  std::string folder;
  std::string pin_refused;  // Why nothing is pinned although it was requested; else empty.

  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("date_utc", self.date_utc, "kernel", self.kernel, "cpu_model", self.cpu_model, "memory_bytes",
          self.memory_bytes, "huge_pages", self.huge_pages, "clock_source", self.clock_source, "compiler",
          self.compiler, "optimised", self.optimised, "sanitizer", self.sanitizer, "fingerprint", self.fingerprint,
          "topology", self.topology, "processors", self.processors, "cores", self.cores, "l3_caches", self.l3_caches,
          "sockets", self.sockets, "nodes", self.nodes, "allowed_cpus", self.allowed_cpus, "machine", self.machine,
          "caches", self.caches, "peers", self.peers, "folder", self.folder, "pin_refused", self.pin_refused);
  }
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_RESULTS_CONTEXT_H_
