#include "reports/results/read_results.h"

#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "bench/table/benchmarks.h"
#include "nlohmann/json.hpp"
#include "reports/results/members.h"
#include "reports/results/read_file.h"

namespace regatta::reports {
namespace {

using json = nlohmann::ordered_json;

constexpr std::string_view kWhatToGive =
    " (what can be read: a report's results.json or results.jsonl.partial, and what //bench wrote to --regatta_out)";

// Without exceptions: a value that is discarded where the text is no JSON.
json Parse(std::string_view text) { return json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false); }

absl::Status CheckSchema(const json& object, std::string_view schema, int version) {
  const std::string found_schema = StringMember(object, "schema");
  const std::optional<double> found_version = NumberMember(object, "version");
  if (found_schema != schema) {
    return absl::InvalidArgumentError(absl::StrCat("schema is \"", found_schema, "\", not \"", schema, "\""));
  }
  if (found_version != version) {
    return absl::InvalidArgumentError(absl::StrCat(
        "schema ", schema, " has version ", found_version ? absl::StrCat(*found_version) : "none",
        "; this program reads version ", version, " only: use the report program of the tree that wrote the file"));
  }
  return absl::OkStatus();
}

ArmInfo ReadArm(const json& object) {
  ArmInfo arm;
  arm.key = StringMember(object, "key");
  arm.benchmark = StringMember(object, "benchmark");
  arm.workload = StringMember(object, "workload");
  arm.system = StringMember(object, "system");
  const json& fields = Member(object, "fields");
  if (fields.is_object()) {
    for (const auto& [name, value] : fields.items()) {
      if (value.is_string()) arm.fields[name] = value.get<std::string>();
    }
  }
  arm.state = StringMember(object, "state");
  arm.reason = StringMember(object, "reason");
  return arm;
}

std::vector<ArmInfo> ReadArms(const json& array) {
  std::vector<ArmInfo> arms;
  if (!array.is_array()) return arms;
  for (const json& arm : array) arms.push_back(ReadArm(arm));
  return arms;
}

std::vector<int> ReadCpus(const json& array) {
  std::vector<int> cpus;
  if (!array.is_array()) return cpus;
  for (const json& cpu : array) {
    if (cpu.is_number_integer()) cpus.push_back(cpu.get<int>());
  }
  return cpus;
}

int Count(const json& object, const char* name) { return static_cast<int>(WholeMember(object, name, 0)); }

Context ReadContext(const json& object) {
  Context context;
  context.date_utc = StringMember(object, "date_utc");
  context.kernel = StringMember(object, "kernel");
  context.cpu_model = StringMember(object, "cpu_model");
  context.memory_bytes = NumberMember(object, "memory_bytes");
  context.compiler = StringMember(object, "compiler");
  context.optimised = BoolMember(object, "optimised", true);
  context.sanitizer = StringMember(object, "sanitizer");
  context.fingerprint = StringMember(object, "fingerprint");
  context.topology = StringMember(object, "topology");
  context.processors = Count(object, "processors");
  context.cores = Count(object, "cores");
  context.l3_caches = Count(object, "l3_caches");
  context.sockets = Count(object, "sockets");
  context.nodes = Count(object, "nodes");
  context.allowed_cpus = ReadCpus(Member(object, "allowed_cpus"));
  context.folder = StringMember(object, "folder");
  context.pin_refused = StringMember(object, "pin_refused");
  const json& machine = Member(object, "machine");
  if (machine.is_array()) {
    for (const json& processor : machine) {
      const auto number = [&](const char* name) { return static_cast<int>(WholeMember(processor, name, -1)); };
      context.machine.push_back({number("cpu"), number("core"), number("socket"), number("l3"), number("node")});
    }
  }
  const json& caches = Member(object, "caches");
  if (caches.is_array()) {
    for (const json& cache : caches) {
      context.caches.push_back({Count(cache, "level"), StringMember(cache, "kind"), NumberMember(cache, "bytes"),
                                ReadCpus(Member(cache, "cpus"))});
    }
  }
  const json& peers = Member(object, "peers");
  if (peers.is_array()) {
    for (const json& peer : peers) {
      context.peers.push_back({StringMember(peer, "system"), BoolMember(peer, "present", false),
                               StringMember(peer, "version"), StringMember(peer, "reason")});
    }
  }
  return context;
}

Invocation ReadHeader(const json& object) {
  Invocation invocation;
  invocation.id = StringMember(object, "invocation");
  const json& seed = Member(object, "seed");
  if (seed.is_number_unsigned()) invocation.seed = seed.get<uint64_t>();
  invocation.flags = StringsMember(object, "flags");
  invocation.context = ReadContext(Member(object, "context"));
  invocation.arms = ReadArms(Member(object, "arms"));
  return invocation;
}

BeforeAfter ReadBeforeAfter(const json& object) {
  return {NumberMember(object, "before"), NumberMember(object, "after")};
}

std::vector<SweepPoint> ReadSweep(const json& array) {
  std::vector<SweepPoint> sweep;
  if (!array.is_array()) return sweep;
  for (const json& point : array) {
    const auto target = NumberMember(point, "target_ns");
    const auto tasks = NumberMember(point, "tasks");
    const auto serial = NumberMember(point, "serial_ns");
    const auto system = NumberMember(point, "system_ns");
    if (target && tasks && serial && system) sweep.push_back({*target, *tasks, *serial, *system});
  }
  return sweep;
}

std::vector<std::pair<double, double>> ReadHistogram(const json& array) {
  std::vector<std::pair<double, double>> histogram;
  if (!array.is_array()) return histogram;
  for (const json& pair : array) {
    if (!pair.is_array() || pair.size() != 2 || !pair[0].is_number() || !pair[1].is_number()) continue;
    histogram.emplace_back(pair[0].get<double>(), pair[1].get<double>());
  }
  return histogram;
}

Record ReadRecord(const json& object) {
  Record record;
  record.block = WholeMember(object, "block", 0);
  record.key = StringMember(object, "key");
  record.ok = StringMember(object, "status") == "ok";
  record.error = StringMember(object, "error");
  record.verified = BoolMember(object, "verified", false);
  record.real_ns = NumberMember(object, "real_ns");
  record.operations = NumberMember(object, "operations");
  record.cpu_ns = NumberMember(object, "cpu_ns");
  const json& counters = Member(object, "counters");
  if (counters.is_object()) {
    for (const auto& [name, value] : counters.items()) {
      if (value.is_number()) record.counters[name] = value.get<double>();
    }
  }
  record.sweep = ReadSweep(Member(object, "sweep"));
  // A full run's histograms are large, and only those under load are merged.
  const bench::Benchmark* row = bench::FindRow(StringMember(object, "benchmark"));
  if (row != nullptr && row->view == bench::View::kTail) {
    record.histogram = ReadHistogram(Member(object, "histogram"));
  }
  record.processors_used = NumberMember(object, "processors_used");
  record.cpus = ReadCpus(Member(object, "cpus"));
  record.cacheline_ns = ReadBeforeAfter(Member(object, "cacheline_ns"));
  record.machine_state = StringMember(object, "machine_state");
  record.sentinel_ns = ReadBeforeAfter(Member(object, "sentinel_ns"));
  const json& noise = Member(object, "noise");
  record.noise = {NumberMember(noise, "steal_share"), NumberMember(noise, "foreign_cpu_share"),
                  NumberMember(noise, "migrations"), NumberMember(noise, "major_faults"),
                  NumberMember(noise, "throttled")};
  const json& usage = Member(object, "usage");
  record.usage = {NumberMember(usage, "voluntary_switches"), NumberMember(usage, "involuntary_switches"),
                  NumberMember(usage, "minor_faults"), NumberMember(usage, "major_faults"),
                  NumberMember(usage, "migrations")};
  return record;
}

// A report's results.json: its invocations are the lines of the benchmark's results, verbatim.
absl::StatusOr<Results> ReadReport(const json& object, std::string_view name) {
  if (absl::Status status = CheckSchema(object, kReportSchema, kReportVersion); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", status.message()));
  }
  Results results;
  results.quick = BoolMember(object, "quick", false);
  results.created_utc = StringMember(object, "created_utc");
  const json& seed = Member(object, "seed");
  if (seed.is_number_unsigned()) results.seed = seed.get<uint64_t>();
  results.missing = StringsMember(object, "missing");
  const json& conformance = Member(object, "conformance");
  if (conformance.is_array() && !conformance.empty()) {
    std::vector<std::string> lines;
    for (const json& line : conformance) lines.push_back(line.dump());
    absl::StatusOr<Conformance> read = ReadConformance(lines, absl::StrCat(name, ", conformance"));
    if (!read.ok()) return read.status();
    results.conformance = *std::move(read);
  }
  if (const json& doctor = Member(object, "doctor"); doctor.is_object()) {
    absl::StatusOr<Doctor> read = ReadDoctor(doctor.dump(), absl::StrCat(name, ", doctor"));
    if (!read.ok()) return read.status();
    results.doctor = *std::move(read);
  }
  if (const json& trust = Member(object, "trust"); trust.is_object()) {
    absl::StatusOr<Trust> read = ReadTrust(trust.dump(1), absl::StrCat(name, ", trust"));
    if (!read.ok()) return read.status();
    results.trust = *std::move(read);
  }
  const json& invocations = Member(object, "invocations");
  if (!invocations.is_array()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": has no list of invocations"));
  }
  for (const json& invocation : invocations) {
    if (!invocation.is_array()) return absl::InvalidArgumentError(absl::StrCat(name, ": an invocation is no list"));
    for (const json& record : invocation) {
      // Dumped again, for a line is the unit that is kept.
      if (absl::Status status = ReadLine(record.dump(), results.invocations); !status.ok()) {
        return absl::InvalidArgumentError(absl::StrCat(name, ": ", status.message()));
      }
    }
  }
  return results;
}

