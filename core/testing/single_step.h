// For tests: a process that is run one instruction at a time, and killed after any of them.
//
//   SteppedChild victim([&] {
//     Prepare();
//     BeginSteps();
//     TheOperation();
//     EndSteps();
//     return 0;
//   });
//   if (victim.Step(n) == SteppedChild::At::kStep) victim.Kill();
//
// Steps      Instructions of user space; a system call is one, whatever the kernel does in it. They are counted from
//            BeginSteps on, so a few of its own come first, and a few of EndSteps' last.
// Threads    The thread that made the victim steps it (the kernel's rule for tracers); the victim has one thread.
// Processor  SteppedHere pins the caller, and with it the victims that it forks: a step then costs two switches and no
//            wake-up.
#ifndef REGATTA_CORE_TESTING_SINGLE_STEP_H_
#define REGATTA_CORE_TESTING_SINGLE_STEP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"

namespace regatta {

// For the victim, a child of the process that steps it: stops until it is stepped or let go.
void BeginSteps();
// The end of what is stepped: stops again. Only after BeginSteps.
void EndSteps();

class SteppedProcess {
 public:
  enum class At {
    kStep,    // It stands after the last instruction asked for.
    kAsleep,  // In a system call that waits for somebody; the call after the next Step goes on with it.
    kEnd,     // At EndSteps, all of the region done.
    kGone,    // It has ended.
  };

  // Of a child of the calling thread that comes, or has come, to BeginSteps.
  explicit SteppedProcess(int32_t pid) : pid_(pid) {}
  // Waits until it stands at BeginSteps. kGone: it ended before.
  At Begin();
  // Runs `count` instructions further, or as far as it gets.
  At Step(uint64_t count) { return Advance(count, /*by_calls=*/false); }
  // The same in coarser steps, for long operations: it stands before or after a system call.
  At StepCalls(uint64_t count) { return Advance(count, /*by_calls=*/true); }
  // Runs it freely to EndSteps.
  At RunToEnd();
  // Lets it go for good; from EndSteps, or from anywhere.
  void Detach();
  void Kill() const;

  int32_t pid() const { return pid_; }
  uint64_t steps() const { return steps_; }

 private:
  At Advance(uint64_t count, bool by_calls);
  At WaitForStop(bool may_sleep);

  const int32_t pid_;
  uint64_t steps_ = 0;
  bool under_way_ = false;  // A step was begun, and its stop is yet to come.
};

// One that is forked for it, reaped at the end.
class SteppedChild {
 public:
  using At = SteppedProcess::At;
  // The exit code is what `body` returns. It stands at BeginSteps when this returns.
  explicit SteppedChild(absl::FunctionRef<int()> body);
  SteppedChild(const SteppedChild&) = delete;
  ~SteppedChild();

  At Step(uint64_t count) { return process_->Step(count); }
  At StepCalls(uint64_t count) { return process_->StepCalls(count); }
  // Kills it where it stands; all of its memory and its descriptors are gone when this returns.
  void Kill();
  // Lets it finish, and returns its exit code, or minus the signal that ended it.
  int Finish();

  int32_t pid() const { return process_->pid(); }
  SteppedProcess& process() { return *process_; }

 private:
  std::unique_ptr<SteppedProcess> process_;
  bool reaped_ = false;
};

// While it lives the calling thread stays on the processor that it runs on.
class SteppedHere {
 public:
  SteppedHere();
  ~SteppedHere();

 private:
  std::vector<std::byte> before_;
};

// Which instructions to kill after, of an operation of `steps` of them: each one, or some `most` of them, of every
// `stride`-th from a random one on. REGATTA_EVERY_STEP in the environment makes it each one up to 6,000, and as many as
// minutes allow of more.
struct StepPlan {
  uint64_t first = 0;
  uint64_t stride = 1;
};
StepPlan PlanSteps(uint64_t steps, uint64_t most, uint32_t seed);

// Calls `run` with the numbers that a plan names; `run` makes a victim, steps it so far, kills it, checks what must
// hold, and returns how far it came. Called first with a number that nobody comes to, to find the end. Says on stdout
// what was done, and the seed.
void KillAtEachStep(const char* operation, uint64_t most, absl::FunctionRef<uint64_t(uint64_t)> run);

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_SINGLE_STEP_H_
