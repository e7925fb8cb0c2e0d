// The core's errors: absl::Status with the codes below, and payloads where people must tell cases of one code apart.
//
//   Unavailable         full, empty or not ready: asked without waiting (IsFull, IsEmpty)
//   DeadlineExceeded    the deadline passed (IsFull, IsEmpty tell what was waited for)
//   ResourceExhausted   no memory, descriptors or processes left
//   FailedPrecondition  closed (IsClosed), used before or after its time, misuse
//   OutOfRange          end of file: the peer closed
//   Aborted             a worker, holder or peer was killed; DeathOf gives pid and signal
//   Cancelled           terminated or cancelled
//   DataLoss            bytes that can't be what they claim
//   Unauthenticated     wrong key
//   Unknown             the user's function threw; ThrownType gives the type
//   InvalidArgument     argument out of range
//   an errno            absl::ErrnoToStatus's code, with call and errno in the text; ErrnoOf gives the number
#ifndef REGATTA_CORE_OS_ERROR_H_
#define REGATTA_CORE_OS_ERROR_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace regatta {

// The error of a system call that just failed with `error_number` (default: errno): "call: text (errno N)".
// EMFILE, ENFILE, ENOMEM, ENOSPC, EFBIG, ETOOMANYREFS and EAGAIN of calls that make something become ResourceExhausted.
absl::Status ErrnoError(absl::string_view call);
absl::Status ErrnoError(absl::string_view call, int error_number);
// The error of a call that this process can't do without and that the kernel, or a sandbox, refused: as ErrnoError, and
// the sentence says what `purpose` the call has, and `since` which Linux there is one, so that a reader knows what to
// allow.
absl::Status RefusedCallError(absl::string_view call, int error_number, absl::string_view purpose,
                              absl::string_view since);
// Whether a call that is unknown or forbidden, not misused, fails with this: ENOSYS or EPERM.
bool IsRefusal(int error_number);
// The errno behind `status`, if a system call was.
std::optional<int> ErrnoOf(const absl::Status& status);

// Full: DeadlineExceeded if `waited`, else Unavailable.
absl::Status FullError(absl::string_view what, bool waited);
absl::Status EmptyError(absl::string_view what, bool waited);
absl::Status ClosedError(absl::string_view what);
bool IsFull(const absl::Status& status);
bool IsEmpty(const absl::Status& status);
bool IsClosed(const absl::Status& status);

// How a process died. `signal` is 0 where it ended by itself with `exit_code`, and where nothing is known: that is then
// -1.
struct Death {
  int32_t pid = 0;
  int32_t signal = 0;
  int32_t exit_code = 0;
};
// Aborted: "<who> (pid N) was killed by signal S (SIGKILL)".
absl::Status DeathError(absl::string_view who, const Death& death);
std::optional<Death> DeathOf(const absl::Status& status);

// Unknown: the user's function threw an object of `type` whose text is `text`.
absl::Status ThrownError(absl::string_view type, absl::string_view text);
std::optional<std::string> ThrownType(const absl::Status& status);

// "SIGKILL" for 9, "signal 77" for what has no name.
std::string SignalName(int signal);

}  // namespace regatta

#endif  // REGATTA_CORE_OS_ERROR_H_
