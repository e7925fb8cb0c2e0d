// Whether verdicts can be trusted: `bazel run //bench:trust`. Comparisons whose answer is known beforehand
// (bench/trust_arms.h) are measured as a report measures, judged as a report judges, and the verdicts held against what
// was seeded (judging.h): first on the machine as it is, then while another process comes and goes on one of its
// processors.
//
// Exit code 0: every verdict was right. 1: one was wrong, or a slow-down of 20 % was missed. 3: none was wrong, but not
// everything was shown: interrupted, something failed, or the machine was so disturbed by others that nothing in its
// quiet half could be trusted. 2: the command line is wrong, or the findings could not be written.

#include <unistd.h>

#include <cstdio>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <vector>

#include "absl/flags/flag.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "reports/results/trust.h"
#include "reports/run/child.h"
#include "reports/run/find_bench.h"
#include "reports/run/output.h"
#include "reports/run/plan.h"
#include "reports/run/progress.h"
#include "reports/run/runner.h"
#include "reports/trust/burner.h"
#include "reports/trust/judging.h"
#include "tools/program/flags.h"
#include "tools/program/paths.h"

ABSL_FLAG(std::string, out, "trust.json", "where the findings go; //reports -- --trust=FILE shows them");
ABSL_FLAG(bool, quick, false, "a look, with a quarter of the comparisons: no proof");
ABSL_FLAG(uint64_t, seed, 0, "decides orders, resampling and the disturbance; default: a fresh one, recorded");
ABSL_FLAG(std::string, bench, "", "the benchmark program; default: the one built with this");

namespace regatta::reports {
namespace {

constexpr int kProven = 0;
constexpr int kWrong = 1;
constexpr int kOpen = 3;

constexpr int kComparisons = 20;
constexpr int kQuickComparisons = 5;
// As a full run of the report has them.
constexpr int kRounds = 5;
constexpr int kBlocks = 10;
// Short, so that all of it takes eight minutes: what is compared takes nanoseconds to a millisecond.
constexpr int kArmMs = 20;
constexpr int kArms = 4;

constexpr Program kProgram = {
    .name = "trust",
    .file = "reports/trust/main.cc",
    .usage =
        "Judges comparisons whose answer is known beforehand, on the machine as it is and while another process "
        "disturbs it.\n\n"
        "  ./tools/bazel run //bench:trust              the proof, about eight minutes\n"
        "  ./tools/bazel run //bench:trust -- --quick   a look, about two\n\n"
        "Exit code 0: every verdict was right; 1: one was wrong or a slow-down of 20 % was missed; 2: the command line "
        "is wrong, or the\n"
        "findings could not be written; 3: none was wrong, but not everything was shown.",
    .example = "--out="};

int Fail(int code, std::string_view what) { return Fail(kProgram, code, what); }

// Below 2^63, which every reader of JSON can hold. The generator is fixed by the standard: a recorded seed gives the
// same run.
uint64_t NextSeed(std::mt19937_64& random) { return random() >> 1; }

// One comparison in all its invocations.
Plan PlanOf(const std::string& name, const std::string& work, size_t first_step, std::mt19937_64& random) {
  Plan plan;
  Comparison comparison = {.name = name,
                           .keys = {TrustKey("plain", work)},
                           .ready = kArms,
                           .blocks = kBlocks,
                           .arm_ms = kArmMs,
                           .block_ms = 1};
  for (const TrustSeed& seeded : kTrustSeeds) comparison.keys.push_back(TrustKey(seeded.system, work));
  plan.comparisons.push_back(std::move(comparison));
  plan.rounds = kRounds;
  plan.first_step = first_step;
  for (int round = 0; round < kRounds; ++round)
    plan.steps.push_back({plan.comparisons.data(), round, NextSeed(random)});
  return plan;
}

std::string Figures(const TrustComparison& comparison) {
  std::string text;
  for (const TrustSeed& seeded : kTrustSeeds) {
    const Estimate& speed = comparison.findings.at(std::string(seeded.system)).speed;
    absl::StrAppendFormat(&text, "  %.3f (%.3f to %.3f)", speed.value, speed.interval.low, speed.interval.high);
  }
  return text;
}

class Proof {
 public:
  Proof(Bench bench, std::vector<std::string> works, uint64_t seed)
      : bench_(std::move(bench)),
        works_(std::move(works)),
        random_(seed),
        comparisons_(absl::GetFlag(FLAGS_quick) ? kQuickComparisons : kComparisons),
        progress_(stderr, isatty(STDERR_FILENO) != 0, std::vector<double>(2 * comparisons_ * kRounds, 1.0)) {
    trust_.quick = absl::GetFlag(FLAGS_quick);
    trust_.seed = seed;
    trust_.created_utc = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone());
  }

