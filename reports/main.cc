// The report: `bazel run //reports -- --out=DIR --quick`.
//
// Exit code 0: everything was measured and written. 3: likewise or not, and with --baseline at least one key became
// slower (keys without a trusted verdict don't count). 1: something failed, is missing or could not be written; what
// there is was reported all the same, and it is said where. 2: the command line is wrong; nothing was done.

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "reports/results/conformance.h"
#include "reports/results/doctor.h"
#include "reports/results/read_results.h"
#include "reports/results/trust.h"
#include "reports/run/child.h"
#include "reports/run/find_bench.h"
#include "reports/run/output.h"
#include "reports/run/plan.h"
#include "reports/run/progress.h"
#include "reports/run/results_json.h"
#include "reports/run/runner.h"
#include "reports/sections/report.h"
#include "reports/writers/html.h"
#include "reports/writers/markdown.h"
#include "tools/program/flags.h"
#include "tools/program/paths.h"

ABSL_FLAG(std::string, out, "", "the folder for the report; default: regatta-report-<date and time> here");
ABSL_FLAG(bool, quick, false, "a first look in about a minute and a half, without verdicts; otherwise a full run");
ABSL_FLAG(
    std::vector<std::string>, from, {},
    "make the report from these result files (a report's results.json, or what //bench wrote), measuring nothing");
ABSL_FLAG(std::string, conformance, "",
          "what //conformance wrote to --results: the report then shows who holds which scenario");
ABSL_FLAG(std::string, trust, "",
          "what //bench:trust wrote: the report then shows whether its verdicts can be trusted");
ABSL_FLAG(
    std::string, baseline, "",
    "an earlier report's results.json (or its folder): what became faster or slower since; exit code 3 where anything "
    "became slower");
ABSL_FLAG(bool, baseline_other_machine, false, "compare although the baseline was measured on another machine");
ABSL_FLAG(std::string, doctor, "",
          "what //tools/doctor --json found: the report says what spoils its figures; default: asked before measuring");
ABSL_FLAG(std::string, folder, "", "the folder that the copying workload copies; default: /usr/include/linux");
ABSL_FLAG(uint64_t, seed, 0, "decides the order of all arms and the resampling; default: a fresh one, recorded");
ABSL_FLAG(std::string, bench, "", "the benchmark program; default: the one built with this");

