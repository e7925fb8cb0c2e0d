// The isolated process's side of isolated_process.h: the process in which an arm runs.
#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/harness/cpu_time.h"
#include "bench/harness/isolated_process.h"
#include "bench/harness/isolated_process_protocol.h"
#include "bench/harness/meter.h"
#include "bench/harness/sentinel.h"
#include "bench/harness/wire.h"
#include "core/os/deadline.h"
#include "core/topology/affinity.h"

namespace regatta::bench {
namespace {

class DriverWatch : public PartnerWatch {
 public:
  explicit DriverWatch(const Fd& socket) : socket_(socket) {}
  absl::Status Announce(int pid, absl::string_view role) override {
    IsolatedMessage message;
    message.kind = IsolatedMessage::Kind::kPartner;
    message.pid = pid;
    message.role = std::string(role);
    return SendFrame(socket_, message);
  }
  // The partner has inherited the socket; a frame as small as this is written at once, never between another's bytes.
  void Failed(absl::string_view role, const absl::Status& status) override {
    IsolatedMessage message;
    message.kind = IsolatedMessage::Kind::kPartnerFailed;
    message.role = std::string(role);
    message.status = absl::Status(status.code(), status.message());
    SendFrame(socket_, message).IgnoreError();  // If the driver has ended, no process needs the message.
  }