absl::Status CheckComparable(const Results& results) {
  std::set<std::string> ids;
  for (const Invocation& invocation : results.invocations) {
    const Context& first = results.invocations.front().context;
    if (invocation.context.fingerprint != first.fingerprint) {
      return absl::InvalidArgumentError(absl::StrCat(
          "the results come from machines that can't be compared (", first.cpu_model, ", kernel ", first.kernel,
          " and ", invocation.context.cpu_model, ", kernel ", invocation.context.kernel, "): make a report of each"));
    }
    if (!ids.insert(invocation.id).second) {
      return absl::InvalidArgumentError(
          absl::StrCat("invocation ", invocation.id, " comes twice: name each results file once"));
    }
  }
  return absl::OkStatus();
}

}  // namespace

absl::Status ReadLine(std::string_view line, std::vector<Invocation>& invocations) {
  const json object = Parse(line);
  if (object.is_discarded()) return absl::InvalidArgumentError("not JSON");
  if (!object.is_object()) return absl::InvalidArgumentError("not a JSON object");
  const std::string kind = StringMember(object, "record");
  if (kind.empty()) return absl::InvalidArgumentError("no member \"record\": not a line of benchmark results");
  if (kind == "header") {
    if (absl::Status status = CheckSchema(object, kBenchSchema, kBenchVersion); !status.ok()) return status;
    invocations.push_back(ReadHeader(object));
  } else if (invocations.empty()) {
    return absl::InvalidArgumentError("a record comes before any header: the beginning of the file is missing");
  } else if (kind == "arm") {
    invocations.back().records.push_back(ReadRecord(object));
  } else if (kind == "footer") {
    invocations.back().footer =
        Footer{BoolMember(object, "interrupted", false), NumberMember(object, "seconds").value_or(0)};
  }
  invocations.back().lines.emplace_back(line);
  return absl::OkStatus();
}

