// The core's Event, as the scenarios see it: the same calls, and the place of the seeded faults.
#ifndef REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_EVENT_H_
#define REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_EVENT_H_

#include <cstdint>
#include <utility>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "conformance/systems/core/subject/fault.h"
#include "core/codec/codec.h"
#include "core/os/deadline.h"
#include "core/sync/event.h"

namespace regatta::subject {

class Event {
 public:
  Event() = default;
  static absl::StatusOr<Event> Create() {
    absl::StatusOr<regatta::Event> event = regatta::Event::Create();
    if (!event.ok()) return event.status();
    return Event(*std::move(event));
  }
  explicit Event(regatta::Event event) : event_(std::move(event)) {}

  void Set() {
    if (!Injected(Fault::kEventSetLost)) event_.Set();
  }
  void Clear() {
    if (!Injected(Fault::kEventClearIgnored)) event_.Clear();
  }
  bool IsSet() const { return !Injected(Fault::kEventIsSetLies) && event_.IsSet(); }

  absl::Status Wait(Deadline deadline = Deadline::Never()) {
    if (Injected(Fault::kEventOpen)) return absl::OkStatus();
    if (Injected(Fault::kEventEarlyTimeout) && !deadline.is_never()) deadline = Deadline::Now();
    if (Injected(Fault::kEventReleasesOne)) return WaitAndClear(deadline);
    return event_.Wait(deadline);
  }

  const regatta::Event& under_test() const { return event_; }

 private:
  // Each process looks by itself, and the first that sees the event set takes it away from the others.
  absl::Status WaitAndClear(Deadline deadline) {
    while (!event_.Wait(Deadline::Now()).ok()) {
      if (deadline.passed()) return event_.Wait(deadline);
      event_.Wait(Deadline::Earlier(deadline, Deadline::After(absl::Milliseconds(1)))).IgnoreError();  // A pause.
    }
    event_.Clear();
    return absl::OkStatus();
  }

  regatta::Event event_;
};

}  // namespace regatta::subject

template <>
struct regatta::Codec<regatta::subject::Event> {
  static constexpr uint64_t kFingerprint = TypeFingerprint<Event>();
  static constexpr bool kCarriesDescriptors = true;
  static size_t Size(const subject::Event& event) { return EncodedSize(event.under_test()); }
  static void Encode(const subject::Event& event, Encoder& out) { out.Write(event.under_test()); }
  static bool Decode(Decoder& in, subject::Event& event) {
    Event inner;
    if (!in.Read(inner)) return false;
    event = subject::Event(std::move(inner));
    return true;
  }
};

#endif  // REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_EVENT_H_
