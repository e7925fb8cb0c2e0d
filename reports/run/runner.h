// Runner: a plan, carried out by the benchmark program.

#ifndef REGATTA_REPORTS_RUN_RUNNER_H_
#define REGATTA_REPORTS_RUN_RUNNER_H_

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "reports/results/results.h"
#include "reports/run/child.h"
#include "reports/run/plan.h"
#include "reports/run/progress.h"

namespace regatta::reports {

struct Bench {
  std::string program;             // its path
  std::vector<std::string> flags;  // passed on to every invocation
};

// What the program can measure here.
// FailedPrecondition: it didn't start, failed, or listed nothing; with what it wrote to standard error.
absl::StatusOr<std::vector<ArmInfo>> ListArms(const Bench& bench, const InterruptGuard& interrupts);

// The machine and the build, as the program itself tells: from the header of its shortest run.
// FailedPrecondition: it told nothing.
absl::StatusOr<Context> ReadMachine(const Bench& bench, const InterruptGuard& interrupts);

// Carries out the plan. Goes on after a failure, whose sentence lands in `missing`; after an interrupt keeps what was
// measured and says what wasn't. `on_line` gets every readable line of results as it comes.
Results RunPlan(const Plan& plan, const Bench& bench, const InterruptGuard& interrupts, Progress& progress,
                const std::function<void(std::string_view)>& on_line);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RUN_RUNNER_H_
