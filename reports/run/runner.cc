#include "reports/run/runner.h"

#include <algorithm>
#include <chrono>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "bench/table/benchmarks.h"
#include "reports/results/read_results.h"

namespace regatta::reports {
namespace {

constexpr int kMisuse = 2;  // the benchmark program's exit code where its flags are wrong

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string LastWords(const ChildExit& end) {
  if (end.last_errors.empty()) return "it wrote no error";
  return absl::StrCat("its last words: ", end.last_errors.back());
}

std::string StepName(const Plan& plan, const Step& step) {
  return plan.rounds > 1 ? absl::StrCat(step.comparison->name, ", run ", step.round + 1, " of ", plan.rounds)
                         : step.comparison->name;
}

// Adds what an interrupt left unbegun, a whole round as one.
void NoteUnbegun(const Plan& plan, const Step& step, std::vector<std::string>& unbegun) {
  if (plan.rounds == 1 || plan.comparisons.size() == 1) return unbegun.push_back(StepName(plan, step));
  const std::string round = absl::StrCat("all of run ", step.round + 1, " of ", plan.rounds);
  if (step.comparison == &plan.comparisons.front()) return unbegun.push_back(round);
  if (unbegun.empty() || unbegun.back() != round) unbegun.push_back(StepName(plan, step));
}

// What a step was to measure and didn't, as sentences.
void NoteGaps(const Plan& plan, const Step& step, const ChildExit& end, const Invocation* invocation, bool interrupted,
              std::vector<std::string>& missing) {
  const std::string name = StepName(plan, step);
  if (invocation == nullptr) {
    missing.push_back(interrupted ? absl::StrCat("Interrupted before it measured anything: ", name, ".")
                                  : absl::StrCat("Nothing of: ", name, ". The benchmark program ended with ",
                                                 end.Describe(), "; ", LastWords(end)));
    return;
  }
  const int wanted = step.comparison->ready * step.comparison->blocks;
  const int got = static_cast<int>(invocation->records.size());
  if (got < wanted) {
    missing.push_back(absl::StrCat(
        "Only ", got, " of ", wanted, " measurements of: ", name, ". ",
        interrupted ? std::string("It was interrupted.")
                    : absl::StrCat("The benchmark program ended with ", end.Describe(), "; ", LastWords(end))));
  }
  // One sentence for each reason, whatever the number of arms and of blocks that failed for it.
  std::vector<std::pair<std::string, std::vector<std::string>>> failures;
  for (const Record& record : invocation->records) {
    if (record.ok() && record.verified) continue;
    const std::string why = record.error.empty() ? "its results could not be verified" : record.error;
    auto known = std::find_if(failures.begin(), failures.end(), [&](const auto& f) { return f.first == why; });
    if (known == failures.end()) known = failures.insert(known, {why, {}});
    std::vector<std::string>& keys = known->second;
    if (std::find(keys.begin(), keys.end(), record.key) == keys.end()) keys.push_back(record.key);
  }
  for (const auto& [why, keys] : failures) {
    const size_t shown = std::min<size_t>(keys.size(), 3);
    const std::string more = keys.size() > shown ? absl::StrCat(" and ", keys.size() - shown, " more") : "";
    missing.push_back(
        absl::StrCat("Failed: ", absl::StrJoin(keys.begin(), keys.begin() + shown, ", "), more, ": ", why));
  }
}

// Runs one step, appending its invocation to the results.
absl::StatusOr<ChildExit> RunStep(size_t index, const Plan& plan, const Bench& bench, const InterruptGuard& interrupts,
                                  Progress& progress, const std::function<void(std::string_view)>& on_line,
                                  Results& results) {
  const Step& step = plan.steps[index];
  const Comparison& comparison = *step.comparison;
  std::vector<std::string> arguments = {bench.program};
  arguments.insert(arguments.end(), bench.flags.begin(), bench.flags.end());
  for (const std::string& argument :
       {absl::StrCat("--benchmark_filter=", FilterFor(comparison.keys)), absl::StrCat("--blocks=", comparison.blocks),
        absl::StrCat("--arm_ms=", comparison.arm_ms), absl::StrCat("--seed=", step.seed),
        std::string("--regatta_out=/dev/fd/3")}) {
    arguments.push_back(argument);
  }
  const int wanted = std::max(1, comparison.ready * comparison.blocks);
  int measured = 0;
  const auto show = [&] {
    const int block = std::min(measured / std::max(1, comparison.ready) + 1, comparison.blocks);
    progress.Update(plan.first_step + index, static_cast<double>(measured) / wanted,
                    absl::StrCat(StepName(plan, step), ", block ", block, " of ", comparison.blocks), Now());
  };
  show();
  const size_t known = results.invocations.size();
  return RunChild(
      arguments, 3,
      [&](std::string_view line) {
        if (const absl::Status status = ReadLine(line, results.invocations); status.ok()) {
          on_line(line);
        } else {
          results.missing.push_back(
              absl::StrCat("A line of results could not be read (", StepName(plan, step), "): ", status.message()));
        }
        if (results.invocations.size() > known) {
          measured = static_cast<int>(results.invocations.back().records.size());
          show();
        }
      },
      interrupts);
}

}  // namespace

absl::StatusOr<std::vector<ArmInfo>> ListArms(const Bench& bench, const InterruptGuard& interrupts) {
  std::vector<std::string> arguments = {bench.program};
  arguments.insert(arguments.end(), bench.flags.begin(), bench.flags.end());
  arguments.push_back("--regatta_list");
  std::string text;
  const absl::StatusOr<ChildExit> end = RunChild(
      arguments, 1, [&](std::string_view line) { absl::StrAppend(&text, line, "\n"); }, interrupts);
  if (!end.ok()) return absl::FailedPreconditionError(end.status().message());
  if (end->signal == 0 && end->exit_code == kMisuse && !end->last_errors.empty()) {
    // What the user asked for can't be: its own words say it best.
    return absl::InvalidArgumentError(absl::StripPrefix(end->last_errors.back(), "bench: "));
  }
  if (!end->ok()) {
    return absl::FailedPreconditionError(absl::StrCat("the benchmark program ", bench.program, " ended with ",
                                                      end->Describe(), ": ", absl::StrJoin(end->last_errors, "; ")));
  }
  absl::StatusOr<std::vector<ArmInfo>> arms = ReadArmList(text);
  if (arms.ok() && arms->empty()) {
    return absl::FailedPreconditionError(absl::StrCat("the benchmark program ", bench.program, " has no benchmarks"));
  }
  return arms;
}

absl::StatusOr<Context> ReadMachine(const Bench& bench, const InterruptGuard& interrupts) {
  std::vector<std::string> arguments = {bench.program};
  arguments.insert(arguments.end(), bench.flags.begin(), bench.flags.end());
  arguments.push_back(absl::StrCat("--benchmark_filter=^", bench::Row("lock_unlock").key, "/core$"));
  for (const char* flag : {"--blocks=1", "--arm_ms=1", "--regatta_out=/dev/fd/3"}) arguments.emplace_back(flag);
  std::vector<Invocation> invocations;
  absl::Status read = absl::FailedPreconditionError("the benchmark program did not say what machine this is");
  const absl::StatusOr<ChildExit> end = RunChild(
      arguments, 3,
      [&](std::string_view line) {
        if (invocations.empty()) read = ReadLine(line, invocations);
      },
      interrupts);
  if (!end.ok()) return end.status();
  if (!read.ok() || invocations.empty()) {
    return absl::FailedPreconditionError(absl::StrCat(read.message(), "; it ended with ", end->Describe()));
  }
  return invocations.front().context;
}

Results RunPlan(const Plan& plan, const Bench& bench, const InterruptGuard& interrupts, Progress& progress,
                const std::function<void(std::string_view)>& on_line) {
  Results results;
  std::vector<std::string> unbegun;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    if (interrupts.count() > 0) {
      NoteUnbegun(plan, step, unbegun);
      continue;
    }
    const size_t before = results.invocations.size();
    const absl::StatusOr<ChildExit> end = RunStep(i, plan, bench, interrupts, progress, on_line, results);
    if (!end.ok()) {
      results.missing.push_back(absl::StrCat("Nothing of: ", StepName(plan, step), ". ", end.status().message()));
      continue;
    }
    NoteGaps(plan, step, *end, results.invocations.size() > before ? &results.invocations.back() : nullptr,
             interrupts.count() > 0, results.missing);
  }
  if (!unbegun.empty()) {
    results.missing.push_back(absl::StrCat("Interrupted before: ", absl::StrJoin(unbegun, "; "), "."));
  }
  progress.Finish();
  return results;
}

}  // namespace regatta::reports
