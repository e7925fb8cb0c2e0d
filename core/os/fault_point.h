// FaultPoint: a named place in the code at which a test can kill this process. Tests thereby check each step of a
// protocol against a death, not only random moments.
//
// Cost       One relaxed load if no point is armed. Fault points are always compiled in.
// Processes  Each process arms its own points. A child of fork inherits them.
// Adding     Each layer declares its points in its own fault_points.h: a constant in namespace fault, and the constant
//            in the layer's array. Call FaultPointHere(fault::kX) at the place, and add a test that kills there. The
//            layer's test program fails as long as none of its tests has killed at a point of the array
//            (core/testing/died_at.h).
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
  // `name` has the form <object>_<operation>_<the step just done>, in lower case. It must be unique in the program and
  // outlive the point.
  constexpr explicit FaultPoint(absl::string_view name) : name_(name), id_(IdOf(name)) {}

  constexpr absl::string_view name() const { return name_; }
  // A hash of the name. It is never 0.
  constexpr uint32_t id() const { return id_; }

  friend constexpr bool operator==(const FaultPoint& a, const FaultPoint& b) { return a.id_ == b.id_; }
  friend constexpr auto operator<=>(const FaultPoint& a, const FaultPoint& b) { return a.id_ <=> b.id_; }

 private:
  // The FNV-1a hash.
  static constexpr uint32_t IdOf(absl::string_view name) {
    uint32_t hash = 2166136261u;
    for (const char c : name) hash = (hash ^ static_cast<unsigned char>(c)) * 16777619u;
    return hash == 0 ? 1 : hash;
  }

  absl::string_view name_;
  uint32_t id_;
};

// Returns the point with that name among `points`.
std::optional<FaultPoint> FindFaultPoint(absl::Span<const FaultPoint> points, absl::string_view name);

// When this process passes `point` for the time number skip + 1, it kills itself with SIGKILL. Only the point that was
// armed last is armed.
void ArmFaultPoint(FaultPoint point, uint32_t skip = 0);
// Kills one of all processes that share `skip`, which must lie in shared memory: the one whose passage is number *skip
// + 1.
void ArmFaultPointOnce(FaultPoint point, std::atomic<uint32_t>& skip);
void DisarmFaultPoint();

namespace fault_point_internal {
inline std::atomic<uint32_t> g_armed{0};
void Passed();
}  // namespace fault_point_internal

// Marks the place of the fault point.
inline void FaultPointHere(FaultPoint point) {
  if (fault_point_internal::g_armed.load(std::memory_order_relaxed) == point.id()) [[unlikely]] {
    fault_point_internal::Passed();
  }
}

}  // namespace regatta

#endif  // REGATTA_CORE_OS_FAULT_POINT_H_
