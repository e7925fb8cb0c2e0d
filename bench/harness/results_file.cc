#include "bench/harness/results_file.h"

#include <cerrno>
#include <optional>
#include <random>
#include <set>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "bench/harness/counters.h"
#include "bench/harness/error_text.h"
#include "bench/harness/latency.h"
#include "bench/harness/sentinel.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "nlohmann/json.hpp"

namespace regatta::bench {
namespace {

using Json = nlohmann::ordered_json;

template <class T>
Json OrNull(const std::optional<T>& value) {
  return value.has_value() ? Json(*value) : Json(nullptr);
}

// The key and its parts, as they begin every object about an arm.
void AddKey(const Key& key, Json& object) {
  object["key"] = key.ToString();
  object["benchmark"] = key.benchmark;
  object["workload"] = key.workload;
  object["system"] = key.system;
  object["fields"] = Json::object();
  for (const auto& [name, value] : key.fields) object["fields"][name] = value;
}

Json ArmObject(const Arm& arm) {
  Json object;
  AddKey(arm.key, object);
  object["state"] = !arm.absent.empty() ? "absent" : !arm.unavailable.empty() ? "unavailable" : "ready";
  object["reason"] = !arm.absent.empty() ? arm.absent : arm.unavailable;
  return object;
}

const char* KindName(Topology::Cache::Kind kind) {
  switch (kind) {
    case Topology::Cache::Kind::kData:
      return "data";
    case Topology::Cache::Kind::kInstruction:
      return "instruction";
    case Topology::Cache::Kind::kUnified:
      break;
  }
  return "unified";
}

Json ContextObject(const Environment& environment) {
  Json context;
  context["date_utc"] = environment.date_utc;
  context["kernel"] = environment.kernel;
  context["cpu_model"] = environment.cpu_model;
  context["memory_bytes"] = environment.memory_bytes;
  context["huge_pages"] = environment.huge_pages;
  context["clock_source"] = environment.clock_source;
  context["compiler"] = environment.compiler;
  context["optimised"] = environment.optimised;
  context["sanitizer"] = environment.sanitizer;
  context["fingerprint"] = environment.fingerprint;
  context["topology"] = environment.topology;
  context["processors"] = environment.processors;
  context["cores"] = environment.cores;
  context["l3_caches"] = environment.l3_caches;
  context["sockets"] = environment.sockets;
  context["nodes"] = environment.nodes;
  context["allowed_cpus"] = environment.allowed_cpus;
  context["machine"] = Json::array();
  for (const Topology::Processor& processor : environment.machine) {
    context["machine"].push_back({{"cpu", processor.cpu},
                                  {"core", processor.core},
                                  {"socket", processor.package},
                                  {"l3", processor.l3},
                                  {"node", processor.node}});
  }
  context["caches"] = Json::array();
  for (const Topology::Cache& cache : environment.caches) {
    context["caches"].push_back({{"level", cache.level},
                                 {"kind", KindName(cache.kind)},
                                 {"bytes", cache.bytes > 0 ? Json(cache.bytes) : Json(nullptr)},
                                 {"cpus", cache.cpus}});
  }
  context["peers"] = Json::array();
  for (const Availability& peer : environment.peers) {
    context["peers"].push_back(
        {{"system", peer.system}, {"present", peer.present}, {"version", peer.version}, {"reason", peer.reason}});
  }
  context["folder"] = environment.folder;
  context["pin_refused"] = environment.pin_refused;
  return context;
}

Json QuantilesObject(const LatencyHistogram& latencies) {
  Json quantiles;
  quantiles["count"] = latencies.count();
  quantiles["min_ns"] = OrNull(latencies.Min());
  quantiles["p50_ns"] = OrNull(latencies.Quantile(0.5));
  quantiles["p90_ns"] = OrNull(latencies.Quantile(0.9));
  quantiles["p99_ns"] = OrNull(latencies.Quantile(0.99));
  quantiles["p999_ns"] = OrNull(latencies.Quantile(0.999));
  quantiles["p9999_ns"] = OrNull(latencies.Quantile(0.9999));
  quantiles["max_ns"] = OrNull(latencies.Max());
  return quantiles;
}

Json BeforeAfterObject(const BeforeAfter& value) { return {{"before", value.before}, {"after", value.after}}; }

void AddRunResult(const Arm& arm, const RunResult& result, Json& object) {
  object["started_ns"] = result.started_ns;
  object["real_ns"] = RealNanos(result);
  object["operations"] = result.operations;
  object["cpu_ns"] = OrNull(result.cpu_ns);
  if (result.usage.has_value()) {
    object["usage"] = {{"voluntary_switches", result.usage->voluntary_switches},
                       {"involuntary_switches", result.usage->involuntary_switches},
                       {"minor_faults", result.usage->minor_faults},
                       {"major_faults", result.usage->major_faults},
                       {"migrations", result.usage->migrations}};
  }
  object["counters"] = Json::object();
  for (const auto& [name, value] : CountersOf(arm, result)) object["counters"][name] = value;
  object["samples_ns"] = result.samples_ns;
  const LatencyHistogram latencies(result.latencies);
  object["quantiles"] = latencies.count() > 0 ? QuantilesObject(latencies) : Json(nullptr);
  object["histogram"] = nullptr;
  if (latencies.count() > 0) {
    object["histogram"] = Json::array();
    for (const auto& [value, count] : latencies.Rounded()) object["histogram"].push_back({value, count});
  }
  object["sweep"] = nullptr;
  if (!result.sweep.empty()) {
    object["sweep"] = Json::array();
    for (const SweepPoint& point : result.sweep) {
      object["sweep"].push_back({{"target_ns", point.target_ns},
                                 {"tasks", point.tasks},
                                 {"serial_ns", point.serial_ns},
                                 {"system_ns", point.system_ns}});
    }
  }
  object["processors_used"] = arm.processors_used;
  const std::set<int> cpus(arm.cpus.begin(), arm.cpus.end());
  object["cpus"] = cpus;
  object["cacheline_ns"] = result.cacheline_ns.has_value() ? BeforeAfterObject(*result.cacheline_ns) : Json(nullptr);
  object["machine_state"] = result.cacheline_ns.has_value() ? std::string(MachineState(*result.cacheline_ns)) : "";
  object["sentinel_ns"] = BeforeAfterObject(result.sentinel_ns);
  object["noise"] = {{"steal_share", OrNull(result.noise.steal_share)},
                     {"foreign_cpu_share", OrNull(result.noise.foreign_cpu_share)},
                     {"migrations", OrNull(result.noise.migrations)},
                     {"major_faults", result.noise.major_faults},
                     {"voluntary_switches", result.noise.voluntary_switches},
                     {"involuntary_switches", result.noise.involuntary_switches},
                     {"throttled", OrNull(result.noise.throttled)}};
}

void AddNothing(Json& object) {
  for (const char* member : {"started_ns", "real_ns", "operations", "cpu_ns"}) object[member] = nullptr;
  object["counters"] = Json::object();
  object["samples_ns"] = Json::array();
  for (const char* member :
       {"quantiles", "histogram", "sweep", "processors_used", "cacheline_ns", "sentinel_ns", "noise"}) {
    object[member] = nullptr;
  }
  object["cpus"] = Json::array();
  object["machine_state"] = "";
}

std::string Line(const Json& object) { return object.dump(-1, ' ', false, Json::error_handler_t::replace); }

}  // namespace

absl::StatusOr<ResultsFile> ResultsFile::Create(const std::string& path) {
  ResultsFile results;
  results.path_ = path;
  errno = 0;
  results.file_.open(path, std::ios::trunc);
  if (!results.file_) return ErrnoError(absl::StrCat("open ", path));
  return results;
}

absl::Status ResultsFile::WriteLine(const std::string& line) {
  errno = 0;
  file_ << line << '\n' << std::flush;
  if (!file_) return ErrnoError(absl::StrCat("write to ", path_), errno != 0 ? errno : EIO);
  return absl::OkStatus();
}

absl::Status ResultsFile::Write(const ResultsHeader& header, std::span<const Arm* const> arms) {
  std::random_device random;
  const uint64_t invocation = uint64_t{random()} << 32 | random();
  Json object;
  object["record"] = "header";
  object["schema"] = "regatta.bench";
  object["version"] = kResultsVersion;
  object["invocation"] = absl::StrFormat("%016x", invocation);
  object["seed"] = header.seed;
  object["blocks"] = header.blocks;
  object["arm_ms"] = header.arm_ms;
  object["started_unix_ns"] = absl::ToUnixNanos(absl::Now());
  object["monotonic_ns"] = MonotonicNanos();
  object["flags"] = header.flags;
  object["context"] = ContextObject(header.environment);
  object["arms"] = Json::array();
  for (const Arm* arm : arms) object["arms"].push_back(ArmObject(*arm));
  return WriteLine(Line(object));
}

absl::Status ResultsFile::Write(const ArmRecord& record, const Arm& arm) {
  Json object;
  object["record"] = "arm";
  object["block"] = record.block;
  object["position"] = record.position;
  AddKey(arm.key, object);
  object["status"] = record.result.ok() ? "ok" : "failed";
  object["error"] = record.result.ok() ? "" : ErrorText(record.result.status());
  object["verified"] = record.result.ok();
  if (record.result.ok()) {
    AddRunResult(arm, *record.result, object);
  } else {
    AddNothing(object);
  }
  return WriteLine(Line(object));
}

absl::Status ResultsFile::Write(const ResultsFooter& footer) {
  Json object;
  object["record"] = "footer";
  object["arms_ok"] = footer.arms_ok;
  object["arms_failed"] = footer.arms_failed;
  object["interrupted"] = footer.interrupted;
  object["ended_monotonic_ns"] = MonotonicNanos();
  object["seconds"] = footer.seconds;
  return WriteLine(Line(object));
}

std::string ArmsAsJson(std::span<const Arm* const> arms) {
  Json array = Json::array();
  for (const Arm* arm : arms) array.push_back(ArmObject(*arm));
  return array.dump(1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace regatta::bench
