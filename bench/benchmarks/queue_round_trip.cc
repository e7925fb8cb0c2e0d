// queue_round_trip: a message to another process and back. queue_round_trip_slept: the same, when the receiver has been
// asleep. connection_round_trip, connection_round_trip_slept: the same by pipes and what else connects two processes.
#include <algorithm>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "bench/benchmarks/add_arms.h"
#include "bench/harness/partner.h"
#include "bench/message_sizes.h"
#include "bench/peers/boost_message_queue.h"
#include "bench/peers/channel.h"
#include "bench/peers/core_connection.h"
#include "bench/peers/core_queue.h"
#include "bench/peers/cpython.h"
#include "bench/peers/pipe.h"
#include "bench/peers/posix_mq.h"
#include "bench/peers/ring.h"
#include "bench/peers/zeromq.h"
#include "core/os/cpu.h"
#include "core/os/deadline.h"

namespace regatta::bench {
namespace {

// Smaller messages fit into the queue's own slots.
constexpr size_t kSmallestByReference = 1024;
// Long enough that a waiting process has stopped spinning and its processor has gone idle.
constexpr int64_t kAsleepNs = 1'000'000;
// Samples of one timed part; what is held in memory until it is folded.
constexpr int64_t kMostSamples = 1 << 20;
constexpr int64_t kUntimed = 16;

template <OneWay C, class Sender = CopyingSender<C>, class Receiver = CopyingReceiver<C>>
class RoundTrips : public Fixture {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(PartnerWatch& watch, const ArmPlacement& placement,
                                                        const ChannelShape& shape, bool slept) {
    std::unique_ptr<RoundTrips> fixture(new RoundTrips(shape, slept));
    absl::StatusOr<std::unique_ptr<C>> there = C::Create(shape);
    if (!there.ok()) return there.status();
    fixture->there_ = *std::move(there);
    absl::StatusOr<std::unique_ptr<C>> back = C::Create(shape);
    if (!back.ok()) return back.status();
    fixture->back_ = *std::move(back);

    std::optional<int> cpu;
    if (!placement.cpus.empty()) cpu = placement.cpus.at(1);
    RoundTrips* self = fixture.get();
    absl::StatusOr<std::unique_ptr<Partner>> echo = Partner::Fork(
        watch, "the echoing partner", cpu, [self] { return self->AttachEcho(); },
        [self](int64_t order) { return self->Echo(order); });
    if (!echo.ok()) return echo.status();
    fixture->partner_ = *std::move(echo);
    if (absl::Status attached = fixture->there_->AttachProducer(0); !attached.ok()) return attached;
    if (absl::Status attached = fixture->back_->AttachConsumer(0); !attached.ok()) return attached;
    fixture->sender_ = std::make_unique<Sender>(*fixture->there_, shape);
    fixture->receiver_ = std::make_unique<Receiver>(*fixture->back_, shape);
    fixture->samples_.resize(kMostSamples);  // Touched before anything is timed.
    return fixture;
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    LatencyHistogram latencies;
    for (int64_t done = 0; done < operations;) {
      const int64_t part = std::min(operations - done, kMostSamples);
      if (absl::Status run = RunPart(part, meter); !run.ok()) return run;
      latencies.Add(std::span(samples_).first(part));
      done += part;
    }
    meter.MergeLatencies(latencies);
    return absl::OkStatus();
  }

  absl::Status Finish() override { return partner_->Stop(); }

 private:
  RoundTrips(const ChannelShape& shape, bool slept) : shape_(shape), slept_(slept) {}

