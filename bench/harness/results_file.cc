#include "bench/harness/results_file.h"

#include <algorithm>
#include <cerrno>
#include <random>
#include <set>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "bench/harness/counters.h"
#include "bench/harness/error_text.h"
#include "bench/harness/sentinel.h"
#include "bench/results/lines.h"
#include "core/os/deadline.h"
#include "core/os/error.h"

namespace regatta::bench {
namespace {

// The key and its parts.
template <class Line>
Line WithKey(const Key& key) {
  Line line;
  line.key = key.ToString();
  line.benchmark = key.benchmark;
  line.workload = key.workload;
  line.system = key.system;
  line.fields.insert(key.fields.begin(), key.fields.end());
  return line;
}

std::vector<ArmInfo> InfoOf(std::span<const Arm* const> arms) {
  std::vector<ArmInfo> all;
  for (const Arm* arm : arms) {
    ArmInfo& info = all.emplace_back(WithKey<ArmInfo>(arm->key));
    info.state = !arm->absent.empty() ? "absent" : !arm->unavailable.empty() ? "unavailable" : "ready";
    info.reason = !arm->absent.empty() ? arm->absent : arm->unavailable;
  }
  return all;
}

}  // namespace

Record MakeRecord(const Arm& arm, int block, int position, const absl::StatusOr<RunResult>& result) {
  Record record = WithKey<Record>(arm.key);
  record.block = block;
  record.position = position;
  record.status = result.ok() ? "ok" : "failed";
  record.verified = result.ok();
  if (!result.ok()) {
    record.error = ErrorText(result.status());
    return record;
  }
  record.started_ns = static_cast<double>(result->started_ns);
  record.real_ns = static_cast<double>(RealNanos(*result));
  record.operations = static_cast<double>(result->operations);
  if (result->cpu_ns) record.cpu_ns = static_cast<double>(*result->cpu_ns);
  for (auto& [name, value] : CountersOf(arm, *result)) record.counters.insert_or_assign(name, value);
  record.samples_ns.assign(result->samples_ns.begin(), result->samples_ns.end());
  const LatencyHistogram latencies(result->latencies);
  if (latencies.count() > 0) {
    record.quantiles = {latencies.count(),          latencies.Min(),          latencies.Quantile(0.5),
                        latencies.Quantile(0.9),    latencies.Quantile(0.99), latencies.Quantile(0.999),
                        latencies.Quantile(0.9999), latencies.Max()};
  }
  record.histogram = latencies.Rounded();
  record.sweep = result->sweep;
  record.processors_used = arm.processors_used;
  const std::set<int> cpus(arm.cpus.begin(), arm.cpus.end());
  record.cpus.assign(cpus.begin(), cpus.end());
  record.cacheline_ns = result->cacheline_ns;
  record.machine_state = std::string(MachineState(result->cacheline_ns));
  record.sentinel_ns = result->sentinel_ns;
  record.noise = result->noise;
  record.usage = result->usage;
  return record;
}

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

absl::Status ResultsFile::Write(Header header, std::span<const Arm* const> arms) {
  std::random_device random;
  header.id = absl::StrFormat("%016x", uint64_t{random()} << 32 | random());
  header.started_unix_ns = absl::ToUnixNanos(absl::Now());
  header.monotonic_ns = MonotonicNanos();
  header.arms = InfoOf(arms);
  return WriteLine(LineOf(header));
}

absl::Status ResultsFile::Write(const Record& record) { return WriteLine(LineOf(record)); }

absl::Status ResultsFile::Write(Footer footer) {
  footer.ended_monotonic_ns = MonotonicNanos();
  return WriteLine(LineOf(footer));
}

std::string ArmsAsJson(std::span<const Arm* const> arms) { return ListOf(InfoOf(arms)); }

}  // namespace regatta::bench