 private:
  const Fd& socket_;
};

// As many operations as fit into the budget, found by runs that also warm everything up. What counts is all the time
// that a run takes: one that lets its partner sleep before each operation spends most of it outside the timed part.
absl::StatusOr<int64_t> Calibrate(const Arm& arm, Fixture& fixture, const RunRequest& order) {
  if (arm.min_operations >= arm.max_operations) return arm.min_operations;
  const double budget_ns = static_cast<double>(order.budget_ns);
  int64_t operations = arm.min_operations;
  for (;;) {
    Meter meter(/*count_cpu=*/false, order.seed);
    const int64_t began = MonotonicNanos();
    if (absl::Status run = fixture.Run(operations, meter); !run.ok()) return run;
    const double took_ns = static_cast<double>(MonotonicNanos() - began);
    const double done = static_cast<double>(meter.Take().operations);
    const double wanted = done * budget_ns / std::max(1.0, took_ns);
    const bool enough = took_ns >= budget_ns / 10 || operations >= arm.max_operations;
    // A first short run says little about a long one: go on by steps of ten at most.
    const double next = enough ? wanted : std::min(wanted, 10.0 * static_cast<double>(operations));
    operations = static_cast<int64_t>(std::clamp(next, static_cast<double>(arm.min_operations),
                                                 static_cast<double>(std::min(arm.max_operations, int64_t{1} << 40))));
    if (enough) return operations;
  }
}

// A run that took less as a whole says more of its beginning and its end than of the work.
constexpr int64_t kShortestNs = 1'000'000;
constexpr int kLonger = 10;
constexpr int kTries = 4;

// One run, with the measurements before and after it. `took_ns`: its timed parts, including waits that no operation
// counts.
absl::StatusOr<RunResult> ObserveOnce(const Arm& arm, const std::vector<int>& allowed_cpus, Fixture& fixture,
                                      uint64_t seed, int64_t operations, int64_t& took_ns) {
  // The two processors whose way the figure depends on.
  std::optional<int> other;
  for (int cpu : arm.cpus) {
    if (cpu != arm.cpus[0] && !other.has_value()) other = cpu;
  }
  const NoiseMeter noise(allowed_cpus);
  BeforeAfter cacheline, sentinel;
  if (other.has_value()) {
    absl::StatusOr<double> way = MeasureCacheLine(arm.cpus[0], *other);
    if (!way.ok()) return way.status();
    cacheline.before = *way;
  }
  sentinel.before = static_cast<double>(RunSentinel());
  Meter meter(/*count_cpu=*/true, seed);
  absl::Status run = fixture.Run(operations, meter);
  took_ns = meter.elapsed_ns();
  if (!run.ok()) return run;
  sentinel.after = static_cast<double>(RunSentinel());
  RunResult result = meter.Take();
  if (other.has_value()) {
    absl::StatusOr<double> way = MeasureCacheLine(arm.cpus[0], *other);
    if (!way.ok()) return way.status();
    cacheline.after = *way;
  }
  result.cacheline_ns = cacheline;
  result.sentinel_ns = sentinel;
  result.noise = noise.End();
  return result;
}

absl::StatusOr<RunResult> RunObserved(const Arm& arm, const std::vector<int>& allowed_cpus, Fixture& fixture,
                                      const RunRequest& order) {
  int64_t operations = order.operations;
  if (operations > 0) {
    if (order.warm_up && arm.min_operations < arm.max_operations) {
      Meter warm_up(/*count_cpu=*/false, order.seed);
      if (absl::Status run = fixture.Run(arm.min_operations, warm_up); !run.ok()) return run;
    }
  } else {
    absl::StatusOr<int64_t> calibrated = Calibrate(arm, fixture, order);
    if (!calibrated.ok()) return calibrated.status();
    operations = *calibrated;
  }
  for (int left = kTries - 1;; --left) {
    int64_t took_ns = 0;
    absl::StatusOr<RunResult> result = ObserveOnce(arm, allowed_cpus, fixture, order.seed, operations, took_ns);
    const bool long_enough = took_ns >= kShortestNs || order.operations > 0 || operations >= arm.max_operations;
    if (!result.ok() || long_enough || left == 0) return result;
    // What was calibrated while something disturbed is too short by far.
    operations = std::min(operations * kLonger, arm.max_operations);
  }
}

}  // namespace

int ServeIsolatedProcess(std::span<const Arm> arms, std::vector<int> allowed_cpus) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // A driver that is already gone shows as the end of the socket.
  std::signal(SIGPIPE, SIG_IGN);     // A partner's death shows as an error of the write.
  std::signal(SIGINT, SIG_IGN);      // The driver ends its isolated processes.
  Fd socket(kIsolatedProcessFd);
  socket.SetCloseOnExec(true).IgnoreError();  // A program that the arm starts must not hold it open.
  DriverWatch watch(socket);
  const Arm* arm = nullptr;
  std::unique_ptr<Fixture> fixture;
  for (;;) {
    absl::StatusOr<IsolatedRequest> request = ReceiveFrame<IsolatedRequest>(socket);
    if (!request.ok()) return absl::IsOutOfRange(request.status()) ? 0 : 1;
    IsolatedMessage answer;
    switch (request->kind) {
      case IsolatedRequest::Kind::kStart: {
        const auto found =
            std::find_if(arms.begin(), arms.end(), [&](const Arm& a) { return a.key.ToString() == request->key; });
        if (found == arms.end()) {
          answer.status = absl::NotFoundError(absl::StrCat("no benchmark is called ", request->key));
          break;
        }
        arm = &*found;
        if (!arm->cpus.empty()) answer.status = PinThisThread({arm->cpus[0]});
        if (!answer.status.ok()) break;
        absl::StatusOr<std::unique_ptr<Fixture>> started = arm->start(watch);
        answer.status = started.status();
        if (started.ok()) fixture = *std::move(started);
        break;
      }
      case IsolatedRequest::Kind::kRun: {
        if (fixture == nullptr) {
          answer.status = absl::FailedPreconditionError("the isolated process was not set up");
          break;
        }
        absl::StatusOr<RunResult> result = RunObserved(*arm, allowed_cpus, *fixture, request->order);
        answer.status = result.status();
        if (result.ok()) answer.result = *std::move(result);
        break;
      }
      case IsolatedRequest::Kind::kFinish:
        if (fixture != nullptr) answer.status = fixture->Finish();
        fixture = nullptr;
        break;
    }
    if (!SendFrame(socket, answer).ok()) return 1;
  }
}

}  // namespace regatta::bench
