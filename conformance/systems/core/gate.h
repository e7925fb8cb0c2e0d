// Gate: how a scenario holds an actor back until something has happened. The testee's own, of no system under test.
//
// Pass consumes what Open gave: one opening lets one actor pass once, in whichever order they come. A handle: copies
// are the same gate; give it to processes and tasks as an argument.
#ifndef REGATTA_CONFORMANCE_SYSTEMS_CORE_GATE_H_
#define REGATTA_CONFORMANCE_SYSTEMS_CORE_GATE_H_

#include <cstddef>
#include <memory>
#include <utility>

#include "core/codec/codec.h"
#include "core/os/fd.h"

namespace regatta::conformance {

class Gate {
 public:
  // Closed. Ends the process if there are no descriptors left.
  Gate();
  explicit Gate(Fd event) : event_(std::make_shared<Fd>(std::move(event))) {}

  // Lets so many pass.
  void Open(int times = 1) const;
  // Waits until it is let pass, so many times.
  void Pass(int times = 1) const;

  const Fd& descriptor() const { return *event_; }

 private:
  std::shared_ptr<Fd> event_;
};

}  // namespace regatta::conformance

template <>
struct regatta::Codec<regatta::conformance::Gate> {
  static constexpr uint64_t kFingerprint = FingerprintOf("regatta.conformance.Gate/1");
  static constexpr bool kCarriesDescriptors = true;
  static size_t Size(const conformance::Gate& gate) { return EncodedSize(gate.descriptor()); }
  static void Encode(const conformance::Gate& gate, Encoder& out) { out.Write(gate.descriptor()); }
  static std::optional<conformance::Gate> Decode(Decoder& in) {
    Fd event;
    if (!in.Read(event)) return std::nullopt;
    return conformance::Gate(std::move(event));
  }
};

#endif  // REGATTA_CONFORMANCE_SYSTEMS_CORE_GATE_H_
