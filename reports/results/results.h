// Results: what benchmark runs left, in memory. The files' format and its rules are bench/RESULTS.md (one invocation)
// and reports/RESULTS.md (a report's results.json, which holds invocations verbatim).
//
// Absent  What was not measured is an empty optional, never 0.
// Units   Times are nanoseconds, as in the files.

#ifndef REGATTA_REPORTS_RESULTS_RESULTS_H_
#define REGATTA_REPORTS_RESULTS_RESULTS_H_

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "reports/results/conformance.h"
#include "reports/results/doctor.h"
#include "reports/results/trust.h"

namespace regatta::reports {

struct Peer {
  std::string system;
  bool present = false;
  std::string version;
  std::string reason;  // why absent, and the way out
};

// A processor and where in the machine it sits: numbers of its core, socket, L3 cache and memory node, -1 where there
// is none.
struct Processor {
  int cpu = 0;
  int core = 0;
  int socket = 0;
  int l3 = -1;
  int node = -1;
};

struct Cache {
  int level = 0;
  std::string kind;  // "unified", "data", "instruction"
  std::optional<double> bytes;
  std::vector<int> cpus;
};

// The machine and the build, as the header record tells.
struct Context {
  std::string date_utc;
  std::string kernel;
  std::string cpu_model;
  std::optional<double> memory_bytes;
  std::string compiler;
  bool optimised = true;
  std::string sanitizer;
  std::string fingerprint;
  std::string topology;
  int processors = 0;
  int cores = 0;
  int l3_caches = 0;
  int sockets = 0;
  int nodes = 0;
  std::vector<int> allowed_cpus;
  std::vector<Processor> machine;  // in the order of the hardware; empty in older files, as are the caches
  std::vector<Cache> caches;
  std::vector<Peer> peers;
  std::string folder;
  std::string pin_refused;  // why nothing was pinned although it was wished; else empty
};

// What an arm is; `fields` are the key's, each a string.
struct ArmInfo {
  std::string key;
  std::string benchmark;
  std::string workload;
  std::string system;
  std::map<std::string, std::string> fields;
  std::string state;   // "ready", "absent", "unavailable"
  std::string reason;  // of a state that isn't "ready"

  std::string Field(const std::string& name) const {
    const auto field = fields.find(name);
    return field == fields.end() ? std::string() : field->second;
  }
};

// One grain of a sweep: the same tasks through the serial loop and through the system.
struct SweepPoint {
  double target_ns = 0;
  double tasks = 0;
  double serial_ns = 0;
  double system_ns = 0;
};

struct BeforeAfter {
  std::optional<double> before;
  std::optional<double> after;
};

struct Noise {
  std::optional<double> steal_share;
  std::optional<double> foreign_cpu_share;
  std::optional<double> migrations;
  std::optional<double> major_faults;
  std::optional<double> throttled;
};

// What the work cost all processes that took part, besides their CPU time.
struct Usage {
  std::optional<double> voluntary_switches;
  std::optional<double> involuntary_switches;
  std::optional<double> minor_faults;
  std::optional<double> major_faults;
  std::optional<double> migrations;
};

// One arm in one block.
struct Record {
  int64_t block = 0;
  std::string key;
  bool ok = false;
  std::string error;
  bool verified = false;
  std::optional<double> real_ns;
  std::optional<double> operations;
  std::optional<double> cpu_ns;
  Usage usage;
  std::map<std::string, double> counters;  // those that were measured
  std::vector<SweepPoint> sweep;
  // Of open loops only, the others' tails aren't read: latency, how often.
  std::vector<std::pair<double, double>> histogram;
  std::optional<double> processors_used;
  std::vector<int> cpus;
  BeforeAfter cacheline_ns;
  std::string machine_state;  // "near", "far", "mixed", "" where not measured
  BeforeAfter sentinel_ns;
  Noise noise;
};

struct Footer {
  bool interrupted = false;
  double seconds = 0;
};

// One run of the benchmark program.
struct Invocation {
  std::string id;
  std::optional<uint64_t> seed;
  std::vector<std::string> flags;
  Context context;
  std::vector<ArmInfo> arms;
  std::vector<Record> records;
  std::optional<Footer> footer;    // empty: the run ended early
  std::vector<std::string> lines;  // the file's lines, verbatim
};

// Everything a report is made from.
struct Results {
  std::vector<Invocation> invocations;
  bool quick = false;
  uint64_t seed = 0;  // of the report's own resampling
  std::string created_utc;
  // What was to be measured and wasn't, each a sentence: a benchmark that crashed, a run that was interrupted.
  std::vector<std::string> missing;
  Conformance conformance;  // empty where no such results were given
  Doctor doctor;            // empty where nobody was asked
  Trust trust;              // likewise
};

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RESULTS_RESULTS_H_
