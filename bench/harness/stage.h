// Stage: a process in which one arm is set up and run, seen from the driver that watches over it.
//
// What       This program started anew for one arm: with threads, memory and children of its own, which end with it. So an
//            arm can neither disturb the next one nor the driver; a crash is an error of that arm.
// Watching   The driver waits on the stage's answer and on the death of every partner that the stage announced, never longer
//            than the patience. Then it kills the stage's process group and says what it waited for.
// Threads    One.
#ifndef REGATTA_BENCH_HARNESS_STAGE_H_
#define REGATTA_BENCH_HARNESS_STAGE_H_

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "bench/harness/arm.h"
#include "bench/harness/batch.h"
#include "core/os/fd.h"

namespace regatta::bench {

// How much to run.
struct RunOrder {
  // Exactly so many operations, or rather a race's next whole number of them; 0: as many as fit into budget_ns, found by
  // trying, at least the arm's batch.
  int64_t operations = 0;
  int64_t budget_ns = 0;
  // Run the arm's batch once before, untimed, where so many operations are ordered.
  bool warm_up = true;
  // Of what the race draws by chance, such as times of arrival.
  uint64_t seed = 1;
};

struct StageOptions {
  // The program's own arguments, so that the stage builds the same arms.
  std::vector<std::string> arguments;
  // For each of start, run and finish.
  absl::Duration patience = absl::Seconds(60);
};

class Stage {
 public:
  // Starts the process and sets the arm up in it.
  // Aborted: it or a partner died; DeadlineExceeded: out of patience; Cancelled: interrupted (interrupt.h); else the arm's.
  static absl::StatusOr<std::unique_ptr<Stage>> Start(const Arm& arm, const StageOptions& options);
  // Kills what is left.
  ~Stage();
  Stage(const Stage&) = delete;
  Stage& operator=(const Stage&) = delete;

  // One timed run, with what is measured beside it. Errors as Start; after one the stage is of no more use.
  absl::StatusOr<Batch> Run(const RunOrder& order);
  // Ends the race in order. Errors as Start.
  absl::Status Finish();

 private:
  Stage() = default;
  absl::StatusOr<Batch> Await(absl::string_view doing, bool partners_may_end);
  absl::Status Gone();
  void Kill();

  absl::Duration patience_;
  int pid_ = -1;
  Fd socket_;
  struct Watched {
    std::string role;
    int pid;
    Fd pidfd;
  };
  std::vector<Watched> partners_;
};

// The number of the descriptor under which a stage finds its driver.
inline constexpr int kStageFd = 3;
// The argument that makes a process of this program a stage.
inline constexpr absl::string_view kStageArgument = "--regatta_stage";

// The stage's side: serves the driver until that closes. Returns the exit code.
int ServeStage(std::span<const Arm> arms, std::vector<int> allowed_cpus);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_STAGE_H_
