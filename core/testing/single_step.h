// For tests: runs a process one instruction at a time, and kills it after any of them.
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
// Steps      A step is an instruction of user space. A system call is one step, whatever the kernel does in it. The
//            count begins in BeginSteps, so it includes a few instructions of BeginSteps and of EndSteps.
// Threads    Only the thread that made the victim may step it (the kernel's rule for tracers). The victim has one
//            thread.
// Processor  SteppedHere pins the caller, and thus the victims that it forks. A step then costs two context switches
//            and no wake-up.
#ifndef REGATTA_CORE_TESTING_SINGLE_STEP_H_
#define REGATTA_CORE_TESTING_SINGLE_STEP_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "absl/functional/function_ref.h"

namespace regatta {

// Called by the victim, a child of the process that steps it: stops until it is stepped or detached.
void BeginSteps();
// Called by the victim after BeginSteps, at the end of the stepped code: stops again.
void EndSteps();

class SteppedProcess {
 public:
  enum class At {
    kStep,    // It stands after the requested number of instructions.
    kAsleep,  // In a system call that waits for somebody; the call after the next Step goes on with it.
    kEnd,     // It stands at EndSteps, after all of the stepped code.
    kGone,    // It has ended.
  };

  // `pid` is a child of the calling thread that calls BeginSteps, or has called it.
  explicit SteppedProcess(int32_t pid) : pid_(pid) {}
  // Waits until the process stands at BeginSteps. kGone: it ended before.
  At Begin();
  // Runs `count` more instructions, or as many as it can.
  At Step(uint64_t count) { return Advance(count, /*by_calls=*/false); }
  // The same in coarser steps, for long operations: it stops before and after each system call.
  At StepCalls(uint64_t count) { return Advance(count, /*by_calls=*/true); }
  // Runs the process freely to EndSteps.
  At RunToEnd();
  // Lets the process go on without steps, from wherever it stands.
  void Detach();
  void Kill() const;

  int32_t pid() const { return pid_; }
  uint64_t steps() const { return steps_; }

 private:
  At Advance(uint64_t count, bool by_calls);
  At WaitForStop(bool may_sleep);

  const int32_t pid_;
  uint64_t steps_ = 0;
  bool under_way_ = false;  // A step has begun, and the process has not stopped yet.
};

// A SteppedProcess that the constructor forks and the destructor reaps.
class SteppedChild {
 public:
  using At = SteppedProcess::At;
  // The child exits with the result of `body`. When the constructor returns, the child stands at BeginSteps.
  explicit SteppedChild(absl::FunctionRef<int()> body);
  SteppedChild(const SteppedChild&) = delete;
  ~SteppedChild();

  At Step(uint64_t count) { return process_->Step(count); }
  At StepCalls(uint64_t count) { return process_->StepCalls(count); }
  // Kills the child where it stands. When this returns, its memory and its descriptors are gone.
  void Kill();
  // Lets the child finish. Returns its exit code, or minus the signal that ended it.
  int Finish();

  int32_t pid() const { return process_->pid(); }
  SteppedProcess& process() { return *process_; }

 private:
  std::unique_ptr<SteppedProcess> process_;
  bool reaped_ = false;
};

// Pins the calling thread to its current processor. The destructor restores the affinity.
class SteppedHere {
 public:
  SteppedHere();
  ~SteppedHere();

 private:
  std::vector<std::byte> before_;
};

// The instructions after which to kill, for an operation of `steps` instructions: each one, or about `most` of them,
// which are every `stride`-th from a random first one on. If REGATTA_EVERY_STEP is set, these are all of up to 6,000
// instructions, and of more as many as fit into some minutes.
struct StepPlan {
  uint64_t first = 0;
  uint64_t stride = 1;
};
StepPlan PlanSteps(uint64_t steps, uint64_t most, uint32_t seed);

// Calls `run` with each number of a plan. `run` makes a victim, runs so many steps of it, kills it, checks what must
// hold, and returns the number of steps that the victim made. The first call has a number that no victim reaches, to
// find the end. Prints to stdout what it did, and the seed.
void KillAtEachStep(const char* operation, uint64_t most, absl::FunctionRef<uint64_t(uint64_t)> run);

}  // namespace regatta

#endif  // REGATTA_CORE_TESTING_SINGLE_STEP_H_
