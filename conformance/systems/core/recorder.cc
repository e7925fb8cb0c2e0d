#include "conformance/systems/core/recorder.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "conformance/checks/trace_format.h"
#include "core/os/deadline.h"
#include "core/os/error.h"
#include "core/os/fd.h"

namespace regatta::conformance {
namespace {

constexpr int kNoTrace = 70;
constexpr int kCantGoOn = 1;

[[noreturn]] void GiveUp(const std::string& why) {
  fprintf(stderr, "testee: the trace can't be written: %s\n", why.c_str());
  _exit(kNoTrace);
}

// Opened for each event: a child of fork may have none of its parent's descriptors, and other files at their numbers.
Fd OpenTrace() {
  const char* path = getenv("REGATTA_TRACE");
  if (path == nullptr) GiveUp("REGATTA_TRACE names no file");
  Fd file(open(path, O_WRONLY | O_APPEND | O_CLOEXEC));
  if (!file.valid()) GiveUp(std::string(path) + ": " + strerror(errno));
  return file;
}

}  // namespace

std::string ErrorKind(const absl::Status& status) {
  if (status.ok()) return "";
  if (IsFull(status)) return "full";
  if (IsEmpty(status)) return "empty";
  if (IsClosed(status)) return "closed";
  switch (status.code()) {
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return "timeout";
    case absl::StatusCode::kFailedPrecondition:
      return "misuse";
    case absl::StatusCode::kInvalidArgument:
      return "invalid";
    case absl::StatusCode::kUnknown:
      return "thrown";
    case absl::StatusCode::kAborted:
      return "killed";
    case absl::StatusCode::kCancelled:
      return "cancelled";
    case absl::StatusCode::kResourceExhausted:
      return "exhausted";
    case absl::StatusCode::kOutOfRange:
      return "end_of_file";
    case absl::StatusCode::kDataLoss:
      return "corrupt";
    default:
      return "other";
  }
}

void WriteEvent(int64_t begin, int64_t end, std::string actor, std::string kind, Values values, std::string error) {
  const absl::StatusOr<std::string> line = FormatEvent({.begin = begin,
                                                        .end = end,
                                                        .pid = getpid(),
                                                        .actor = std::move(actor),
                                                        .kind = std::move(kind),
                                                        .values = std::move(values),
                                                        .error = std::move(error)});
  if (!line.ok()) GiveUp(std::string(line.status().message()));
  const Fd trace = OpenTrace();
  ssize_t written;
  do {
    written = write(trace.get(), line->data(), line->size());
  } while (written < 0 && errno == EINTR);
  if (written != static_cast<ssize_t>(line->size())) GiveUp(strerror(errno));
}

void Tell(std::string actor, std::string kind, Values values, std::string error) {
  const int64_t now = MonotonicNanos();
  WriteEvent(now, now, std::move(actor), std::move(kind), std::move(values), std::move(error));
}

void TellExit(std::string process, const absl::StatusOr<ExitStatus>& end) {
  Value code;
  if (end.ok() && end->code().has_value()) code = *end->code();
  Tell("main", "exit", {std::move(process), std::move(code)}, ErrorKind(end.status()));
}

void Must(const absl::Status& status) {
  if (status.ok()) return;
  fprintf(stderr, "testee: the scenario can't go on: %s\n", status.ToString().c_str());
  _exit(kCantGoOn);
}

Inside::Inside(std::string actor, std::string kind, Values values)
    : begin_(MonotonicNanos()), actor_(std::move(actor)), kind_(std::move(kind)), values_(std::move(values)) {}

Inside::~Inside() { WriteEvent(begin_, MonotonicNanos(), std::move(actor_), std::move(kind_), std::move(values_), ""); }

namespace recorder_internal {

int64_t Clock() { return MonotonicNanos(); }

}  // namespace recorder_internal
}  // namespace regatta::conformance
