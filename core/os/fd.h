// Fd: an owned file descriptor.
//
// Ownership  The destructor closes the descriptor. Move-only. A child of fork has a copy of the descriptor table, so
//            closing there leaves the parent's descriptor open.
// Exec       Every descriptor that core/os makes is close-on-exec. A child gets only the descriptors that are passed to
//            it.
// Numbers    The long-lived descriptors of core/os have numbers of 3 and above, and high numbers if there is room,
//            because users' code expects certain low numbers to be free or inherited. When no number is left, the soft
//            limit is raised to the hard one.
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
  // Takes ownership of `fd`. A negative number means none.
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
  // The number, or -1 if there is none. This object still owns it.
  int get() const { return fd_; }
  // Gives up ownership of the number without closing it.
  [[nodiscard]] int Release() { return std::exchange(fd_, -1); }
  void Reset();

  // Returns a second descriptor of the same open file. It is close-on-exec.
  // FailedPrecondition: this object owns none. ResourceExhausted: no descriptors left.
  absl::StatusOr<Fd> Duplicate() const;

  // Sets whether exec closes the descriptor. FailedPrecondition: this object owns none.
  absl::Status SetCloseOnExec(bool close_on_exec);

 private:
  int fd_ = -1;
};

// Calls `make`, which returns a new close-on-exec descriptor, or -1 with errno set. Calls it once more after EMFILE if
// the limit could be raised. Moves the result to a high number. If the result is not valid, errno has the reason.
Fd MakeDescriptor(absl::FunctionRef<int()> make);
// Moves the descriptor to a high number. If there is no room, a number of 3 and above stays. If the result is not
// valid, errno has the reason.
Fd PlaceHigh(Fd fd);

// Raises the soft limit of descriptors to the hard one. Returns false if it was as high already.
bool RaiseDescriptorLimit();
// Gives the process `pid` (0: this process) the soft limit that this process had at its start. `pid` must be a child
// that execs or has just done so. Does nothing if the limit was never raised.
void RestoreDescriptorLimit(int pid);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_FD_H_
