// event_set: an event is set, the process that waits for it wakes, and answers with another event.
#include <cstdint>
#include <memory>
#include <optional>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "bench/benchmarks/add_arms.h"
#include "bench/harness/partner.h"
#include "core/os/deadline.h"
#include "core/sync/event.h"

namespace regatta::bench {
namespace {

class EventRoundTrips : public Fixture {
 public:
  static absl::StatusOr<std::unique_ptr<Fixture>> Start(PartnerWatch& watch, const ArmPlacement& placement) {
    absl::StatusOr<Event> there = Event::Create();
    if (!there.ok()) return there.status();
    absl::StatusOr<Event> back = Event::Create();
    if (!back.ok()) return back.status();
    std::unique_ptr<EventRoundTrips> fixture(new EventRoundTrips(*std::move(there), *std::move(back)));
    std::optional<int> cpu;
    if (!placement.cpus.empty()) cpu = placement.cpus.at(1);
    absl::StatusOr<std::unique_ptr<Partner>> waiter = Partner::Fork(
        watch, "the waiter", cpu, [] { return absl::OkStatus(); },
        [self = fixture.get()](int64_t order) { return self->Answer(order); });
    if (!waiter.ok()) return waiter.status();
    fixture->waiter_ = *std::move(waiter);
    return fixture;
  }

  absl::Status Run(int64_t operations, Meter& meter) override {
    std::vector<int64_t> samples(static_cast<size_t>(operations));
    if (absl::Status ordered = waiter_->Order(operations); !ordered.ok()) return ordered;
    meter.Begin();
    for (int64_t& sample : samples) {
      const int64_t began = MonotonicNanos();
      there_.Set();
      if (absl::Status woken = back_.Wait(); !woken.ok()) return woken;
      sample = MonotonicNanos() - began;
      back_.Clear();
    }
    meter.End(operations);
    meter.AddLatencies(samples);
    absl::StatusOr<PartnerReport> report = waiter_->Report();
    if (!report.ok()) return report.status();
    // Each Set released the waiter once, and none is left over.
    if (report->items != operations || there_.IsSet() || back_.IsSet()) {
      return absl::DataLossError(
          absl::StrCat("the waiter was released ", report->items, " times by ", operations, " Sets"));
    }
    return absl::OkStatus();
  }

  absl::Status Finish() override { return waiter_->Stop(); }

 private:
  EventRoundTrips(Event there, Event back) : there_(std::move(there)), back_(std::move(back)) {}

  // Runs in the waiter's process.
  absl::StatusOr<PartnerReport> Answer(int64_t order) {
    PartnerReport report;
    for (; report.items < order; ++report.items) {
      if (absl::Status woken = there_.Wait(); !woken.ok()) return woken;
      there_.Clear();
      back_.Set();
    }
    return report;
  }

  Event there_;
  Event back_;
  std::unique_ptr<Partner> waiter_;
};

}  // namespace

template <>
void AddArms<RowIndex("event_set")>(const Benchmark& row, const Configuration& configuration, std::vector<Arm>& arms) {
  for (const ArmPlacement& placement : configuration.Pairs()) {
    Arm arm = configuration.NewArm(row, "core", {{"placement", placement.name}}, placement);
    arm.min_operations = 100;
    arm.start = [placement](PartnerWatch& watch) { return EventRoundTrips::Start(watch, placement); };
    arms.push_back(std::move(arm));
  }
}

}  // namespace regatta::bench
