// Nursery: a small process with a single thread that makes children for this process, whatever this process's threads
// do.
//
// A pool makes one before its first worker and replaces dead workers from it; the forkserver start method is one too.
// Children are this process's own (CLONE_PARENT): getppid() in them is our pid, and only we can reap them.
//
// Processes  Serves its creator only, over a socket that was never anywhere else. In a forked child a Nursery does
// nothing. Threads    Thread-safe; starts from several threads take turns. Inherited  Origin::kFork: memory as it was
// at Create. Origin::kExec: nothing. In both a child has descriptors 0-2 as the
//            creator has them at Start, plus what it is given: never another's pipe, whose end-of-file it would hide.
// Crash      The nursery killed: Start says Unavailable, and its child, if it came to be, ran nothing and is reaped.
// The creator
//            killed: the nursery ends; a child not yet under way ends too, a daemonic one always. Signals of the
//            terminal (^C) don't touch it.
#ifndef REGATTA_CORE_PROCESS_NURSERY_H_
#define REGATTA_CORE_PROCESS_NURSERY_H_

#include <cstddef>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/os/fd.h"
#include "core/process/child.h"
#include "core/process/child_identity.h"
#include "core/process/function_id.h"

namespace regatta {

// What a child is to do. Borrowed for the length of Nursery::Start.
struct ChildSpec {
  ChildIdentity identity;  // From NextChildIdentity, perhaps with another name.
  bool daemon = true;      // Ends when its creator does, and may start no process.
  std::vector<int> cpus;   // To be pinned to before any of the function's code runs; empty: as the nursery.
  FunctionId function;
  std::span<const std::byte> arguments;  // Encoded for `function`. Any size.
  std::vector<const Fd*> descriptors;    // Beside the arguments, in their order.
};

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
  // Unavailable: the nursery is gone (nothing runs).
  absl::StatusOr<std::shared_ptr<Child>> Start(const ChildSpec& spec);

  // The nursery itself: its pid, and a sentinel that fires when it is gone.
  const Child& server() const { return *server_; }

 private:
  Nursery() = default;

  std::mutex mutex_;  // One request at a time.
  int32_t owner_pid_ = 0;
  Fd socket_;
  std::shared_ptr<Child> server_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_NURSERY_H_
