// Quantity: figures as people read them, always with their unit and never with more digits than they bear. The space
// before a unit is one that no line breaks at (U+00A0).

#ifndef REGATTA_REPORTS_CHARTS_QUANTITY_H_
#define REGATTA_REPORTS_CHARTS_QUANTITY_H_

#include <string>

namespace regatta::reports {

enum class Unit {
  kNumber,       // 12
  kNanoseconds,  // 240 ns, 1.3 µs, 52 ms, 2.4 s
  kPerSecond,    // 5.2 M/s
  kBytes,        // 64 B, 1 MiB
  kTimes,        // 1.66×
  kShare,        // 3 % (of a value in 0..1)
  kQuantile,     // p99 of 100: that which one in so many exceeds; an axis of tails is logarithmic in this
};

// `value` in `unit` with about `digits` significant digits (for bytes: exact where whole). Infinite and NaN give "–".
std::string Format(double value, Unit unit, int digits = 3);

// The same without zeros at the end of its decimals, as on an axis: "1 µs", "1.5 µs".
std::string FormatPlain(double value, Unit unit);

// "1.60 to 1.71×": the unit once where both ends have the same.
std::string FormatRange(double low, double high, Unit unit, int digits = 3);

// "1 block", "3 blocks".
std::string Counted(long long count, const std::string& one, const std::string& many);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_CHARTS_QUANTITY_H_
