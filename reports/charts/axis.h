// Axis: values to pixels, and where the ticks go.

#ifndef REGATTA_REPORTS_CHARTS_AXIS_H_
#define REGATTA_REPORTS_CHARTS_AXIS_H_

#include <string>
#include <vector>

#include "reports/charts/quantity.h"

namespace regatta::reports {

struct AxisSpec {
  std::string label = {};  // with the unit in words where the ticks don't show it
  Unit unit = Unit::kNumber;
  bool logarithmic = false;
  bool whole = false;      // ticks at whole numbers only
  bool from_zero = false;  // linear axes: begin at zero
};

struct Tick {
  double position = 0;  // pixels
  std::string text;     // empty: a line without a label
};

// Maps the range of the values it was given, widened to look well, to [start, end] pixels (start may exceed end).
class Axis {
 public:
  // `values` are everything that must lie within; values that are not finite, or not positive on a logarithmic axis,
  // are ignored. With no usable value the range is 0 to 1, or 1 to 10.
  Axis(const AxisSpec& spec, const std::vector<double>& values, double start, double end);

  // Pixels of a value, kept within the axis' ends.
  double Position(double value) const;

  // Ticks with labels thinned so that `label_size` pixels of each (along the axis) don't touch.
  // `extent` gives a label's length along the axis.
  template <typename Extent>
  std::vector<Tick> Ticks(const Extent& extent) const {
    std::vector<Tick> ticks = Candidates();
    std::vector<double> extents;
    extents.reserve(ticks.size());
    for (const Tick& tick : ticks) extents.push_back(extent(tick.text));
    Thin(ticks, extents);
    return ticks;
  }

  double low() const { return low_; }
  double high() const { return high_; }

 private:
  std::vector<Tick> Candidates() const;
  static void Thin(std::vector<Tick>& ticks, const std::vector<double>& extents);

  AxisSpec spec_;
  double low_ = 0;
  double high_ = 1;
  double start_;
  double end_;
};

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_CHARTS_AXIS_H_
