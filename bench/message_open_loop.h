// A queue between two processes in open loop: the sender is a process of its own, the measuring process receives.
// A message's stamp is the time at which it was due.
#ifndef REGATTA_BENCH_MESSAGE_OPEN_LOOP_H_
#define REGATTA_BENCH_MESSAGE_OPEN_LOOP_H_

#include <algorithm>
#include <cstdint>
#include <memory>
#include <new>
#include <optional>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "bench/harness/arm.h"
#include "bench/harness/configuration.h"
#include "bench/harness/open_loop.h"
#include "bench/harness/partner.h"
#include "bench/peers/channel.h"
#include "core/os/cpu.h"
#include "core/os/deadline.h"
#include "core/os/memfd.h"

namespace regatta::bench {

template <OneWay C>
class MessageOpenLoop : public Fixture {
 public:
  // `load`: percent of the capacity, which is measured before: the same messages, all due at once.
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(PartnerWatch& watch, const ArmPlacement& placement,
                                                        const ChannelShape& shape, int load) {
    absl::StatusOr<std::unique_ptr<MessageOpenLoop>> made = Make(watch, placement, shape);
    if (!made.ok()) return made.status();
    absl::StatusOr<double> capacity = (*made)->Capacity();
    if (!capacity.ok()) return capacity.status();
    (*made)->SetRate(*capacity, *capacity * load / 100);
    return *std::move(made);
  }
  // At a rate of its own.
  static absl::StatusOr<std::unique_ptr<MessageOpenLoop>> Make(PartnerWatch& watch, const ArmPlacement& placement,
                                                               const ChannelShape& shape) {
    std::unique_ptr<MessageOpenLoop> fixture(new MessageOpenLoop);
    absl::StatusOr<Fd> file = CreateMemfd("regatta-open-loop");
    if (!file.ok()) return file.status();
    if (absl::Status grown = GrowMemfd(*file, 0, sizeof(Request)); !grown.ok()) return grown;
    absl::StatusOr<Mapping> mapping = Mapping::Map(*file, sizeof(Request));
    if (!mapping.ok()) return mapping.status();
    fixture->mapping_ = *std::move(mapping);
    fixture->request_ = new (fixture->mapping_.data()) Request;
    absl::StatusOr<std::unique_ptr<C>> channel = C::Create(shape);
    if (!channel.ok()) return channel.status();
    fixture->channel_ = *std::move(channel);
    std::optional<int> cpu;
    if (!placement.cpus.empty()) cpu = placement.cpus.at(1);
    MessageOpenLoop* self = fixture.get();
    absl::StatusOr<std::unique_ptr<Partner>> sender = Partner::Fork(
        watch, "the sender", cpu,
        [self, shape] {
          self->sender_ = std::make_unique<CopyingSender<C>>(*self->channel_, shape);
          return self->channel_->AttachProducer(0);
        },
        [self](int64_t order) { return self->SendAll(order); });
    if (!sender.ok()) return sender.status();
    fixture->partner_ = *std::move(sender);
    if (absl::Status attached = fixture->channel_->AttachConsumer(0); !attached.ok()) return attached;
    fixture->receiver_ = std::make_unique<CopyingReceiver<C>>(*fixture->channel_, shape);
    fixture->samples_.resize(kMostSamples);  // Touched before anything is timed.
    return fixture;
  }
  void SetRate(double capacity, double per_second) {
    capacity_ = capacity;
    per_second_ = per_second;
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    uint64_t seed = meter.seed();
    for (int64_t done = 0; done < operations; ++seed) {
      const int64_t part = std::min(operations - done, kMostSamples);
      meter.Begin();
      absl::StatusOr<int64_t> took = RunPart(part, per_second_, seed);
      if (!took.ok()) return took.status();
      meter.Measured(*took);
      meter.End(part);
      meter.AddLatencies(std::span(samples_).first(part));
      done += part;
    }
    meter.SetCounter("capacity_per_second", capacity_);
    meter.SetCounter("offered_per_second", per_second_);
    return receiver_->CheckPattern();
  }

  absl::Status Finish() override { return partner_->Stop(); }

 private:
  static constexpr int64_t kMostSamples = 1 << 18;
  // Between the sender's going and the first message: the receiver waits by then.
  static constexpr int64_t kLeadNs = 50'000;

  // Told to the sender before each order.
  struct Request {
    double per_second = 0;
    uint64_t seed = 0;
  };

  MessageOpenLoop() = default;

  // Messages a second.
  absl::StatusOr<double> Capacity() {
    return MeasureCapacity(1024, kMostSamples, [this](int64_t count) { return RunPart(count, 0, 1); });
  }

  // Receives `count` messages. Nanoseconds from when the first may be due to the last's arrival.
  absl::StatusOr<int64_t> RunPart(int64_t count, double per_second, uint64_t seed) {
    *request_ = {.per_second = per_second, .seed = seed};
    if (absl::Status ordered = partner_->Order(count); !ordered.ok()) return ordered;
    uint64_t checksum = 0;
    uint64_t last = 0;
    int64_t now = 0;
    for (int64_t i = 0; i < count; ++i) {
      absl::StatusOr<uint64_t> due = receiver_->Receive();
      if (!due.ok()) [[unlikely]]
        return due.status();
      now = MonotonicNanos();
      if (*due < last) [[unlikely]]
        return absl::DataLossError(absl::StrCat("message ", i, " came too late"));
      last = *due;
      checksum += *due;
      samples_[i] = now - static_cast<int64_t>(*due);
    }
    absl::StatusOr<PartnerReport> report = partner_->Report();
    if (!report.ok()) return report.status();
    if (report->items != count || report->checksum != checksum) {
      return absl::DataLossError(absl::StrCat(report->items, " messages were sent and ", count, " received, checksums ",
                                              report->checksum, " and ", checksum));
    }
    return now - report->began_ns;
  }

  // In the sender. It spins until a message is due, so it needs a processor of its own.
  absl::StatusOr<PartnerReport> SendAll(int64_t count) {
    const std::vector<int64_t> arrivals =
        PoissonArrivals(request_->seed, request_->per_second, static_cast<size_t>(count));
    PartnerReport report{.began_ns = MonotonicNanos() + kLeadNs};
    const auto spin = [] { return CpuPause(), absl::OkStatus(); };
    const absl::Status sent = SendWhenDue(arrivals, report.began_ns, &MonotonicNanos, spin, [&](int64_t due) {
      const auto stamp = static_cast<uint64_t>(due);
      report.checksum += stamp;
      ++report.items;
      return sender_->Send(stamp);
    });
    if (!sent.ok()) return sent;
    report.ended_ns = MonotonicNanos();
    return report;
  }

  Mapping mapping_;
  Request* request_ = nullptr;
  std::unique_ptr<C> channel_;
  std::unique_ptr<Partner> partner_;
  std::unique_ptr<CopyingReceiver<C>> receiver_;
  std::unique_ptr<CopyingSender<C>> sender_;  // In the sender.
  std::vector<int64_t> samples_;
  double capacity_ = 0;
  double per_second_ = 0;
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_MESSAGE_OPEN_LOOP_H_
