#include "bench/harness/partner.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstring>
#include <limits>
#include <string>
#include <utility>

#include "absl/strings/str_cat.h"
#include "bench/harness/child_process.h"
#include "core/os/error.h"
#include "core/topology/affinity.h"

namespace regatta::bench {
namespace {

// The order to end. Not the orders' end of file: partners made later hold this one's pipe open.
constexpr int64_t kDismissed = std::numeric_limits<int64_t>::min();

// What crosses the reports' pipe; smaller than PIPE_BUF, so written at once.
struct Answer {
  PartnerReport report;
  int32_t code = 0;  // absl::StatusCode
  char message[512] = {};
};

Answer AnswerOf(const absl::StatusOr<PartnerReport>& report) {
  Answer answer;
  if (report.ok()) {
    answer.report = *report;
  } else {
    answer.code = static_cast<int32_t>(report.status().code());
    const absl::string_view text = report.status().message();
    text.copy(answer.message, std::min(text.size(), sizeof answer.message - 1));
  }
  return answer;
}

// False: end of file, or an error.
bool ReadWhole(const Fd& fd, void* data, size_t size) {
  for (size_t done = 0; done < size;) {
    const ssize_t got = read(fd.get(), static_cast<char*>(data) + done, size - done);
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) return false;
    done += static_cast<size_t>(got);
  }
  return true;
}

bool WriteWhole(const Fd& fd, const void* data, size_t size) {
  for (;;) {
    const ssize_t put = write(fd.get(), data, size);
    if (put < 0 && errno == EINTR) continue;
    return put == static_cast<ssize_t>(size);  // Under PIPE_BUF: all or nothing.
  }
}

[[noreturn]] void Serve(PartnerWatch& watch, absl::string_view role, const Fd& orders, const Fd& reports,
                        std::optional<int> cpu, const Partner::SetUp& set_up, const Partner::Body& body) {
  absl::Status ready = absl::OkStatus();
  if (cpu.has_value()) ready = PinThisThread({*cpu});
  if (ready.ok() && set_up) ready = set_up();
  Answer answer = AnswerOf(ready.ok() ? absl::StatusOr<PartnerReport>(PartnerReport()) : ready);
  if (!WriteWhole(reports, &answer, sizeof answer)) _exit(3);
  for (int64_t order; ready.ok() && ReadWhole(orders, &order, sizeof order) && order != kDismissed;) {
    const absl::StatusOr<PartnerReport> report = body(order);
    if (!report.ok()) watch.Failed(role, report.status());
    answer = AnswerOf(report);
    if (!WriteWhole(reports, &answer, sizeof answer)) _exit(3);
  }
  _exit(0);
}

}  // namespace

absl::StatusOr<std::unique_ptr<Partner>> Partner::Fork(PartnerWatch& watch, absl::string_view role,
                                                       std::optional<int> cpu, SetUp set_up, Body body) {
  absl::StatusOr<PipeEnds> orders = MakePipe();
  if (!orders.ok()) return orders.status();
  absl::StatusOr<PipeEnds> reports = MakePipe();
  if (!reports.ok()) return reports.status();

  const pid_t maker = getpid();
  const pid_t pid = fork();
  if (pid < 0) return ErrnoError("fork");
  if (pid == 0) {
    // Asked again afterwards: the maker may have died before the request.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != maker) _exit(4);
    orders->write.Reset();
    reports->read.Reset();
    Serve(watch, role, orders->read, reports->write, cpu, set_up, body);
  }
  std::unique_ptr<Partner> partner(new Partner);
  partner->role_ = std::string(role);
  partner->pid_ = pid;
  partner->orders_ = std::move(orders->write);
  partner->reports_ = std::move(reports->read);
  reports->write.Reset();  // Or its death would not end the pipe.
  if (absl::Status announced = watch.Announce(pid, role); !announced.ok()) return announced;
  if (absl::StatusOr<PartnerReport> ready = partner->Report(); !ready.ok()) return ready.status();
  return partner;
}

Partner::~Partner() {
  if (pid_ < 0) return;
  kill(pid_, SIGKILL);
  Reap(pid_).IgnoreError();  // The caller doesn't need to know how it ended.
}

absl::Status Partner::Order(int64_t operations) {
  if (!WriteWhole(orders_, &operations, sizeof operations)) return Ended("before its order");
  return absl::OkStatus();
}

absl::StatusOr<PartnerReport> Partner::Report() {
  Answer answer;
  if (!ReadWhole(reports_, &answer, sizeof answer)) return Ended("before its report");
  if (answer.code != 0) {
    return absl::Status(static_cast<absl::StatusCode>(answer.code), absl::StrCat(role_, ": ", answer.message));
  }
  return answer.report;
}

absl::Status Partner::Stop() {
  if (!WriteWhole(orders_, &kDismissed, sizeof kDismissed)) return Ended("before it was dismissed");
  return Ended("");
}

// Reaps it. OK: it ended well, and `when` is empty, that is, it was to end.
absl::Status Partner::Ended(absl::string_view when) {
  const absl::StatusOr<Death> reaped = Reap(std::exchange(pid_, -1));
  if (!reaped.ok()) return reaped.status();
  const Death& death = *reaped;
  if (death.signal != 0) return DeathError(role_, death);
  if (death.exit_code == 0 && when.empty()) return absl::OkStatus();
  return absl::AbortedError(
      absl::StrCat(role_, " (pid ", death.pid, ") ended with code ", death.exit_code, when.empty() ? "" : " ", when));
}

}  // namespace regatta::bench
