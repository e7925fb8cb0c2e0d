// What a sweep over grains says: from which grain on a system wins, and how small tasks may be before it wastes the
// processors.
#ifndef REGATTA_BENCH_HARNESS_GRANULARITY_H_
#define REGATTA_BENCH_HARNESS_GRANULARITY_H_

#include <optional>
#include <span>

#include "bench/harness/run_result.h"

namespace regatta::bench {

// Serial time of one task, speed-up over serial, share of `processors` put to use, and Task Bench's granularity: the
// processors' time that one task takes.
double GrainNs(const SweepPoint& point);
double SpeedUp(const SweepPoint& point);
double Efficiency(const SweepPoint& point, int processors);
double GranularityNs(const SweepPoint& point, int processors);

// The smallest grain from which on the system is at least as fast as serial, on the line between neighbouring points.
// None: at the largest grain it still isn't. `sweep` is by rising grain, in all of these.
std::optional<double> BreakEvenNs(std::span<const SweepPoint> sweep);

// METG(q), minimum effective task granularity: the smallest granularity at which the efficiency reaches `q`, on the
// line between neighbouring points. None: it is never reached. Reached at the first point: that one's granularity.
std::optional<double> MetgNs(std::span<const SweepPoint> sweep, double q, int processors);

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_GRANULARITY_H_
