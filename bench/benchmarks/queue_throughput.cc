// queue_throughput: messages one way through one queue, from one or more producers to one or more consumers.
#include <algorithm>
#include <atomic>
#include <cstdint>
#include <limits>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmarks/add_arms.h"
#include "bench/harness/partner.h"
#include "bench/peers/boost_message_queue.h"
#include "bench/peers/channel.h"
#include "bench/peers/core_queue.h"
#include "bench/peers/cpython.h"
#include "bench/peers/pipe.h"
#include "bench/peers/ring.h"
#include "bench/peers/zeromq.h"
#include "core/os/deadline.h"
#include "core/os/memfd.h"

namespace regatta::bench {
namespace {

// A stamp is (producer, number of the message among the producer's own).
constexpr int kNumberBits = 48;
constexpr uint64_t kNumberMask = (uint64_t{1} << kNumberBits) - 1;
// So many messages a consumer claims at once: the shared count is touched seldom, and at the end no consumer waits for
// a message that another got.
constexpr int64_t kClaim = 64;

template <OneWay C, class Sender = CopyingSender<C>, class Receiver = CopyingReceiver<C>>
class Throughput : public Fixture {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(PartnerWatch& watch, const ArmPlacement& placement,
                                                        const ChannelShape& shape) {
    std::unique_ptr<Throughput> fixture(new Throughput(shape));
    absl::StatusOr<Fd> file = CreateMemfd("regatta-throughput");
    if (!file.ok()) return file.status();
    if (absl::Status grown = GrowMemfd(*file, 0, sizeof(Shared)); !grown.ok()) return grown;
    absl::StatusOr<Mapping> mapping = Mapping::Map(*file, sizeof(Shared));
    if (!mapping.ok()) return mapping.status();
    fixture->mapping_ = *std::move(mapping);
    fixture->shared_ = new (fixture->mapping_.data()) Shared;
    absl::StatusOr<std::unique_ptr<C>> channel = C::Create(shape);
    if (!channel.ok()) return channel.status();
    fixture->channel_ = *std::move(channel);
    // Producers and consumers take turns on the pair's two processors, so that each has some of both where they are
    // several.
    Throughput* self = fixture.get();
    // Consumers first: ZeroMQ's producers would otherwise find no consumer, and retry only much later.
    for (int i = 0; i < shape.consumers; ++i) {
      absl::StatusOr<std::unique_ptr<Partner>> partner = Partner::Fork(
          watch, absl::StrCat("consumer ", i), CpuOf(placement, i + 1), [self, i] { return self->AttachConsumer(i); },
          [self](int64_t order) { return self->Consume(order); });
      if (!partner.ok()) return partner.status();
      fixture->consumers_.push_back(*std::move(partner));
    }
    for (int i = 0; i < shape.producers; ++i) {
      absl::StatusOr<std::unique_ptr<Partner>> partner = Partner::Fork(
          watch, absl::StrCat("producer ", i), CpuOf(placement, i), [self, i] { return self->AttachProducer(i); },
          [self, i](int64_t order) { return self->Produce(i, order); });
      if (!partner.ok()) return partner.status();
      fixture->producers_.push_back(*std::move(partner));
    }
    return fixture;
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    // Every producer sends the same number, and every consumer of a dealt channel gets the same.
    const int64_t unit = int64_t{shape_.producers} * shape_.consumers;
    const int64_t items = (operations + unit - 1) / unit * unit;
    shared_->unclaimed.store(items, std::memory_order_release);
    meter.Begin();
    for (auto& consumer : consumers_) {
      if (absl::Status ordered = consumer->Order(items); !ordered.ok()) return ordered;
    }
    for (auto& producer : producers_) {
      if (absl::Status ordered = producer->Order(items / shape_.producers); !ordered.ok()) return ordered;
    }
    int64_t began = std::numeric_limits<int64_t>::max();
    int64_t ended = 0;
    PartnerReport sent, received;
    for (auto* side : {&producers_, &consumers_}) {
      PartnerReport& sum = side == &producers_ ? sent : received;
      for (auto& partner : *side) {
        absl::StatusOr<PartnerReport> report = partner->Report();
        if (!report.ok()) return report.status();
        began = std::min(began, report->began_ns);
        ended = std::max(ended, report->ended_ns);
        sum.items += report->items;
        sum.checksum += report->checksum;
      }
    }
    meter.Measured(ended - began);
    meter.End(items);
    if (sent.items != items || received.items != items || sent.checksum != received.checksum) {
      return absl::DataLossError(absl::StrCat(sent.items, " messages were sent and ", received.items, " received of ",
                                              items, ", checksums ", sent.checksum, " and ", received.checksum));
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override {
    for (auto* side : {&producers_, &consumers_}) {
      for (auto& partner : *side) {
        if (absl::Status ended = partner->Stop(); !ended.ok()) return ended;
      }
    }
    return absl::OkStatus();
  }

 private:
  struct Shared {
    alignas(128) std::atomic<int64_t> unclaimed{0};
  };

  explicit Throughput(const ChannelShape& shape) : shape_(shape) {}

  static std::optional<int> CpuOf(const ArmPlacement& placement, int turn) {
    if (placement.cpus.empty()) return std::nullopt;
    return placement.cpus[turn % placement.cpus.size()];
  }

  // In the partners.
  absl::Status AttachProducer(int index) {
    sender_ = std::make_unique<Sender>(*channel_, shape_);
    return channel_->AttachProducer(index);
  }
  absl::Status AttachConsumer(int index) {
    receiver_ = std::make_unique<Receiver>(*channel_, shape_);
    last_.assign(shape_.producers, 0);
    return channel_->AttachConsumer(index);
  }

  absl::StatusOr<PartnerReport> Produce(int index, int64_t order) {
    PartnerReport report{.began_ns = MonotonicNanos()};
    const uint64_t producer = static_cast<uint64_t>(index) << kNumberBits;
    for (; report.items < order; ++report.items) {
      const uint64_t stamp = producer | ++number_;
      if (absl::Status sent = sender_->Send(stamp); !sent.ok()) return sent;
      report.checksum += stamp;
    }
    report.ended_ns = report.began_ns;  // The last to be received counts, not the last to be sent.
    return report;
  }

  absl::StatusOr<PartnerReport> Consume(int64_t order) {
    PartnerReport report{.began_ns = std::numeric_limits<int64_t>::max()};
    if constexpr (C::kDealt) {
      if (absl::Status took = Take(order / shape_.consumers, report); !took.ok()) return took;
    } else {
      for (;;) {
        const int64_t left = shared_->unclaimed.fetch_sub(kClaim, std::memory_order_relaxed);
        if (left <= 0) break;
        if (absl::Status took = Take(std::min(left, kClaim), report); !took.ok()) return took;
      }
    }
    report.ended_ns = MonotonicNanos();
    return report;
  }

  absl::Status Take(int64_t items, PartnerReport& report) {
    for (int64_t i = 0; i < items; ++i) {
      absl::StatusOr<uint64_t> stamp = receiver_->Receive();
      if (!stamp.ok()) [[unlikely]]
        return stamp.status();
      const uint64_t producer = *stamp >> kNumberBits;
      const uint64_t number = *stamp & kNumberMask;
      if (producer >= last_.size() || number <= last_[producer]) [[unlikely]] {
        return absl::DataLossError(
            absl::StrCat("message ", number, " of producer ", producer, " came twice or too late"));
      }
      last_[producer] = number;
      report.checksum += *stamp;
      if (++report.items % kCheckEvery == 0) {
        if (absl::Status same = receiver_->CheckPattern(); !same.ok()) return same;
      }
    }
    return absl::OkStatus();
  }

  const ChannelShape shape_;
  Mapping mapping_;
  Shared* shared_ = nullptr;
  std::unique_ptr<C> channel_;
  std::vector<std::unique_ptr<Partner>> producers_;
  std::vector<std::unique_ptr<Partner>> consumers_;
  // In the partners.
  std::unique_ptr<Sender> sender_;
  std::unique_ptr<Receiver> receiver_;
  std::vector<uint64_t> last_;
  uint64_t number_ = 0;
};

absl::StatusOr<std::unique_ptr<Fixture>> StartCPython(PartnerWatch& watch, const ArmPlacement& placement,
                                                      const ChannelShape& shape) {
  return CPython::Start(watch, "queue_throughput", placement.cpus,
                        {{"bytes", shape.bytes}, {"producers", shape.producers}, {"consumers", shape.consumers}});
}

struct System {
  const char* name;
  bool one_to_one;     // Has one producer and one consumer only.
  size_t most_shared;  // Largest message with several of them.
  absl::StatusOr<std::unique_ptr<Fixture>> (*start)(PartnerWatch&, const ArmPlacement&, const ChannelShape&);
};

constexpr size_t kAny = std::numeric_limits<size_t>::max();
constexpr System kSystems[] = {
    {"core", false, kAny, &Throughput<CoreQueue>::Start},
    {"ring", true, kAny, &Throughput<Ring>::Start},
    {"pipe", false, 4096, &Throughput<Pipe>::Start},
    {"boost_message_queue", false, kAny, &Throughput<BoostMessageQueue>::Start},
    {"zeromq", false, kAny, &Throughput<ZeroMq>::Start},
    {"cpython", false, kAny, &StartCPython},
};

constexpr struct {
  int producers;
  int consumers;
} kShapes[] = {{1, 1}, {2, 2}, {4, 1}};

}  // namespace

template <>
void AddArms<RowIndex("queue_throughput")>(const Benchmark& row, const Configuration& configuration,
                                           std::vector<Arm>& arms) {
  for (const System& system : kSystems) {
    for (const auto& shape : kShapes) {
      for (const size_t bytes : {size_t{8}, size_t{64}, size_t{1024}, size_t{65536}, size_t{1048576}}) {
        // Large messages are a matter of memory's speed: one to one says all.
        if (shape.producers > 1 && bytes > 1024) continue;
        for (const ArmPlacement& placement : configuration.Pairs()) {
          Arm arm = configuration.NewArm(row, system.name,
                                         {{"bytes", absl::StrCat(bytes)},
                                          {"producers", absl::StrCat(shape.producers)},
                                          {"consumers", absl::StrCat(shape.consumers)},
                                          {"placement", placement.name}},
                                         placement);
          if (!arm.unavailable.empty()) {
            // The machine hasn't got it: that is said first.
          } else if (system.one_to_one && shape.producers > 1) {
            arm.unavailable = "the bare ring has one producer and one consumer";
          } else if (system.one_to_one && placement.processors_used < 2) {
            arm.unavailable = "a ring that only spins needs a processor for each of its two processes";
          } else if (shape.producers > 1 && bytes > system.most_shared) {
            arm.unavailable = absl::StrCat(system.name, " keeps messages of several producers whole only up to ",
                                           system.most_shared, " bytes");
          }
          arm.min_operations = bytes > 65536 ? 16 : bytes > 1024 ? 64 : 2048;
          arm.bytes_per_operation = static_cast<int64_t>(bytes);
          arm.start = [&system, placement,
                       shape =
                           ChannelShape{.bytes = bytes, .producers = shape.producers, .consumers = shape.consumers}](
                          PartnerWatch& watch) { return system.start(watch, placement, shape); };
          arms.push_back(std::move(arm));
        }
      }
    }
  }
}

}  // namespace regatta::bench
