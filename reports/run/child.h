// Child: the benchmark program, run to its end, with what it writes handed on line by line.
//
// Signals  While a Child runs, SIGINT and SIGTERM to this process don't end it: the first is passed on to the child,
//          which then ends after its current measurement; the second ends the child, the third kills it. Each child has
//          a process group of its own, so that Ctrl-C reaches it through here, once.
// Threads  For a single-threaded program: signal handlers and the signal mask are the process's.

#ifndef REGATTA_REPORTS_RUN_CHILD_H_
#define REGATTA_REPORTS_RUN_CHILD_H_

#include <csignal>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "tools/program/interrupts.h"

namespace regatta::reports {

// From construction to destruction SIGINT and SIGTERM are counted instead of ending the process. One at a time.
class InterruptGuard {
 public:
  InterruptGuard();
  ~InterruptGuard();
  InterruptGuard(const InterruptGuard&) = delete;
  InterruptGuard& operator=(const InterruptGuard&) = delete;

  // How many came so far, those that are still pending included.
  int count() const;
  // The signal mask from before.
  const sigset_t& outer_mask() const { return outer_mask_; }

 private:
  sigset_t outer_mask_;
  struct sigaction outer_child_;
  Interrupts interrupts_;
};

struct ChildExit {
  int exit_code = 0;  // meaningless when a signal ended it
  int signal = 0;     // 0: it exited
  // The last lines it wrote to standard error, at most ten.
  std::vector<std::string> last_errors;

  bool ok() const { return signal == 0 && exit_code == 0; }
  // "exit code 1" or "signal 11 (Segmentation fault)".
  std::string Describe() const;
};

// Runs arguments[0] (a path) until it ends. Each line that it writes to descriptor `channel` (1, or one above 2, which
// the child then finds open) goes to `on_line` without its line end, a last one without a line end too.
// An error: it could not be started.
absl::StatusOr<ChildExit> RunChild(const std::vector<std::string>& arguments, int channel,
                                   const std::function<void(std::string_view)>& on_line,
                                   const InterruptGuard& interrupts);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RUN_CHILD_H_