  absl::Status RunPart(int64_t trips, Meter& meter) {
    const int64_t untimed = slept_ ? 1 : kUntimed;
    if (absl::Status ordered = partner_->Order(untimed + trips); !ordered.ok()) return ordered;
    meter.Begin();
    for (int64_t i = 0; i < untimed; ++i) {
      if (absl::Status trip = Trip(); !trip.ok()) return trip;
    }
    int64_t sum = 0;
    int64_t left = MonotonicNanos();
    for (int64_t i = 0; i < trips; ++i) {
      if (slept_) left = LetThePartnerSleep(left);
      if (absl::Status trip = Trip(); !trip.ok()) return trip;
      const int64_t back = MonotonicNanos();
      samples_[i] = back - left;
      sum += back - left;
      left = back;
      if (i % kCheckEvery == kCheckEvery - 1) {
        if (absl::Status same = receiver_->CheckPattern(); !same.ok()) return same;
        left = MonotonicNanos();  // The time of the check belongs to no round trip.
      }
    }
    // The timed trips alone: no checks, and no waiting for the partner to fall asleep.
    meter.Measured(sum);
    if (slept_) meter.DiscardCpuTime();
    meter.End(trips);
    if (absl::Status same = receiver_->CheckPattern(); !same.ok()) return same;
    absl::StatusOr<PartnerReport> report = partner_->Report();
    if (!report.ok()) return report.status();
    if (report->items != untimed + trips) {
      return absl::DataLossError(absl::StrCat("the partner echoed ", report->items, " messages of ", untimed + trips));
    }
    return absl::OkStatus();
  }

  absl::Status Trip() {
    const uint64_t stamp = ++stamp_;
    if (absl::Status sent = sender_->Send(stamp); !sent.ok()) [[unlikely]]
      return sent;
    absl::StatusOr<uint64_t> came = receiver_->Receive();
    if (!came.ok()) [[unlikely]]
      return came.status();
    if (*came != stamp) [[unlikely]] {
      return absl::DataLossError(absl::StrCat("message ", *came, " came back instead of ", stamp));
    }
    return absl::OkStatus();
  }

  // Spins, so that this processor stays awake: only the receiver's wake-up is to be seen. Returns the time after.
  static int64_t LetThePartnerSleep(int64_t since) {
    int64_t now = since;
    for (; now - since < kAsleepNs; now = MonotonicNanos()) CpuPause();
    return now;
  }

  // In the partner.
  absl::Status AttachEcho() {
    if (absl::Status attached = there_->AttachConsumer(0); !attached.ok()) return attached;
    if (absl::Status attached = back_->AttachProducer(0); !attached.ok()) return attached;
    receiver_ = std::make_unique<Receiver>(*there_, shape_);
    sender_ = std::make_unique<Sender>(*back_, shape_);
    return absl::OkStatus();
  }

  absl::StatusOr<PartnerReport> Echo(int64_t order) {
    PartnerReport report;
    for (; report.items < order; ++report.items) {
      absl::StatusOr<uint64_t> stamp = receiver_->Receive();
      if (!stamp.ok()) return stamp.status();
      if (absl::Status sent = sender_->Send(*stamp); !sent.ok()) return sent;
    }
    if (absl::Status same = receiver_->CheckPattern(); !same.ok()) return same;
    return report;
  }

