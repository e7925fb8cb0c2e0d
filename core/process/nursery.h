// Nursery: small processes with a single thread that make children for this process, whatever this process's threads
// do.
//
// A pool makes one before its first worker and replaces dead workers from it; the forkserver start method is one too.
// Children are this process's own (CLONE_PARENT): getppid() in them is our pid, and only we can reap them.
//
// Processes  Serves its creator only, over sockets that were never anywhere else. In a forked child a Nursery does
//            nothing.
// Threads    Thread-safe; starts from several threads take turns.
// Origin     kFork: a copy of this process. Its children have this process's memory and descriptors as they were at
//            Create; the core's own descriptors are left out. So a pipe whose write end was open at Create has no end
//            of file while the nursery or one of its children lives. kExec: this program run afresh; its children
//            inherit nothing of this process. In both, a child has descriptors 0-2 as this process has them at Start,
//            plus what it is given.
// Crash      A process of the nursery may be killed at any instruction. A kFork nursery has two: one serves, and the
//            standby is a copy of it with the same memory, which costs page tables and no pages. The standby replaces a
//            server that has died, and makes the next standby. A kExec nursery is run afresh by the next Start. A
//            server that is stopped for longer than kTimeToAnswer is killed. A Start goes on with the next server; the
//            child is made once, or not at all. A kFork nursery is lost if both of its processes are killed before Heal
//            has replaced one: nobody else has the memory that its children are to begin with. From then on Start
//            returns Aborted. The creator killed: the nursery ends; a child not yet under way ends too, a daemonic one
//            always. Signals of the terminal (^C) don't touch the nursery.
#ifndef REGATTA_CORE_PROCESS_NURSERY_H_
#define REGATTA_CORE_PROCESS_NURSERY_H_

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/os/fd.h"
#include "core/os/fork.h"
#include "core/os/memfd.h"
#include "core/os/mutex.h"
#include "core/os/signal_mask.h"
#include "core/process/child.h"
#include "core/process/child_spec.h"

namespace regatta {

class Nursery {
 public:
  enum class Origin { kFork, kExec };

  // FailedPrecondition: Init has not run; this process is daemonic; kFork: this process has threads of other people.
  // ResourceExhausted: no processes, memory or descriptors. Aborted: its processes were killed as fast as they were
  // made.
  static absl::StatusOr<std::unique_ptr<Nursery>> Create(Origin origin);
  // Ends the nursery; the children go on.
  ~Nursery();
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;

  // Starts a child. It has been made when Start returns; whether it could decode and call shows in its exit status.
  // InvalidArgument: a cpu that this process may not use. ResourceExhausted: no processes, memory or descriptors.
  // Aborted: the nursery is lost (nothing runs), or the child didn't take its order.
  absl::StatusOr<std::shared_ptr<Child>> Start(const ChildSpec& spec);
  static constexpr absl::Duration kTimeToAnswer = absl::Seconds(10);

  // Reaps the processes that have died, and of kFork replaces them. To be called when the sentinel of one of servers()
  // fires, and again while whole() returns false. Errors: a standby can't be made now, or the nursery is lost.
  absl::Status Heal();
  // False: a kFork nursery has no standby, and Heal may make one.
  bool whole() const;
  // Its processes, the serving one first. The second of kFork is the standby.
  std::vector<std::shared_ptr<Child>> servers() const;

 private:
  enum class Way { kCopyOwner, kCopyServer, kAfresh };
  struct Server {
    Fd socket;
    Mapping page;  // NurseryPage
    std::shared_ptr<Child> process;
    uint64_t requests = 0;
  };

  explicit Nursery(Origin origin);
  absl::Status HaveServer() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::Status HealLocked() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<std::unique_ptr<Server>> MakeServer(Way way) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  absl::StatusOr<Forked> MakeSibling(const Fd& channel) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Absent: the first server has died, and has made nothing.
  std::optional<absl::StatusOr<Forked>> Ask(const Fd& channel) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // Ends that server. Returns the pid of a sibling that it made and that no reply told of, or 0.
  int32_t Bury(size_t index, const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Origin origin_;
  const int32_t owner_pid_;
  const SignalSet blocked_signals_;  // By the function of each child, when it begins.
  uint64_t fork_handler_ = 0;

  mutable Mutex mutex_;  // One request at a time.
  std::vector<std::unique_ptr<Server>> servers_ ABSL_GUARDED_BY(mutex_);
  std::string last_loss_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_NURSERY_H_
