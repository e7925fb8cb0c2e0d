#include "core/ipc/wait_for_any.h"

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/os/poll.h"

namespace regatta {
namespace {

// The kernel does not tell of every death and every message: see ByteConnection::Watch.
constexpr absl::Duration kTick = absl::Seconds(1);

}  // namespace

absl::StatusOr<std::vector<size_t>> WaitForAny(absl::Span<const Waitable> things, Deadline deadline) {
  std::vector<PollEntry> entries(things.size());
  std::vector<size_t> ready;
  while (!things.empty()) {
    Deadline until = Deadline::Earlier(deadline, Deadline::After(kTick));
    for (size_t i = 0; i < things.size(); ++i) {
      if (things[i].connection_ == nullptr) {
        if (!things[i].fd_->valid()) {
          return absl::FailedPreconditionError(absl::StrCat("descriptor number ", i, " to wait for is none"));
        }
        entries[i] = {.fd = things[i].fd_};
        continue;
      }
      const absl::StatusOr<const Fd*> watched = things[i].connection_->Watch();
      if (!watched.ok()) return watched.status();
      entries[i] = {.fd = *watched};
      if (*watched == nullptr) until = Deadline::Now();
    }
    if (const absl::StatusOr<int> polled = PollReadable(entries, until); !polled.ok()) {
      return polled.status();
    }
    for (size_t i = 0; i < things.size(); ++i) {
      const ByteConnection* connection = things[i].connection_;
      // A connection's descriptor may be readable for no reason.
      if (connection == nullptr ? entries[i].ready : connection->Poll().value_or(true)) ready.push_back(i);
    }
    if (!ready.empty() || deadline.passed()) break;
  }
  return ready;
}

}  // namespace regatta
