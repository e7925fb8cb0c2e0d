// FaultPoint: a named place at which a test can make this process die, so that every step of a protocol is proven
// against death (a "kill at each step", not at random times only).
//
// Cost       One relaxed load when no point is armed; always compiled in.
// Processes  Arming is per process and inherited by fork.
// Adding     Each layer declares its points in its own fault_points.h: a constant in namespace fault, and the constant
//            in the layer's array. Put FaultPointHere(fault::kX) at the place and add a test that kills there: the
//            coverage test of the layer fails while a point of the array was never killed at.
#ifndef REGATTA_CORE_OS_FAULT_POINT_H_
#define REGATTA_CORE_OS_FAULT_POINT_H_

#include <atomic>
#include <compare>
#include <cstdint>
#include <optional>

#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace regatta {

class FaultPoint {
 public:
  // `name` is <object>_<operation>_<the step just done>, in lower case, and unique in the program. It must outlive the
  // point.
  constexpr explicit FaultPoint(absl::string_view name) : name_(name), id_(IdOf(name)) {}

  constexpr absl::string_view name() const { return name_; }
  // Computed from the name; never 0.
  constexpr uint32_t id() const { return id_; }

  friend constexpr bool operator==(const FaultPoint& a, const FaultPoint& b) { return a.id_ == b.id_; }
  friend constexpr auto operator<=>(const FaultPoint& a, const FaultPoint& b) { return a.id_ <=> b.id_; }

 private:
  // FNV-1a.
  static constexpr uint32_t IdOf(absl::string_view name) {
    uint32_t hash = 2166136261u;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return hash == 0 ? 1 : hash;
  }

  absl::string_view name_;
  uint32_t id_;
};

// The point of that name among `points`, if there is one.
std::optional<FaultPoint> FindFaultPoint(absl::Span<const FaultPoint> points, absl::string_view name);

// The process kills itself with SIGKILL at its passage number skip + 1 of `point`. Replaces a point that was armed
// before.
void ArmFaultPoint(FaultPoint point, uint32_t skip = 0);
// One process dies of all that share `skip`, which lies in shared memory: the one that makes passage number *skip + 1.
void ArmFaultPointOnce(FaultPoint point, std::atomic<uint32_t>& skip);
void DisarmFaultPoint();

namespace fault_point_internal {
inline std::atomic<uint32_t> g_armed{0};
void Passed();
}  // namespace fault_point_internal

// Marks the place.
inline void FaultPointHere(FaultPoint point) {
  if (fault_point_internal::g_armed.load(std::memory_order_relaxed) == point.id()) [[unlikely]] {
    fault_point_internal::Passed();
  }
}

}  // namespace regatta

#endif  // REGATTA_CORE_OS_FAULT_POINT_H_