namespace regatta::reports {
namespace {

namespace fs = std::filesystem;

constexpr int kDone = 0;
constexpr int kIncomplete = 1;
constexpr int kSlower = 3;
constexpr const char* kFolder = "/usr/include/linux";
constexpr std::string_view kPictures = "pictures";
// What a run's results take at most, by experience, twice over.
constexpr int64_t kQuickBytes = int64_t{16} << 20;
constexpr int64_t kFullBytes = int64_t{128} << 20;

constexpr Program kProgram = {
    .name = "report",
    .file = "reports/main.cc",
    .usage =
        "Measures processes, pools and messages on this machine and writes a report.\n\n"
        "  ./tools/bazel run //reports -- --quick --out=DIR   a first look, a minute and a half\n"
        "  ./tools/bazel run //reports -- --out=DIR           a full run with verdicts\n"
        "  ./tools/bazel run //reports -- --from=FILE         the report of results measured before\n"
        "  ./tools/bazel run //reports -- --baseline=FILE     and what became faster or slower since an earlier run\n\n"
        "Exit code 0: all done; 1: something failed or is missing; 2: the command line is wrong; 3: with --baseline, "
        "at least one\n"
        "benchmark became slower (without a verdict, untrusted or inconclusive ones don't count).",
    .example = "--out="};

int Fail(int code, std::string_view what) { return Fail(kProgram, code, what); }

// What the machine doctor says now. It looks for a second at what else runs.
absl::StatusOr<Doctor> AskDoctor(const InterruptGuard& interrupts) {
  const absl::StatusOr<std::string> path = FindBuilt("tools/doctor/doctor");
  if (!path.ok()) return path.status();
#ifdef __OPTIMIZE__
  const char* build = "--build=opt";
#else
  const char* build = "--build=fastbuild";
#endif
  std::string text;
  const absl::StatusOr<ChildExit> end = RunChild(
      {*path, "--json", build}, 1, [&](std::string_view line) { absl::StrAppend(&text, line, "\n"); }, interrupts);
  if (!end.ok()) return end.status();
  if (!end->ok()) {
    return absl::UnavailableError(
        absl::StrCat(*path, " ended with ", end->Describe(), ": ", absl::StrJoin(end->last_errors, "; ")));
  }
  return ReadDoctor(text, *path);
}

std::string Stamp(const char* format) { return absl::FormatTime(format, absl::Now(), absl::UTCTimeZone()); }

std::string OutFolder() {
  const std::string named = absl::GetFlag(FLAGS_out);
  return FromCaller(named.empty() ? Stamp("regatta-report-%Y%m%d-%H%M%S") : named);
}

// Whether the baseline may be compared with what `fingerprint` was measured on; notes where that is another machine.
absl::Status CheckBaseline(const std::string& fingerprint, Baseline& baseline) {
  const Context& then = baseline.results.invocations.front().context;
  baseline.other_machine = then.fingerprint != fingerprint;
  if (!baseline.other_machine || absl::GetFlag(FLAGS_baseline_other_machine)) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("--baseline: it was measured on another machine (", then.cpu_model,
                                                 ", fingerprint ", then.fingerprint, ", here ", fingerprint,
                                                 "): measure a new one here, or give --baseline_other_machine too"));
}

// Measures by plan, with progress on standard error.
absl::StatusOr<Results> Measure(const InterruptGuard& interrupts, Baseline* baseline, Output& output) {
  absl::StatusOr<std::string> path = FindBench(absl::GetFlag(FLAGS_bench));
  if (!path.ok()) return path.status();
  Bench bench = {*path, {}};
  const bool quick = absl::GetFlag(FLAGS_quick);
  std::string folder = absl::GetFlag(FLAGS_folder);
  // Part of the benchmarks' own default, all of which takes a minute to copy. Where it is absent they take that.
  if (folder.empty() && fs::is_directory(kFolder)) folder = kFolder;
  if (!folder.empty()) bench.flags.push_back(absl::StrCat("--folder=", FromCaller(folder)));
  uint64_t seed = absl::GetFlag(FLAGS_seed);
  if (seed == 0) seed = static_cast<uint64_t>(absl::ToUnixMicros(absl::Now()));

  const absl::StatusOr<std::vector<ArmInfo>> arms = ListArms(bench, interrupts);
  if (!arms.ok()) return arms.status();
  if (baseline != nullptr) {
    // Asked before ten minutes of measuring.
    const absl::StatusOr<Context> machine = ReadMachine(bench, interrupts);
    if (!machine.ok()) return machine.status();
    if (absl::Status fits = CheckBaseline(machine->fingerprint, *baseline); !fits.ok()) return fits;
  }
  Doctor doctor;
  if (absl::GetFlag(FLAGS_doctor).empty()) {
    absl::StatusOr<Doctor> asked = AskDoctor(interrupts);
    if (asked.ok()) {
      doctor = *std::move(asked);
    } else {
      absl::FPrintF(stderr, "report: going on without the machine doctor: %s\n", asked.status().message());
    }
  }
  // As many as this process may run on, which its children inherit.
  const Plan plan = MakePlan(*arms, quick, static_cast<int>(std::thread::hardware_concurrency()), seed);
  std::vector<double> weights;
  weights.reserve(plan.steps.size());
  for (const Step& step : plan.steps) {
    weights.push_back(step.comparison->block_ms * step.comparison->blocks + 100);
  }
  Progress progress(stderr, isatty(STDERR_FILENO) != 0, std::move(weights));
  Results results = RunPlan(plan, bench, interrupts, progress, [&](std::string_view line) { output.Append(line); });
  results.doctor = std::move(doctor);
  results.quick = quick;
  results.seed = seed;
  results.created_utc = Stamp("%Y-%m-%dT%H:%M:%SZ");
  return results;
}

// Writes everything; returns the exit code.
int Publish(const Results& results, const Baseline* baseline, Output& output) {
  const Report report = BuildReport(results, baseline);
  Markdown markdown = RenderMarkdown(report.document, kPictures);
  std::map<std::string, std::string> files = std::move(markdown.pictures);
  files["report.md"] = std::move(markdown.text);
  files["index.html"] = RenderHtml(report.document);
  files["results.json"] = RenderResultsJson(results, report.summary_json);
  const Output::Finished finished = output.Finish(files);

  for (const Text& sentence : report.answer) absl::PrintF("%s\n", sentence.Plain());
  std::string folder = output.folder();
  if (!finished.status.ok()) {
    Fail(kIncomplete, finished.status.message());
    if (finished.fallback.empty()) {
      return Fail(kIncomplete,
                  absl::StrCat("the report could not be written anywhere else either; raw results so far: ",
                               output.spool_path(), ". Make room, then --from=", output.spool_path()));
    }
    folder = finished.fallback;
    Fail(kIncomplete, absl::StrCat("the whole report is in ", folder, " instead"));
  }
  absl::PrintF("\nReport: %s/index.html (the same as report.md there; the figures: results.json)\n", folder);
  std::fflush(stdout);
  for (const std::string& sentence : results.missing) absl::FPrintF(stderr, "report: %s\n", sentence);
  if (report.slower > 0) return kSlower;
  return finished.status.ok() && results.missing.empty() ? kDone : kIncomplete;
}

// Reads the file that a flag names, if it names one. Returns false if that file is none, and says so.
template <class T>
bool ReadGiven(std::string_view name, const absl::Flag<std::string>& flag,
               absl::StatusOr<T> (*read_file)(const std::string&), T& given) {
  const std::string path = absl::GetFlag(flag);
  if (path.empty()) return true;
  absl::StatusOr<T> read = read_file(FromCaller(path));
  if (!read.ok()) Fail(kMisuse, absl::StrCat("--", name, ": ", read.status().message()));
  if (read.ok()) given = *std::move(read);
  return read.ok();
}

int Main(int argc, char** argv) {
  if (const std::optional<int> code = ReadFlags(kProgram, argc, argv)) return *code;
  const std::vector<std::string> from = absl::GetFlag(FLAGS_from);
  if (!from.empty() && (absl::GetFlag(FLAGS_quick) || !absl::GetFlag(FLAGS_folder).empty())) {
    return Fail(kMisuse, "--from measures nothing: --quick and --folder don't go with it");
  }

  Conformance conformance;
  Doctor doctor;
  Trust trust;
  if (!ReadGiven("conformance", FLAGS_conformance, ReadConformanceFile, conformance) ||
      !ReadGiven("doctor", FLAGS_doctor, ReadDoctorFile, doctor) ||
      !ReadGiven("trust", FLAGS_trust, ReadTrustFile, trust)) {
    return kMisuse;
  }
  absl::StatusOr<Results> results;
  if (!from.empty()) {
    std::vector<std::string> paths;
    paths.reserve(from.size());
    for (const std::string& path : from) paths.push_back(FromCaller(path));
    results = ReadResultFiles(paths);
    if (!results.ok()) return Fail(kMisuse, results.status().message());
  }
  std::optional<Baseline> baseline;
  if (const std::string path = absl::GetFlag(FLAGS_baseline); !path.empty()) {
    absl::StatusOr<Results> earlier = ReadResultFiles({FromCaller(path)});
    if (!earlier.ok()) return Fail(kMisuse, absl::StrCat("--baseline: ", earlier.status().message()));
    if (earlier->invocations.empty()) return Fail(kMisuse, absl::StrCat("--baseline: ", path, " holds no results"));
    baseline = Baseline{*std::move(earlier)};
    if (!from.empty() && !results->invocations.empty()) {
      const absl::Status fits = CheckBaseline(results->invocations.front().context.fingerprint, *baseline);
      if (!fits.ok()) return Fail(kMisuse, fits.message());
    }
  } else if (absl::GetFlag(FLAGS_baseline_other_machine)) {
    return Fail(kMisuse, "--baseline_other_machine goes with --baseline=FILE");
  }
  Baseline* const earlier = baseline ? &*baseline : nullptr;
  // It stays until everything is written, so that a second Ctrl-C doesn't lose what was measured.
  const InterruptGuard interrupts;
  const int64_t reserve = !from.empty() ? 0 : absl::GetFlag(FLAGS_quick) ? kQuickBytes : kFullBytes;
  absl::StatusOr<Output> output = Output::Create(OutFolder(), reserve);
  if (!output.ok()) return Fail(kIncomplete, output.status().message());
  if (from.empty()) {
    results = Measure(interrupts, earlier, *output);
    if (!results.ok()) {
      output->Finish({});
      return Fail(absl::IsInvalidArgument(results.status()) ? kMisuse : kIncomplete, results.status().message());
    }
  }
  if (!conformance.empty()) results->conformance = std::move(conformance);
  if (!doctor.empty()) results->doctor = std::move(doctor);
  if (!trust.empty()) results->trust = std::move(trust);
  return Publish(*results, earlier, *output);
}

}  // namespace
}  // namespace regatta::reports

int main(int argc, char** argv) { return regatta::reports::Main(argc, argv); }
