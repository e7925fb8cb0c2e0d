// IsolatedProcess: a process in which one arm is set up and run, seen from the driver that watches over it.
//
// What       This program, started again for one arm. Its threads, memory and children end with it, so an arm disturbs
//            neither the next arm nor the driver. A crash is an error of that arm.
// Watching   The driver waits for the answer of the process and for the end of every partner that it announced. When
//            the timeout has passed, the driver kills the process group. The error names what the driver waited for.
// Threads    One.
#ifndef REGATTA_BENCH_HARNESS_ISOLATED_PROCESS_H_
#define REGATTA_BENCH_HARNESS_ISOLATED_PROCESS_H_

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
#include "bench/harness/run_result.h"
#include "core/os/fd.h"

namespace regatta::bench {

// How much to run.
struct RunRequest {
  // Exactly so many operations, rounded up to the fixture's next whole number of them; 0: as many as fit into
  // budget_ns, found by trying, at least the arm's min_operations.
  int64_t operations = 0;
  int64_t budget_ns = 0;
  // Run the arm's min_operations once before, untimed, where so many operations are ordered.
  bool warm_up = true;
  // The seed of the fixture's random numbers, for example of the times at which messages arrive.
  uint64_t seed = 1;
};

struct IsolationOptions {
  // The program's own arguments, so that the isolated process builds the same arms.
  std::vector<std::string> arguments;
  // For each of start, run and finish.
  absl::Duration timeout = absl::Seconds(60);
};

class IsolatedProcess {
 public:
  // Starts the process and sets the arm up in it.
  // Aborted: it or a partner died; DeadlineExceeded: the timeout passed; Cancelled: interrupted (Interrupts); else the
  // arm's.
  static absl::StatusOr<std::unique_ptr<IsolatedProcess>> Start(const Arm& arm, const IsolationOptions& options);
  // Kills what is left.
  ~IsolatedProcess();
  IsolatedProcess(const IsolatedProcess&) = delete;
  IsolatedProcess& operator=(const IsolatedProcess&) = delete;

  // One timed run, with what is measured beside it. Errors as Start; after an error the process can't be used any more.
  absl::StatusOr<RunResult> Run(const RunRequest& order);
  // Ends the fixture in order. Errors as Start.
  absl::Status Finish();

 private:
  IsolatedProcess() = default;
  absl::StatusOr<RunResult> Await(absl::string_view doing, bool partners_may_end);
  absl::Status Gone();
  void Kill();

  absl::Duration timeout_;
  int pid_ = -1;
  Fd socket_;
  struct Watched {
    std::string role;
    int pid;
    Fd pidfd;
  };
  std::vector<Watched> partners_;
};

// The descriptor by which an isolated process reaches its driver.
inline constexpr int kIsolatedProcessFd = 3;
// The argument that makes a process of this program an isolated process.
inline constexpr absl::string_view kIsolatedProcessArgument = "--regatta_isolated";

// The isolated process's side: serves the driver until the driver closes the socket. Returns the exit code.
int ServeIsolatedProcess(std::span<const Arm> arms, std::vector<int> allowed_cpus);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_ISOLATED_PROCESS_H_
