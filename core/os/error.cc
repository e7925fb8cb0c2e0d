#include "core/os/error.h"

#include <string.h>

#include <cerrno>
#include <csignal>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"

namespace regatta {
namespace {

constexpr absl::string_view kErrno = "regatta/errno";
constexpr absl::string_view kCase = "regatta/case";
constexpr absl::string_view kDeath = "regatta/death";
constexpr absl::string_view kThrown = "regatta/thrown";
constexpr absl::string_view kFull = "full";
constexpr absl::string_view kEmpty = "empty";
constexpr absl::string_view kClosed = "closed";

absl::Status WithCase(absl::Status status, absl::string_view which) {
  status.SetPayload(kCase, absl::Cord(which));
  return status;
}

bool IsCase(const absl::Status& status, absl::string_view which) {
  const auto payload = status.GetPayload(kCase);
  return payload.has_value() && *payload == which;
}

absl::StatusCode CodeOf(int error_number) {
  switch (error_number) {
    case EMFILE:
    case ENFILE:
    case ENOMEM:
    case ENOSPC:
    case EAGAIN:
    case EDQUOT:
    case EFBIG:
    case ETOOMANYREFS:
      return absl::StatusCode::kResourceExhausted;
    default:
      return absl::ErrnoToStatusCode(error_number);
  }
}

// What a reader can do about the error, if that is known.
absl::string_view WayOut(int error_number) {
  switch (error_number) {
    case EMFILE:
      return ": this process has no descriptors left; close some, or raise `ulimit -n`";
    case ENFILE:
      return ": the machine has no descriptors left; end some processes, or raise fs.file-max";
    case ENOMEM:
      return ": no memory or address space left; free some, or raise `ulimit -v` or the cgroup's memory.max";
    case ENOSPC:
      return ": no memory left for shared memory; free some, or raise the cgroup's memory.max, or vm.overcommit_ratio "
             "where "
             "vm.overcommit_memory is 2";
    case EFBIG:
      return ": larger than this process's files may be; raise `ulimit -f`";
    case ETOOMANYREFS:
      return ": too many descriptors of this user are on their way to other processes; let these receive them, or "
             "raise `ulimit -n`";
    default:
      return "";
  }
}

}  // namespace

absl::Status ErrnoError(absl::string_view call) { return ErrnoError(call, errno); }

absl::Status ErrnoError(absl::string_view call, int error_number) {
  char buffer[128];
  const char* text = strerror_r(error_number, buffer, sizeof(buffer));
  absl::Status status(CodeOf(error_number),
                      absl::StrCat(call, ": ", text, " (errno ", error_number, ")", WayOut(error_number)));
  status.SetPayload(kErrno, absl::Cord(absl::StrCat(error_number)));
  return status;
}

bool IsRefusal(int error_number) { return error_number == ENOSYS || error_number == EPERM; }

absl::Status RefusedCallError(absl::string_view call, int error_number, absl::string_view purpose,
                              absl::string_view since) {
  absl::Status status = ErrnoError(call, error_number);
  if (!IsRefusal(error_number)) return status;
  absl::Status refused(absl::StatusCode::kFailedPrecondition,
                       absl::StrCat(status.message(), ": the core needs this call for ", purpose, "; it takes Linux ",
                                    since, " or newer, and a sandbox (seccomp, valgrind) must let it through"));
  refused.SetPayload(kErrno, absl::Cord(absl::StrCat(error_number)));
  return refused;
}

std::optional<int> ErrnoOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kErrno);
  int number = 0;
  if (!payload.has_value() || !absl::SimpleAtoi(std::string(*payload), &number)) return std::nullopt;
  return number;
}

absl::Status FullError(absl::string_view what, bool waited) {
  return WithCase(waited ? absl::DeadlineExceededError(absl::StrCat(what, " is still full"))
                         : absl::UnavailableError(absl::StrCat(what, " is full")),
                  kFull);
}

absl::Status EmptyError(absl::string_view what, bool waited) {
  return WithCase(waited ? absl::DeadlineExceededError(absl::StrCat(what, " is still empty"))
                         : absl::UnavailableError(absl::StrCat(what, " is empty")),
                  kEmpty);
}

absl::Status ClosedError(absl::string_view what) {
  return WithCase(absl::FailedPreconditionError(absl::StrCat(what, " is closed")), kClosed);
}

bool IsFull(const absl::Status& status) { return IsCase(status, kFull); }
bool IsEmpty(const absl::Status& status) { return IsCase(status, kEmpty); }
bool IsClosed(const absl::Status& status) { return IsCase(status, kClosed); }

absl::Status DeathError(absl::string_view who, const Death& death) {
  const std::string how = death.signal != 0
                              ? absl::StrCat("was killed by signal ", death.signal, " (", SignalName(death.signal), ")")
                          : death.exit_code < 0 ? "ended; how is not known, as somebody else reaped it"
                                                : absl::StrCat("ended with exit code ", death.exit_code);
  absl::Status status = absl::AbortedError(absl::StrCat(who, " (pid ", death.pid, ") ", how));
  status.SetPayload(kDeath, absl::Cord(absl::StrCat(death.pid, " ", death.signal, " ", death.exit_code)));
  return status;
}

std::optional<Death> DeathOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kDeath);
  if (!payload.has_value()) return std::nullopt;
  const std::string text(*payload);
  const std::vector<absl::string_view> fields = absl::StrSplit(text, ' ');
  Death death;
  if (fields.size() != 3 || !absl::SimpleAtoi(fields[0], &death.pid) || !absl::SimpleAtoi(fields[1], &death.signal) ||
      !absl::SimpleAtoi(fields[2], &death.exit_code)) {
    return std::nullopt;
  }
  return death;
}

absl::Status ThrownError(absl::string_view type, absl::string_view text) {
  absl::Status status = absl::UnknownError(absl::StrCat(type, ": ", text));
  status.SetPayload(kThrown, absl::Cord(type));
  return status;
}

std::optional<std::string> ThrownType(const absl::Status& status) {
  const auto payload = status.GetPayload(kThrown);
  if (!payload.has_value()) return std::nullopt;
  return std::string(*payload);
}

std::string SignalName(int signal) {
  const char* name = sigabbrev_np(signal);
  return name == nullptr ? absl::StrCat("signal ", signal) : absl::StrCat("SIG", name);
}

}  // namespace regatta
