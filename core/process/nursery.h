// Nursery: a small process with a single thread that makes children for this process, whatever this process's threads do.
//
// A pool makes one before its first worker and replaces dead workers from it; the forkserver start method is one too.
// Children are this process's own (CLONE_PARENT): getppid() in them is our pid, and only we can reap them.
//
// Processes  Serves its creator only, over a socket that was never anywhere else. In a forked child a Nursery does nothing.
// Threads    Thread-safe; starts from several threads take turns.
// Inherited  Origin::kFork: memory as it was at Create. Origin::kExec: nothing. In both a child has descriptors 0-2 as the
//            creator has them at Start, plus what it is given: never another's pipe, whose end-of-file it would hide.
// Crash      The nursery killed, or stopped for longer than kTimeToAnswer, when it is killed: Start returns Aborted, now and from
//            then on, lost() returns true, and the child, if it came to be, ran nothing and is reaped. The creator killed: the
//            nursery ends; a child not yet under way ends too, a daemonic one always. Signals of the terminal (^C) don't
//            touch it.
#ifndef REGATTA_CORE_PROCESS_NURSERY_H_
#define REGATTA_CORE_PROCESS_NURSERY_H_

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/os/fd.h"
#include "core/os/lifeline.h"
#include "core/os/memfd.h"
#include "core/os/signal_mask.h"
#include "core/process/child.h"
#include "core/process/child_spec.h"

namespace regatta {

class Nursery {
 public:
  enum class Origin { kFork, kExec };

  // FailedPrecondition: Init has not run; this process is daemonic; kFork: this process has threads of other people.
  // ResourceExhausted: no processes, memory or descriptors.
  static absl::StatusOr<std::unique_ptr<Nursery>> Create(Origin origin);
  // Ends the nursery; the children go on.
  ~Nursery();
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;

  // Starts a child. It has been made when Start returns; whether it could decode and call shows in its exit status.
  // InvalidArgument: a cpu that this process may not use. ResourceExhausted: no processes, memory or descriptors.
  // Aborted: the nursery is lost (nothing runs), or the child didn't take its order.
  absl::StatusOr<std::shared_ptr<Child>> Start(const ChildSpec& spec);
  // A Start has found the nursery dead or stopped. It starts nothing any more; make another.
  bool lost() const { return lost_.load(std::memory_order_acquire); }
  static constexpr absl::Duration kTimeToAnswer = absl::Seconds(10);

  // The nursery itself: its pid, and a sentinel that fires when it is gone.
  const Child& server() const { return *server_; }

 private:
  Nursery() = default;
  absl::StatusOr<std::shared_ptr<Child>> RequestChild(const Fd& channel, Lifeline lifeline);
  absl::Status Lost(const absl::Status& why);

  std::atomic<bool> lost_{false};
  std::mutex mutex_;  // One request at a time.
  int32_t owner_pid_ = 0;
  uint64_t requests_ = 0;
  SignalSet blocked_signals_ = 0;  // By the function of each child, when it begins.
  Fd socket_;
  Mapping page_;  // NurseryPage
  std::shared_ptr<Child> server_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_NURSERY_H_
