// Lifeline: ties a process to its owner, so that the kernel kills it when the owner ends.
//
// A lifeline is a pipe. Only the owner holds the write end; the dependent process holds the read end and has asked the
// kernel for a SIGKILL when the last write end is closed. So the dependent ends at the owner's death, at the owner's
// exec, and when the owner cuts the lifeline, whatever signals the dependent blocks or ignores and whatever users both
// have become. Cutting needs no permission: an owner ends a dependent this way that it may no longer signal.
//
// Fork       A child of the owner's fork(), and a sibling of CloneSibling, closes its copies of the write ends. Another
//            copy made without the C library (raw clone, _Fork) keeps the dependent alive as long as it holds the
//            descriptor. DieWithParent (signal_mask.h) covers that case.
// Exec       The write end is close-on-exec. The read end is not: a program that the dependent executes still ends with
//            the owner. Programs that the dependent starts by other means than fork() and exec may inherit the read
//            end. It does nothing to them.
// Limits     A dependent that closes the read end is no longer tied. Neither is one without root's rights in the
//            initial user namespace that later becomes another user in all its user ids, nor the first process of a PID
//            namespace, which the kernel shields from such signals. An owner that closes descriptors which are not its
//            own (closefrom) ends its dependents.
// Threads    Thread-safe, but one object as thread-safe as an int.
#ifndef REGATTA_CORE_OS_LIFELINE_H_
#define REGATTA_CORE_OS_LIFELINE_H_

#include <cstdint>
#include <utility>

#include "absl/status/statusor.h"
#include "core/os/fd.h"

namespace regatta {

// The owner's end.
class Lifeline {
 public:
  Lifeline() = default;
  // A fork() holds the lock of all lifelines. The lock of code that cuts lifelines under a lock of its own, and holds
  // that lock at a fork() too, must be acquired first there: such code calls this before its own pthread_atfork.
  static void WatchForks();
  // Stores the dependent's end in `dependent_end`. Hand it to the dependent and close it here.
  // ResourceExhausted: no descriptors left.
  static absl::StatusOr<Lifeline> Create(Fd* dependent_end);
  Lifeline(Lifeline&& other) noexcept
      : number_(std::exchange(other.number_, -1)), inode_(other.inode_), owner_pid_(other.owner_pid_) {}
  Lifeline& operator=(Lifeline&& other) noexcept;
  // Cuts it.
  ~Lifeline() { Cut(); }

  // Whether this object holds an uncut lifeline of this process.
  bool valid() const;
  // The dependent is killed, if it holds its end. Does nothing in a process other than the owner.
  void Cut();

 private:
  int number_ = -1;
  uint64_t inode_ = 0;
  int32_t owner_pid_ = 0;
};

// Ties this process to the owner of `dependent_end`, until this process ends. A child of fork() or CloneSibling is not
// tied and has no copy.
// False: the owner ended or cut the lifeline before. Errors: an errno of fcntl.
absl::StatusOr<bool> DependOnLifeline(Fd dependent_end);

namespace lifeline_internal {
// In a sibling that CloneSibling has just made, for which no handler of pthread_atfork runs.
void CloseAllInSibling();
}  // namespace lifeline_internal

}  // namespace regatta

#endif  // REGATTA_CORE_OS_LIFELINE_H_
