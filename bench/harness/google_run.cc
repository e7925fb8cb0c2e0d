#include "bench/harness/google_run.h"

#include <algorithm>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "bench/harness/counters.h"
#include "bench/harness/error_text.h"
#include "bench/harness/sentinel.h"
#include "benchmark/benchmark.h"
#include "tools/program/interrupts.h"

namespace regatta::bench {
namespace {

constexpr absl::string_view kAbsent = "absent: ";
constexpr absl::string_view kUnavailable = "unavailable: ";

void SkipWith(benchmark::State& state, const absl::Status& status) { state.SkipWithError(ErrorText(status).c_str()); }

void RunArm(const Arm& arm, const IsolationOptions& options, benchmark::State& state) {
  if (!arm.ready()) {
    const std::string why =
        arm.absent.empty() ? absl::StrCat(kUnavailable, arm.unavailable) : absl::StrCat(kAbsent, arm.absent);
    state.SkipWithError(why.c_str());
    return;
  }
  if (Interrupts::Count() > 0) {
    state.SkipWithError("interrupted");
    return;
  }
  absl::StatusOr<std::unique_ptr<IsolatedProcess>> isolated = IsolatedProcess::Start(arm, options);
  if (!isolated.ok()) return SkipWith(state, isolated.status());

  const int64_t wanted = std::clamp<int64_t>(static_cast<int64_t>(state.max_iterations), arm.min_operations,
                                             std::max(arm.min_operations, arm.max_operations));
  RunResult last;
  LatencyHistogram latencies;
  double cpu_ns = 0;
  int64_t operations = 0;
  bool cpu_known = true;
  while (state.KeepRunningBatch(wanted)) {
    absl::StatusOr<RunResult> result = (*isolated)->Run({.operations = wanted, .budget_ns = 0});
    if (!result.ok()) return SkipWith(state, result.status());
    // A fixture may round up to its next whole run: the time is scaled to what was asked.
    const double share = static_cast<double>(wanted) / static_cast<double>(result->operations);
    state.SetIterationTime(static_cast<double>(RealNanos(*result)) * share / 1e9);
    latencies.Merge(LatencyHistogram(result->latencies));
    cpu_known = cpu_known && result->cpu_ns.has_value();
    cpu_ns += static_cast<double>(result->cpu_ns.value_or(0));
    operations += result->operations;
    last = *std::move(result);
  }
  if (absl::Status finished = (*isolated)->Finish(); !finished.ok()) return SkipWith(state, finished);

  last.latencies = latencies.counts();
  for (const auto& [name, value] : CountersOf(arm, last)) state.counters[name] = value;
  if (cpu_known && operations > 0) state.counters["cpu_ns"] = cpu_ns / static_cast<double>(operations);
  if (const auto& [before, after] = last.cacheline_ns; before && after) {
    state.counters["cacheline_ns"] = (*before + *after) / 2;
    state.SetLabel(absl::StrCat("state:", MachineState(last.cacheline_ns)));
  }
}

// Shows keys as they are, without the "/manual_time" and "/iterations:1" that are appended to them, and counts the
// outcomes.
template <class Reporter>
class KeyReporter : public Reporter {
 public:
  template <class... Arguments>
  explicit KeyReporter(GoogleTally* tally, Arguments... arguments) : Reporter(arguments...), tally_(tally) {}

  void ReportRuns(const std::vector<benchmark::BenchmarkReporter::Run>& reports) override {
    std::vector<benchmark::BenchmarkReporter::Run> runs = reports;
    for (auto& run : runs) {
      run.run_name.time_type.clear();
      run.run_name.iterations.clear();
      if (tally_ != nullptr && run.run_type == benchmark::BenchmarkReporter::Run::RT_Iteration) Count(run);
    }
    if constexpr (std::is_same_v<Reporter, benchmark::ConsoleReporter>) {
      // Not being there is no error: said in words of its own.
      std::erase_if(runs, [this](const auto& run) {
        const bool left_out = IsLeftOut(run);
        if (left_out) this->GetOutputStream() << run.benchmark_name() << " " << run.error_message << std::endl;
        return left_out;
      });
      if (runs.empty()) return;
    }
    Reporter::ReportRuns(runs);
  }

 private:
  using Run = benchmark::BenchmarkReporter::Run;
  static bool IsLeftOut(const Run& run) {
    return run.error_occurred &&
           (absl::StartsWith(run.error_message, kAbsent) || absl::StartsWith(run.error_message, kUnavailable));
  }
  void Count(const Run& run) {
    if (!run.error_occurred) {
      ++tally_->ok;
    } else if (absl::StartsWith(run.error_message, kAbsent)) {
      ++tally_->absent;
    } else if (absl::StartsWith(run.error_message, kUnavailable)) {
      ++tally_->unavailable;
    } else {
      ++tally_->failed;
    }
  }
  GoogleTally* tally_;
};

std::unique_ptr<benchmark::BenchmarkReporter> MakeReporter(const std::string& format, const GoogleOutput& output,
                                                           GoogleTally* tally) {
  if (format == "json") return std::make_unique<KeyReporter<benchmark::JSONReporter>>(tally);
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wdeprecated-declarations"
  if (format == "csv") return std::make_unique<KeyReporter<benchmark::CSVReporter>>(tally);
#pragma GCC diagnostic pop
  int look = benchmark::ConsoleReporter::OO_None;
  if (output.colour) look |= benchmark::ConsoleReporter::OO_Color;
  if (output.tabular) look |= benchmark::ConsoleReporter::OO_Tabular;
  return std::make_unique<KeyReporter<benchmark::ConsoleReporter>>(
      tally, static_cast<benchmark::ConsoleReporter::OutputOptions>(look));
}

void AddContext(const Context& context) {
  benchmark::AddCustomContext("kernel", context.kernel);
  benchmark::AddCustomContext("cpu_model", context.cpu_model);
  benchmark::AddCustomContext("compiler", context.compiler);
  benchmark::AddCustomContext("fingerprint", context.fingerprint);
  benchmark::AddCustomContext("allowed_cpus", absl::StrJoin(context.allowed_cpus, ","));
  benchmark::AddCustomContext("huge_pages", context.huge_pages);
  benchmark::AddCustomContext("folder", context.folder);
  for (const Availability& peer : context.peers) {
    benchmark::AddCustomContext(absl::StrCat("peer_", peer.system), peer.present
                                                                        ? absl::StrCat("present, ", peer.version)
                                                                        : absl::StrCat("absent: ", peer.reason));
  }
}

}  // namespace

GoogleTally RunWithGoogleBenchmark(std::span<const Arm* const> arms, const Context& context,
                                   const IsolationOptions& options, const GoogleOutput& output) {
  AddContext(context);
  for (const Arm* arm : arms) {
    benchmark::internal::Benchmark* registered = benchmark::RegisterBenchmark(
        arm->key.ToString().c_str(), [arm, &options](benchmark::State& state) { RunArm(*arm, options, state); });
    registered->UseManualTime();
    // What takes seconds is not repeated to fill a time.
    if (arm->min_operations >= arm->max_operations) registered->Iterations(arm->min_operations);
  }
  GoogleTally tally;
  const std::unique_ptr<benchmark::BenchmarkReporter> shown = MakeReporter(output.format, output, &tally);
  std::unique_ptr<benchmark::BenchmarkReporter> filed;
  if (output.to_file) filed = MakeReporter(output.file_format, output, nullptr);
  // All that is registered: the arms were already chosen by their keys.
  benchmark::RunSpecifiedBenchmarks(shown.get(), filed.get(), ".");
  return tally;
}

}  // namespace regatta::bench
