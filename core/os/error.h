// The core's errors: absl::Status with the codes below. A payload distinguishes cases of one code where callers need
// that.
//
//   Unavailable         full, empty or not ready, and the call was not to block (IsFull, IsEmpty)
//   DeadlineExceeded    the deadline passed (IsFull, IsEmpty give the reason)
//   ResourceExhausted   no memory, descriptors or processes left
//   FailedPrecondition  closed (IsClosed), used too early or too late, misuse
//   OutOfRange          end of file: the peer closed
//   Aborted             a worker, holder or peer was killed; DeathOf gives pid and signal
//   Cancelled           terminated or cancelled
//   DataLoss            the bytes are not what they should be
//   Unauthenticated     wrong key
//   Unknown             a user's function threw; ThrownType gives the type
//   InvalidArgument     an argument is out of range
//   an errno            absl::ErrnoToStatus's code, with call and errno in the message; ErrnoOf gives the number
#ifndef REGATTA_CORE_OS_ERROR_H_
#define REGATTA_CORE_OS_ERROR_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace regatta {

// The error of a system call that has just failed with `error_number` (default: errno): "call: text (errno N)". EMFILE,
// ENFILE, ENOMEM, ENOSPC, EFBIG, ETOOMANYREFS, and the EAGAIN of a call that makes something, become ResourceExhausted.
absl::Status ErrnoError(absl::string_view call);
absl::Status ErrnoError(absl::string_view call, int error_number);
// The error of a call that this process needs and that the kernel or a sandbox refused. Like ErrnoError, and the
// message adds the `purpose` of the call and the Linux version `since` which it exists, so that a reader knows what to
// allow.
absl::Status RefusedCallError(absl::string_view call, int error_number, absl::string_view purpose,
                              absl::string_view since);
// Whether `error_number` means that the kernel or a sandbox refuses the call: ENOSYS or EPERM.
bool IsRefusal(int error_number);
// The errno behind `status`, if `status` is the error of a system call.
std::optional<int> ErrnoOf(const absl::Status& status);

// The error of something full: DeadlineExceeded if the call `waited`, else Unavailable. EmptyError likewise.
absl::Status FullError(absl::string_view what, bool waited);
absl::Status EmptyError(absl::string_view what, bool waited);
absl::Status ClosedError(absl::string_view what);
bool IsFull(const absl::Status& status);
bool IsEmpty(const absl::Status& status);
bool IsClosed(const absl::Status& status);

// How a process died. `signal` is 0 if the process exited with `exit_code`. If nothing is known, `signal` is 0 and
// `exit_code` is -1.
struct Death {
  int32_t pid = 0;
  int32_t signal = 0;
  int32_t exit_code = 0;
};
// Aborted: "<who> (pid N) was killed by signal S (SIGKILL)".
absl::Status DeathError(absl::string_view who, const Death& death);
std::optional<Death> DeathOf(const absl::Status& status);

// Unknown: a user's function threw an object of `type` with the text `text`.
absl::Status ThrownError(absl::string_view type, absl::string_view text);
std::optional<std::string> ThrownType(const absl::Status& status);

// "SIGKILL" for 9. "signal 77" for a signal without a name.
std::string SignalName(int signal);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_ERROR_H_
