// Fd: an owned file descriptor.
//
// Ownership  Closes its descriptor when destroyed; move-only. A process made by fork owns a copy of the descriptor
//            table, so closing there leaves the parent's open.
// Exec       Every descriptor that core/os makes is close-on-exec; a child gets only what it is given.
// Numbers    Descriptors that core/os makes to stay lie at 3 and above, and high up if there is room, for users' code
//            expects to find certain low numbers free or inherited. When there are none left, the soft limit is raised
//            to the hard one.
// Threads    As thread-safe as an int.
#ifndef REGATTA_CORE_OS_FD_H_
#define REGATTA_CORE_OS_FD_H_

#include <utility>

#include "absl/functional/function_ref.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace regatta {

class Fd {
 public:
  Fd() = default;
  // Takes ownership of `fd`; a negative one means none.
  explicit Fd(int fd) : fd_(fd) {}
  Fd(Fd&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
  Fd& operator=(Fd&& other) noexcept {
    if (this != &other) {
      Reset();
      fd_ = std::exchange(other.fd_, -1);
    }
    return *this;
  }
  ~Fd() { Reset(); }

  bool valid() const { return fd_ >= 0; }
  // The number, still owned by this object; -1 if none.
  int get() const { return fd_; }
  // Gives the number up without closing it.
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }
  void Reset();

  // A second descriptor for the same open file, close-on-exec.
  // FailedPrecondition: none is owned. ResourceExhausted: no descriptors left.
  absl::StatusOr<Fd> Duplicate() const;

  // Whether exec closes it. FailedPrecondition: none is owned.
  absl::Status SetCloseOnExec(bool close_on_exec);

 private:
  int fd_ = -1;
};

// Runs `make`, which returns a new descriptor, close-on-exec, or -1 and errno; at EMFILE once more if the limit can be
// raised. Places the result high. Not valid: errno tells why.
Fd MakeDescriptor(absl::FunctionRef<int()> make);
// The same open file under a high number; `fd` itself if there is no room, unless it is below 3. Not valid: errno tells
// why.
Fd PlaceHigh(Fd fd);

// Raises the soft limit of descriptors to the hard one. False: it was there already.
bool RaiseDescriptorLimit();
// Gives process `pid`, a child that execs or has just done so, the soft limit that this process had at its start (0:
// this process itself). Does nothing if it was never raised.
void RestoreDescriptorLimit(int pid);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_FD_H_
