#include "reports/results/read_results.h"

#include <filesystem>
#include <set>
#include <system_error>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "bench/table/benchmarks.h"
#include "reports/results/read_file.h"
#include "tools/json/members.h"

namespace regatta::reports {
namespace {

constexpr std::string_view kWhatToGive =
    " (what can be read: a report's results.json or results.jsonl.partial, and what //bench wrote to --regatta_out)";

absl::Status CheckSchema(const Json& object, std::string_view schema, int version) {
  const std::string found_schema = MemberOr<std::string>(object, "schema", "");
  const auto found_version = MemberOr<std::optional<double>>(object, "version", std::nullopt);
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

// A full run's histograms are large, and only those under load are merged.
Record ReadRecord(const Json& object) {
  Record record;
  FromJson(object, record);
  const bench::Benchmark* row = bench::FindRow(record.benchmark);
  if (row == nullptr || row->view != bench::View::kTail) record.histogram = {};
  record.samples_ns = {};
  std::erase_if(record.sweep, [](const SweepPoint& point) { return point.tasks <= 0; });
  return record;
}

// A report's results.json: its invocations are the lines of the benchmark's results, verbatim.
absl::StatusOr<Results> ReadReport(const Json& object, std::string_view name) {
  if (absl::Status status = CheckSchema(object, kReportSchema, kReportVersion); !status.ok()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": ", status.message()));
  }
  Results results;
  FromJson(Member(object, "quick"), results.quick);
  FromJson(Member(object, "created_utc"), results.created_utc);
  FromJson(Member(object, "seed"), results.seed);
  FromJson(Member(object, "missing"), results.missing);
  const Json& conformance = Member(object, "conformance");
  if (conformance.is_array() && !conformance.empty()) {
    std::vector<std::string> lines;
    for (const Json& line : conformance) lines.push_back(line.dump());
    absl::StatusOr<Conformance> read = ReadConformance(lines, absl::StrCat(name, ", conformance"));
    if (!read.ok()) return read.status();
    results.conformance = *std::move(read);
  }
  if (const Json& doctor = Member(object, "doctor"); doctor.is_object()) {
    absl::StatusOr<Doctor> read = ReadDoctor(doctor.dump(), absl::StrCat(name, ", doctor"));
    if (!read.ok()) return read.status();
    results.doctor = *std::move(read);
  }
  if (const Json& trust = Member(object, "trust"); trust.is_object()) {
    absl::StatusOr<Trust> read = ReadTrust(trust.dump(1), absl::StrCat(name, ", trust"));
    if (!read.ok()) return read.status();
    results.trust = *std::move(read);
  }
  const Json& invocations = Member(object, "invocations");
  if (!invocations.is_array()) {
    return absl::InvalidArgumentError(absl::StrCat(name, ": has no list of invocations"));
  }
  for (const Json& invocation : invocations) {
    if (!invocation.is_array()) return absl::InvalidArgumentError(absl::StrCat(name, ": an invocation is no list"));
    for (const Json& record : invocation) {
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
  const Json object = ParseJson(line);
  if (object.is_discarded()) return absl::InvalidArgumentError("not JSON");
  if (!object.is_object()) return absl::InvalidArgumentError("not a JSON object");
  const std::string kind = MemberOr<std::string>(object, "record", "");
  if (kind.empty()) return absl::InvalidArgumentError("no member \"record\": not a line of benchmark results");
  if (kind == "header") {
    if (absl::Status status = CheckSchema(object, bench::kResultsSchema, bench::kResultsVersion); !status.ok())
      return status;
    FromJson(object, invocations.emplace_back());
  } else if (invocations.empty()) {
    return absl::InvalidArgumentError("a record comes before any header: the beginning of the file is missing");
  } else if (kind == "arm") {
    invocations.back().records.push_back(ReadRecord(object));
  } else if (kind == "footer") {
    FromJson(object, invocations.back().footer.emplace());
  }
  invocations.back().lines.emplace_back(line);
  return absl::OkStatus();
}

absl::StatusOr<Results> ReadResults(std::string_view text, std::string_view name) {
  if (const Json whole = ParseJson(text); whole.is_object() && !whole.contains("record"))
    return ReadReport(whole, name);
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
  const Json array = ParseJson(text);
  if (!array.is_array()) {
    return absl::InvalidArgumentError(
        absl::StrCat("the benchmark program's list of arms is no JSON array: \"", text.substr(0, 80), "\""));
  }
  std::vector<ArmInfo> arms;
  FromJson(array, arms);
  return arms;
}

}  // namespace regatta::reports
