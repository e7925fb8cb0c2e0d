// The lines of a results file, as bench/RESULTS.md describes them: written by //bench, read by //reports.
//
// Absent  What was not measured is an empty optional, never 0.
// Units   Times are nanoseconds.
#ifndef REGATTA_BENCH_RESULTS_RECORD_H_
#define REGATTA_BENCH_RESULTS_RECORD_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/results/context.h"
#include "bench/results/latency.h"
#include "tools/json/null_if_empty.h"

namespace regatta::bench {

inline constexpr std::string_view kResultsSchema = "regatta.bench";
inline constexpr int kResultsVersion = 1;

// What an arm is; `fields` are the key's.
struct ArmInfo {
  std::string key;
  std::string benchmark;
  std::string workload;
  std::string system;
  std::map<std::string, std::string> fields;
  std::string state;   // "ready", "absent", "unavailable"
  std::string reason;  // Why it is absent or unavailable.

  // "" without that field.
  std::string Field(const std::string& name) const {
    const auto field = fields.find(name);
    return field == fields.end() ? std::string() : field->second;
  }

  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("key", self.key, "benchmark", self.benchmark, "workload", self.workload, "system", self.system, "fields",
          self.fields, "state", self.state, "reason", self.reason);
  }
};

// The first line of a file: what was to be run, and on which machine.
struct Header {
  std::string id;
  std::optional<uint64_t> seed;
  int blocks = 0;
  int arm_ms = 0;
  int64_t started_unix_ns = 0;
  int64_t monotonic_ns = 0;
  std::vector<std::string> flags;
  Context context;
  std::vector<ArmInfo> arms;

  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("invocation", self.id, "seed", self.seed, "blocks", self.blocks, "arm_ms", self.arm_ms, "started_unix_ns",
          self.started_unix_ns, "monotonic_ns", self.monotonic_ns, "flags", self.flags, "context", self.context, "arms",
          self.arms);
  }
};

struct Quantiles {
  int64_t count = 0;
  std::optional<int64_t> min_ns, p50_ns, p90_ns, p99_ns, p999_ns, p9999_ns, max_ns;

  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("count", self.count, "min_ns", self.min_ns, "p50_ns", self.p50_ns, "p90_ns", self.p90_ns, "p99_ns",
          self.p99_ns, "p999_ns", self.p999_ns, "p9999_ns", self.p9999_ns, "max_ns", self.max_ns);
  }
};

// One grain of a sweep: the same tasks through the serial loop and through the system, side by side.
struct SweepPoint {
  double target_ns = 0;
  double tasks = 0;
  double serial_ns = 0;
  double system_ns = 0;

  bool operator==(const SweepPoint&) const = default;
  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("target_ns", self.target_ns, "tasks", self.tasks, "serial_ns", self.serial_ns, "system_ns", self.system_ns);
  }
};

// A measurement taken just before and just after the run.
struct BeforeAfter {
  std::optional<double> before;
  std::optional<double> after;

  bool operator==(const BeforeAfter&) const = default;
  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("before", self.before, "after", self.after);
  }
};

// What else happened on the machine meanwhile; none where the kernel doesn't tell.
struct Noise {
  std::optional<double> steal_share;
  std::optional<double> foreign_cpu_share;
  std::optional<double> migrations;
  std::optional<double> major_faults;
  std::optional<double> voluntary_switches;
  std::optional<double> involuntary_switches;
  std::optional<double> throttled;  // Times that heat or a quota slowed us down.

  bool operator==(const Noise&) const = default;
  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("steal_share", self.steal_share, "foreign_cpu_share", self.foreign_cpu_share, "migrations", self.migrations,
          "major_faults", self.major_faults, "voluntary_switches", self.voluntary_switches, "involuntary_switches",
          self.involuntary_switches, "throttled", self.throttled);
  }
};

// What the work cost all processes that took part, besides their CPU time.
struct Usage {
  double voluntary_switches = 0;
  double involuntary_switches = 0;
  double minor_faults = 0;
  double major_faults = 0;
  double migrations = 0;

  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("voluntary_switches", self.voluntary_switches, "involuntary_switches", self.involuntary_switches,
          "minor_faults", self.minor_faults, "major_faults", self.major_faults, "migrations", self.migrations);
  }
};

// One arm in one block.
struct Record {
  int64_t block = 0;
  int64_t position = 0;
  std::string key;
  std::string benchmark;
  std::string workload;
  std::string system;
  std::map<std::string, std::string> fields;
  std::string status;  // "ok", "failed"
  std::string error;
  bool verified = false;
  std::optional<double> started_ns;
  std::optional<double> real_ns;
  std::optional<double> operations;
  std::optional<double> cpu_ns;
  std::map<std::string, double> counters;  // Those that were measured.
  std::vector<double> samples_ns;
  std::optional<Quantiles> quantiles;
  LatencyCounts histogram;
  std::vector<SweepPoint> sweep;
  std::optional<double> processors_used;
  std::vector<int> cpus;
  BeforeAfter cacheline_ns;
  std::string machine_state;  // "near", "far", "mixed", "" where not measured.
  BeforeAfter sentinel_ns;
  Noise noise;
  std::optional<Usage> usage;

  bool ok() const { return status == "ok"; }

  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("block", self.block, "position", self.position, "key", self.key, "benchmark", self.benchmark, "workload",
          self.workload, "system", self.system, "fields", self.fields, "status", self.status, "error", self.error,
          "verified", self.verified, "started_ns", self.started_ns, "real_ns", self.real_ns, "operations",
          self.operations, "cpu_ns", self.cpu_ns, "counters", self.counters, "samples_ns", self.samples_ns, "quantiles",
          self.quantiles, "histogram", NullIfEmpty{self.histogram}, "sweep", NullIfEmpty{self.sweep}, "processors_used",
          self.processors_used, "cpus", self.cpus, "cacheline_ns", NullIfEmpty{self.cacheline_ns}, "machine_state",
          self.machine_state, "sentinel_ns", NullIfEmpty{self.sentinel_ns}, "noise", NullIfEmpty{self.noise}, "usage",
          self.usage);
  }
};

// The last line of a file.
struct Footer {
  int arms_ok = 0;
  int arms_failed = 0;
  bool interrupted = false;
  int64_t ended_monotonic_ns = 0;
  double seconds = 0;

  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("arms_ok", self.arms_ok, "arms_failed", self.arms_failed, "interrupted", self.interrupted,
          "ended_monotonic_ns", self.ended_monotonic_ns, "seconds", self.seconds);
  }
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_RESULTS_RECORD_H_
