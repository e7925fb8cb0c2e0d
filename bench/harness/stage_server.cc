// The stage's side of stage.h: the process in which an arm runs.
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
#include "bench/harness/meter.h"
#include "bench/harness/sentinel.h"
#include "bench/harness/stage.h"
#include "bench/harness/stage_protocol.h"
#include "bench/harness/wire.h"
#include "core/os/deadline.h"
#include "core/topology/affinity.h"

namespace regatta::bench {
namespace {

class DriverWatch : public PartnerWatch {
 public:
  explicit DriverWatch(const Fd& socket) : socket_(socket) {}
  absl::Status Announce(int pid, absl::string_view role) override {
    StageMessage message;
    message.kind = StageMessage::Kind::kPartner;
    message.pid = pid;
    message.role = std::string(role);
    return SendFrame(socket_, message);
  }
  // The partner has inherited the socket; a frame as small as this is written at once, never between another's bytes.
  void Failed(absl::string_view role, const absl::Status& status) override {
    StageMessage message;
    message.kind = StageMessage::Kind::kPartnerFailed;
    message.role = std::string(role);
    message.status = absl::Status(status.code(), status.message());
    SendFrame(socket_, message).IgnoreError();  // Without the driver there is nobody to tell.
  }

 private:
  const Fd& socket_;
};

// As many operations as fit into the budget, found by runs that also warm everything up. What counts is all the time
// that a run takes: one that lets its partner sleep before each operation spends most of it outside the timed part.
absl::StatusOr<int64_t> Calibrate(const Arm& arm, Race& race, const RunOrder& order) {
  if (arm.batch >= arm.most) return arm.batch;
  const double budget_ns = static_cast<double>(order.budget_ns);
  int64_t operations = arm.batch;
  for (;;) {
    Meter meter(/*count_cpu=*/false, order.seed);
    const int64_t began = MonotonicNanos();
    if (absl::Status run = race.Run(operations, meter); !run.ok()) return run;
    const double took_ns = static_cast<double>(MonotonicNanos() - began);
    const double done = static_cast<double>(meter.Take().operations);
    const double wanted = done * budget_ns / std::max(1.0, took_ns);
    const bool enough = took_ns >= budget_ns / 10 || operations >= arm.most;
    // A first short run says little about a long one: go on by steps of ten at most.
    const double next = enough ? wanted : std::min(wanted, 10.0 * static_cast<double>(operations));
    operations = static_cast<int64_t>(
        std::clamp(next, static_cast<double>(arm.batch), static_cast<double>(std::min(arm.most, int64_t{1} << 40))));
    if (enough) return operations;
  }
}

// A run that took less as a whole says more of its beginning and its end than of the work.
constexpr int64_t kShortestNs = 1'000'000;
constexpr int kLonger = 10;
constexpr int kTries = 4;

// One run, with what is measured beside it. `took_ns`: its timed parts, with the waiting in them that is nobody's time.
absl::StatusOr<Batch> ObserveOnce(const Arm& arm, const std::vector<int>& allowed_cpus, Race& race, uint64_t seed,
                                  int64_t operations, int64_t& took_ns) {
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
  absl::Status run = race.Run(operations, meter);
  took_ns = meter.elapsed_ns();
  if (!run.ok()) return run;
  sentinel.after = static_cast<double>(RunSentinel());
  Batch batch = meter.Take();
  if (other.has_value()) {
    absl::StatusOr<double> way = MeasureCacheLine(arm.cpus[0], *other);
    if (!way.ok()) return way.status();
    cacheline.after = *way;
    batch.cacheline_ns = cacheline;
  }
  batch.sentinel_ns = sentinel;
  batch.noise = noise.End();
  return batch;
}

absl::StatusOr<Batch> RunObserved(const Arm& arm, const std::vector<int>& allowed_cpus, Race& race,
                                  const RunOrder& order) {
  int64_t operations = order.operations;
  if (operations > 0) {
    if (order.warm_up && arm.batch < arm.most) {
      Meter warm_up(/*count_cpu=*/false, order.seed);
      if (absl::Status run = race.Run(arm.batch, warm_up); !run.ok()) return run;
    }
  } else {
    absl::StatusOr<int64_t> calibrated = Calibrate(arm, race, order);
    if (!calibrated.ok()) return calibrated.status();
    operations = *calibrated;
  }
  for (int left = kTries - 1;; --left) {
    int64_t took_ns = 0;
    absl::StatusOr<Batch> batch = ObserveOnce(arm, allowed_cpus, race, order.seed, operations, took_ns);
    const bool long_enough = took_ns >= kShortestNs || order.operations > 0 || operations >= arm.most;
    if (!batch.ok() || long_enough || left == 0) return batch;
    // What was calibrated while something disturbed is too short by far.
    operations = std::min(operations * kLonger, arm.most);
  }
}

}  // namespace

int ServeStage(std::span<const Arm> arms, std::vector<int> allowed_cpus) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);  // A driver that is already gone shows as the end of the socket.
  std::signal(SIGPIPE, SIG_IGN);     // A partner's death shows as an error of the write.
  std::signal(SIGINT, SIG_IGN);      // The driver ends its stages.
  Fd socket(kStageFd);
  socket.SetCloseOnExec(true).IgnoreError();  // A program that is raced would only hold it open.
  DriverWatch watch(socket);
  const Arm* arm = nullptr;
  std::unique_ptr<Race> race;
  for (;;) {
    absl::StatusOr<StageRequest> request = ReceiveFrame<StageRequest>(socket);
    if (!request.ok()) return absl::IsOutOfRange(request.status()) ? 0 : 1;
    StageMessage answer;
    switch (request->kind) {
      case StageRequest::Kind::kStart: {
        const auto found =
            std::find_if(arms.begin(), arms.end(), [&](const Arm& a) { return a.key.ToString() == request->key; });
        if (found == arms.end()) {
          answer.status = absl::NotFoundError(absl::StrCat("no benchmark is called ", request->key));
          break;
        }
        arm = &*found;
        if (!arm->cpus.empty()) answer.status = PinThisThread({arm->cpus[0]});
        if (!answer.status.ok()) break;
        absl::StatusOr<std::unique_ptr<Race>> started = arm->start(watch);
        answer.status = started.status();
        if (started.ok()) race = *std::move(started);
        break;
      }
      case StageRequest::Kind::kRun: {
        if (race == nullptr) {
          answer.status = absl::FailedPreconditionError("the stage was not set up");
          break;
        }
        absl::StatusOr<Batch> batch = RunObserved(*arm, allowed_cpus, *race, request->order);
        answer.status = batch.status();
        if (batch.ok()) answer.batch = *std::move(batch);
        break;
      }
      case StageRequest::Kind::kFinish:
        if (race != nullptr) answer.status = race->Finish();
        race = nullptr;
        break;
    }
    if (!SendFrame(socket, answer).ok()) return 1;
  }
}

}  // namespace regatta::bench