  const ChannelShape shape_;
  const bool slept_;
  std::unique_ptr<C> there_;
  std::unique_ptr<C> back_;
  std::unique_ptr<Sender> sender_;
  std::unique_ptr<Receiver> receiver_;
  std::unique_ptr<Partner> partner_;
  std::vector<int64_t> samples_;
  uint64_t stamp_ = 0;
};

template <const char* kBenchmark>
absl::StatusOr<std::unique_ptr<Fixture>> StartCPython(PartnerWatch& watch, const ArmPlacement& placement,
                                                      const ChannelShape& shape, bool slept) {
  return CPython::Start(watch, kBenchmark, placement.cpus, {{"bytes", shape.bytes}, {"slept", slept}});
}
constexpr char kQueueRoundTrip[] = "queue_round_trip";
constexpr char kConnectionRoundTrip[] = "connection_round_trip";

struct System {
  const char* name;
  bool spins_only;  // Two of its processes on one processor would wait for each other's time slices.
  absl::StatusOr<std::unique_ptr<Fixture>> (*start)(PartnerWatch&, const ArmPlacement&, const ChannelShape&,
                                                    bool slept);
};

constexpr System kSystems[] = {
    {"core", false, &RoundTrips<CoreQueue>::Start},
    {"core_by_reference", false, &RoundTrips<CoreLoans, LoanSender, LoanReceiver>::Start},
    {"ring", true, &RoundTrips<Ring>::Start},
    {"pipe", false, &RoundTrips<Pipe>::Start},
    {"boost_message_queue", false, &RoundTrips<BoostMessageQueue>::Start},
    {"zeromq", false, &RoundTrips<ZeroMq>::Start},
    {"cpython", false, &StartCPython<kQueueRoundTrip>},
};

constexpr System kConnectionSystems[] = {
    {"core", false, &RoundTrips<CoreConnection>::Start}, {"unix_stream", false, &RoundTrips<UnixStream>::Start},
    {"pipe", false, &RoundTrips<Pipe>::Start},           {"posix_mq", false, &RoundTrips<PosixMq>::Start},
    {"zeromq", false, &RoundTrips<ZeroMq>::Start},       {"cpython", false, &StartCPython<kConnectionRoundTrip>},
};
constexpr size_t kConnectionSizes[] = {64};

void AddRoundTrips(const Benchmark& row, const Configuration& configuration, std::span<const System> systems,
                   std::span<const size_t> sizes, bool slept, std::vector<Arm>& arms) {
  for (const System& system : systems) {
    for (const size_t bytes : sizes) {
      // The time of a wake-up is small beside the time that a larger message takes.
      if (slept && bytes > 1048576) continue;
      if (absl::string_view(system.name) == "core_by_reference" && bytes < kSmallestByReference) continue;
      for (const ArmPlacement& placement : configuration.Pairs()) {
        Arm arm = configuration.NewArm(row, system.name,
                                       {{"bytes", absl::StrCat(bytes)}, {"placement", placement.name}}, placement);
        if (arm.unavailable.empty() && system.spins_only && placement.processors_used < 2) {
          arm.unavailable = "a ring that only spins needs a processor for each of its two processes";
        }
        arm.min_operations = bytes > 1048576 ? 2 : slept || bytes > 65536 ? 5 : bytes > 1024 ? 20 : 200;
        arm.start = [&system, placement, shape = ChannelShape{.bytes = bytes}, slept](PartnerWatch& watch) {
          return system.start(watch, placement, shape, slept);
        };
        arms.push_back(std::move(arm));
      }
    }
  }
}

}  // namespace

template <>
void AddArms<RowIndex("queue_round_trip")>(const Benchmark& row, const Configuration& configuration,
                                           std::vector<Arm>& arms) {
  AddRoundTrips(row, configuration, kSystems, kMessageSizes, /*slept=*/false, arms);
}

template <>
void AddArms<RowIndex("connection_round_trip")>(const Benchmark& row, const Configuration& configuration,
                                                std::vector<Arm>& arms) {
  AddRoundTrips(row, configuration, kConnectionSystems, kConnectionSizes, /*slept=*/false, arms);
}

template <>
void AddArms<RowIndex("connection_round_trip_slept")>(const Benchmark& row, const Configuration& configuration,
                                                      std::vector<Arm>& arms) {
  AddRoundTrips(row, configuration, kConnectionSystems, kConnectionSizes, /*slept=*/true, arms);
}

template <>
void AddArms<RowIndex("queue_round_trip_slept")>(const Benchmark& row, const Configuration& configuration,
                                                 std::vector<Arm>& arms) {
  AddRoundTrips(row, configuration, kSystems, kMessageSizes, /*slept=*/true, arms);
}

// The core's queue between every two processors. The process that measures runs on the first of them.
template <>
void AddArms<RowIndex("queue_round_trip_pair")>(const Benchmark& row, const Configuration& configuration,
                                                std::vector<Arm>& arms) {
  for (const ArmPlacement& placement : configuration.AllPairs()) {
    Arm arm = configuration.NewArm(row, "core",
                                   {{"bytes", "64"},
                                    {"here", absl::StrCat(placement.cpus.at(0))},
                                    {"there", absl::StrCat(placement.cpus.at(1))},
                                    {"placement", placement.name}},
                                   placement);
    arm.min_operations = 200;
    arm.start = [placement](PartnerWatch& watch) {
      return RoundTrips<CoreQueue>::Start(watch, placement, ChannelShape{.bytes = 64}, /*slept=*/false);
    };
    arms.push_back(std::move(arm));
  }
}

}  // namespace regatta::bench