  void Measure(const Context& machine, const InterruptGuard& interrupts) {
    trust_.cpu_model = machine.cpu_model;
    trust_.processors = machine.processors;
    absl::PrintF("Speed, the plain work = 1: again; 5 %% slower (0.952); 20 %% slower (0.833)\n");
    MeasureHalf("quiet", interrupts);
    if (interrupts.count() > 0) {
      trust_.missing.emplace_back("Interrupted before the half with a disturbing process.");
      return;
    }
    absl::StatusOr<std::unique_ptr<Burner>> burner = Burner::Start(machine.allowed_cpus.back(), NextSeed(random_));
    if (!burner.ok()) {
      trust_.missing.emplace_back(burner.status().message());
      return;
    }
    MeasureHalf("disturbed", interrupts);
    if (!(*burner)->Alive()) trust_.missing.emplace_back("The disturbing process ended early: it disturbed nothing.");
  }

  const Trust& trust() const { return trust_; }

 private:
  void MeasureHalf(const std::string& name, const InterruptGuard& interrupts) {
    TrustHalf half = {name, {}};
    for (int i = 0; i < comparisons_ && interrupts.count() == 0; ++i) {
      const std::string& work = works_[static_cast<size_t>(i) % works_.size()];
      const std::string label = absl::StrCat(name, " ", i + 1, " of ", comparisons_, ", ", work);
      const Plan plan = PlanOf(label, work, steps_, random_);
      steps_ += kRounds;
      Results results = RunPlan(plan, bench_, interrupts, progress_, [](std::string_view) {});
      if (interrupts.count() > 0) {
        trust_.missing.push_back(absl::StrCat("Interrupted: ", i, " of ", comparisons_, " comparisons of the ", name,
                                              " half were measured."));
        break;
      }
      for (const std::string& sentence : results.missing) trust_.missing.push_back(sentence);
      results.seed = trust_.seed;
      TrustComparison comparison = Compare(work, results);
      absl::PrintF("%s:%s  %d of %d disturbed%s\n", label, Figures(comparison), comparison.disturbed,
                   comparison.measured, comparison.distrust.empty() ? "" : ", untrusted");
      std::fflush(stdout);
      half.comparisons.push_back(std::move(comparison));
    }
    JudgeHalf(half);
    trust_.halves.push_back(std::move(half));
  }

  Bench bench_;
  std::vector<std::string> works_;
  std::mt19937_64 random_;
  int comparisons_;
  size_t steps_ = 0;
  Progress progress_;
  Trust trust_;
};

void PrintTable(const Trust& trust) {
  absl::PrintF("\n%-10s %-15s %11s %7s %7s %11s %13s %10s %6s %7s\n", "half", "seeded", "comparisons", "slower",
               "faster", "equivalent", "inconclusive", "untrusted", "wrong", "missed");
  for (const TrustHalf& half : trust.halves) {
    for (const TrustSeed& seed : kTrustSeeds) {
      const auto verdicts = [&](std::string_view verdict) { return half.Verdicts(seed.system, verdict); };
      absl::PrintF("%-10s %-15s %11d %7d %7d %11d %13d %10d %6d %7d\n", half.name, seed.words, half.comparisons.size(),
                   verdicts("slower"), verdicts("faster"), verdicts("equivalent"), verdicts("inconclusive"),
                   verdicts("untrusted"), half.Outcomes(seed.system, "wrong"), half.Outcomes(seed.system, "missed"));
    }
  }
  absl::PrintF("\n%s\n", trust.Sentence());
}

int Main(int argc, char** argv) {
  if (const std::optional<int> code = ReadFlags(kProgram, argc, argv)) return *code;
  const absl::StatusOr<std::string> program = FindBench(absl::GetFlag(FLAGS_bench));
  if (!program.ok()) return Fail(kMisuse, program.status().message());
  const Bench bench = {*program, {}};
  uint64_t seed = absl::GetFlag(FLAGS_seed);
  if (seed == 0) seed = static_cast<uint64_t>(absl::ToUnixMicros(absl::Now()));

  const InterruptGuard interrupts;
  const absl::StatusOr<std::vector<ArmInfo>> arms = ListArms(bench, interrupts);
  if (!arms.ok()) return Fail(kMisuse, arms.status().message());
  std::vector<std::string> works = TrustWorks(*arms);
  if (works.empty()) return Fail(kMisuse, "the benchmark program has no trust/ benchmarks that can run here");
  const absl::StatusOr<Context> machine = ReadMachine(bench, interrupts);
  if (!machine.ok()) return Fail(kMisuse, machine.status().message());
  if (machine->allowed_cpus.empty()) return Fail(kMisuse, "the benchmark program names no processor to disturb");

  Proof proof(bench, std::move(works), seed);
  proof.Measure(*machine, interrupts);
  const Trust& trust = proof.trust();
  PrintTable(trust);
  for (const std::string& sentence : trust.missing) absl::FPrintF(stderr, "trust: %s\n", sentence);
  const std::string out = FromCaller(absl::GetFlag(FLAGS_out));
  if (absl::Status written = ReplaceFile(out, RenderTrust(trust)); !written.ok()) {
    return Fail(kMisuse, absl::StrCat(written.message(), " (--out chooses another place)"));
  }
  absl::PrintF("Findings: %s (//reports -- --trust=%s shows them in a report)\n", out, out);
  if (trust.Outcomes("wrong") + trust.Outcomes("missed") > 0) return kWrong;
  return trust.Proven() ? kProven : kOpen;
}

}  // namespace
}  // namespace regatta::reports

int main(int argc, char** argv) { return regatta::reports::Main(argc, argv); }
