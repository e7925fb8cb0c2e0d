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
class MessageOpenLoop : public OpenLoop {
 public:
  // `load`: percent of the capacity, which is measured before: the same messages, all due at once.
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(PartnerWatch& watch, const ArmPlacement& placement,
                                                        const ChannelShape& shape, int load) {
    absl::StatusOr<std::unique_ptr<MessageOpenLoop>> made = Make(watch, placement, shape);
    if (!made.ok()) return made.status();
    if (absl::Status set = (*made)->SetLoad(1024, load); !set.ok()) return set;
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
    return fixture;
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    if (absl::Status run = OpenLoop::Run(operations, meter); !run.ok()) return run;
    return receiver_->CheckPattern();
  }

  absl::Status Finish() override { return partner_->Stop(); }

 private:
  // Between the sender's going and the first message: the receiver waits by then.
  static constexpr int64_t kLeadNs = 50'000;

  // Told to the sender before each order.
  struct Request {
    double per_second = 0;
    uint64_t seed = 0;
  };

  MessageOpenLoop() = default;

  // Receives `count` messages. Nanoseconds from when the first may be due to the last's arrival.
  absl::StatusOr<int64_t> RunPart(int64_t count, double per_second, uint64_t seed) override {
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
};

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_MESSAGE_OPEN_LOOP_H_
