#include "reports/run/runner.h"

#include <algorithm>
#include <chrono>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "reports/results/read_results.h"

namespace regatta::reports {
namespace {

double Now() { return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch()).count(); }

std::string LastWords(const ChildEnd& end) {
  if (end.last_errors.empty()) return "it wrote no error";
  return absl::StrCat("its last words: ", end.last_errors.back());
}

std::string StepName(const Plan& plan, const Step& step) {
  return plan.rounds > 1 ? absl::StrCat(step.comparison->name, ", run ", step.round + 1, " of ", plan.rounds)
                         : step.comparison->name;
}

// What a step was to measure and didn't, as sentences.
void NoteGaps(const Plan& plan, const Step& step, const ChildEnd& end, const Invocation* invocation, bool interrupted,
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
  // One sentence for each arm that failed, whatever the number of blocks it failed in.
  std::set<std::string> told;
  for (const Record& record : invocation->records) {
    if ((record.ok && record.verified) || !told.insert(record.key).second) continue;
    missing.push_back(absl::StrCat("Failed: ", record.key, ": ",
                                   record.error.empty() ? "its results could not be verified" : record.error));
  }
}

// Runs one step, appending its invocation to the results.
absl::StatusOr<ChildEnd> RunStep(size_t index, const Plan& plan, const Bench& bench, const InterruptGuard& interrupts,
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
    progress.Update(index, static_cast<double>(measured) / wanted,
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
  const absl::StatusOr<ChildEnd> end = RunChild(
      arguments, 1, [&](std::string_view line) { absl::StrAppend(&text, line, "\n"); }, interrupts);
  if (!end.ok()) return absl::FailedPreconditionError(end.status().message());
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

Results RunPlan(const Plan& plan, const Bench& bench, const InterruptGuard& interrupts, Progress& progress,
                const std::function<void(std::string_view)>& on_line) {
  Results results;
  for (size_t i = 0; i < plan.steps.size(); ++i) {
    const Step& step = plan.steps[i];
    if (interrupts.count() > 0) {
      results.missing.push_back(absl::StrCat("Interrupted before: ", StepName(plan, step), "."));
      continue;
    }
    const size_t before = results.invocations.size();
    const absl::StatusOr<ChildEnd> end = RunStep(i, plan, bench, interrupts, progress, on_line, results);
    if (!end.ok()) {
      results.missing.push_back(absl::StrCat("Nothing of: ", StepName(plan, step), ". ", end.status().message()));
      continue;
    }
    NoteGaps(plan, step, *end, results.invocations.size() > before ? &results.invocations.back() : nullptr,
             interrupts.count() > 0, results.missing);
  }
  progress.Finish();
  return results;
}

}  // namespace regatta::reports
