// Nursery: small single-threaded processes that make children for this process, whatever threads this process has.
//
// A pool makes a nursery before its first worker, and replaces dead workers from it. The start method forkserver is a
// nursery, too. The children are this process's own (CLONE_PARENT): their getppid() is this process, and only this
// process can reap them.
//
// Processes  A nursery serves only its creator, over sockets that no other process has ever held. In a forked child a
//            Nursery does nothing.
// Threads    Thread-safe. Starts of several threads take turns.
// Origin     kFork: a copy of this process. Its children have this process's memory and descriptors as they were at
//            Create, without the core's own descriptors. A pipe whose write end was open at Create therefore has no end
//            of file as long as the nursery or one of its children lives. kExec: this program, run afresh. Its children
//            inherit nothing of this process. With both, a child's descriptors 0-2 are those of this process at Start.
//            The other descriptors that Start passes are added.
// Crash      A process of the nursery may be killed at any instruction. A kFork nursery has two processes: the server,
//            and the standby, which is a copy of the server with the same memory and costs page tables but no pages.
//            The standby replaces a dead server, and makes the next standby. A kExec nursery is run afresh by the next
//            Start. A server that is stopped for longer than kTimeToAnswer is killed. Start goes on with the next
//            server; the child is made once, or not at all. A kFork nursery is lost if both processes are killed before
//            Heal has replaced one, because no other process has the memory with which its children begin. Start
//            returns Aborted from then on. If the creator is killed, the nursery ends, and with it a child that has not
//            its whole order yet; a daemonic child always ends. Signals from the terminal (^C) do not reach the
//            nursery.
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

  // FailedPrecondition: Init has not run; this process is daemonic; or kFork, and this process has threads that are not
  // the core's. ResourceExhausted: no processes, memory or descriptors left. Aborted: the processes of the nursery were
  // killed as fast as they were made.
  static absl::StatusOr<std::unique_ptr<Nursery>> Create(Origin origin);
  // Ends the nursery. Its children go on.
  ~Nursery();
  Nursery(const Nursery&) = delete;
  Nursery& operator=(const Nursery&) = delete;

  // Starts a child. When Start returns, the child has been made. Its exit status shows whether it could decode the
  // arguments and make the call. InvalidArgument: this process may not use one of the cpus. ResourceExhausted: no
  // processes, memory or descriptors left. Aborted: the nursery is lost and nothing runs, or the child did not take its
  // order.
  absl::StatusOr<std::shared_ptr<Child>> Start(const ChildSpec& spec);
  static constexpr absl::Duration kTimeToAnswer = absl::Seconds(10);

  // Reaps the processes that have died, and replaces those of a kFork nursery. Call it when the sentinel of one of
  // servers() fires, and repeat it while whole() is false. Errors: a standby can't be made now, or the nursery is lost.
  absl::Status Heal();
  // False if a kFork nursery has no standby. Heal may make one.
  bool whole() const;
  // The processes of the nursery. The first one serves; the second one of a kFork nursery is the standby.
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
  // Ends that server. Returns the pid of a sibling that it made and of which no reply told, or 0.
  int32_t Bury(size_t index, const absl::Status& why) ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  const Origin origin_;
  const int32_t owner_pid_;
  const SignalSet blocked_signals_;  // The function of each child begins with these.
  uint64_t fork_handler_ = 0;

  mutable Mutex mutex_;  // One request at a time.
  std::vector<std::unique_ptr<Server>> servers_ ABSL_GUARDED_BY(mutex_);
  std::string last_loss_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_NURSERY_H_