absl::StatusOr<Results> ReadResults(std::string_view text, std::string_view name) {
  if (const json whole = Parse(text); whole.is_object() && !whole.contains("record")) return ReadReport(whole, name);
  Results results;
  std::vector<std::string_view> lines = absl::StrSplit(text, '\n');
  const bool cut_short = !lines.back().empty();
  if (!cut_short) lines.pop_back();
  for (size_t i = 0; i < lines.size(); ++i) {
    const absl::Status status = ReadLine(lines[i], results.invocations);
    if (status.ok()) continue;
    if (i + 1 == lines.size() && cut_short && i > 0) {
      results.missing.push_back(absl::StrCat(name, " ends within a line; that line was left out"));
      break;
    }
    return absl::InvalidArgumentError(absl::StrCat(name, ", line ", i + 1, ": ", status.message(), kWhatToGive));
  }
  if (results.invocations.empty()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": holds no results", kWhatToGive));
  }
  return results;
}

absl::StatusOr<Results> ReadResultFiles(const std::vector<std::string>& paths) {
  Results joined;
  for (std::string path : paths) {
    // A report's folder stands for the results in it.
    if (std::error_code error; std::filesystem::is_directory(path, error)) path += "/results.json";
    absl::StatusOr<std::string> text = ReadFile(path);
    if (!text.ok()) return absl::Status(text.status().code(), absl::StrCat(text.status().message(), kWhatToGive));
    absl::StatusOr<Results> results = ReadResults(*text, path);
    if (!results.ok()) return results.status();
    for (Invocation& invocation : results->invocations) joined.invocations.push_back(std::move(invocation));
    for (std::string& sentence : results->missing) joined.missing.push_back(std::move(sentence));
    if (!results->trust.empty()) joined.trust = std::move(results->trust);
    if (!results->conformance.empty()) joined.conformance = std::move(results->conformance);
    if (!results->doctor.empty()) joined.doctor = std::move(results->doctor);
    joined.quick |= results->quick;
    joined.seed = results->seed;
    joined.created_utc = results->created_utc;
  }
  if (absl::Status status = CheckComparable(joined); !status.ok()) return status;
  return joined;
}

absl::StatusOr<std::vector<ArmInfo>> ReadArmList(std::string_view text) {
  const json array = Parse(text);
  if (!array.is_array()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the benchmark program's list of arms is no JSON array: \"", text.substr(0, 80), "\""));
  }
  return ReadArms(array);
}

}  // namespace regatta::reports
