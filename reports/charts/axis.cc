#include "reports/charts/axis.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>

namespace regatta::reports {
namespace {

// The largest of 1, 2, 5 times a power of ten that is not above `value`.
double NiceStep(double value) {
  const double decade = std::pow(10, std::floor(std::log10(value)));
  if (value / decade >= 5) return 5 * decade;
  if (value / decade >= 2) return 2 * decade;
  return decade;
}

}  // namespace

Axis::Axis(const AxisSpec& spec, const std::vector<double>& values, double start, double end)
    : spec_(spec), start_(start), end_(end) {
  bool any = false;
  for (const double value : values) {
    if (!std::isfinite(value) || (spec.logarithmic && value <= 0)) continue;
    low_ = any ? std::min(low_, value) : value;
    high_ = any ? std::max(high_, value) : value;
    any = true;
  }
  if (!any) {
    low_ = spec.logarithmic ? 1 : 0;
    high_ = spec.logarithmic ? 10 : 1;
  }
  if (spec.logarithmic) {
    // A margin of a twentieth at each end; a single value gets a factor of two to either side.
    const double margin = std::max(std::log(high_ / low_) * 0.05, high_ == low_ ? std::log(2.0) : 0.0);
    low_ *= std::exp(-margin);
    high_ *= std::exp(margin);
    return;
  }
  if (spec.from_zero) low_ = std::min(low_, 0.0);
  if (high_ == low_) {
    high_ += spec.whole ? 0.5 : std::max(std::abs(high_) * 0.5, 0.5);
    if (!spec.from_zero) low_ -= spec.whole ? 0.5 : std::max(std::abs(low_) * 0.5, 0.5);
    return;
  }
  const double margin = (high_ - low_) * 0.06;
  high_ += margin;
  if (!spec.from_zero || low_ < 0) low_ -= margin;
}

double Axis::Position(double value) const {
  if (spec_.logarithmic && value <= 0) return start_;
  const double part =
      spec_.logarithmic ? std::log(value / low_) / std::log(high_ / low_) : (value - low_) / (high_ - low_);
  return start_ + std::clamp(part, 0.0, 1.0) * (end_ - start_);
}

std::vector<Tick> Axis::Candidates() const {
  std::vector<Tick> ticks;
  const auto add = [&](double value) { ticks.push_back({Position(value), FormatPlain(value, spec_.unit)}); };
  const double decades = spec_.logarithmic ? std::log10(high_ / low_) : 0;
  if (decades > 0.7 && spec_.unit == Unit::kQuantile) {
    if (low_ <= 2 && high_ >= 2) add(2);  // the median
    for (double one_in = 10; one_in <= high_; one_in *= 10) {
      if (one_in >= low_) add(one_in);
    }
    return ticks;
  }
  if (decades > 0.7 && spec_.unit == Unit::kBytes) {
    for (double bytes = 1; bytes <= high_; bytes *= 8) {
      if (bytes >= low_) add(bytes);
    }
    return ticks;
  }
  if (decades > 0.7) {
    const std::vector<double> steps = decades < 1.5   ? std::vector<double>{1, 1.5, 2, 3, 5, 7}
                                      : decades < 3.2 ? std::vector<double>{1, 2, 5}
                                                      : std::vector<double>{1};
    for (double decade = std::pow(10, std::floor(std::log10(low_))); decade <= high_; decade *= 10) {
      for (const double step : steps) {
        if (decade * step >= low_ && decade * step <= high_) add(decade * step);
      }
    }
    return ticks;
  }
  double step = NiceStep((high_ - low_) / 4);
  if (spec_.whole) step = std::max(1.0, std::round(step));
  for (double index = std::ceil(low_ / step - 1e-9); index * step <= high_ * (1 + 1e-9); ++index) add(index * step);
  return ticks;
}

void Axis::Thin(std::vector<Tick>& ticks, const std::vector<double>& extents) {
  // The smallest stride at which no two neighbouring labels touch; the other ticks keep their lines.
  for (size_t stride = 1; stride < std::max<size_t>(ticks.size(), 2); ++stride) {
    bool touching = false;
    for (size_t i = stride; i < ticks.size(); i += stride) {
      const double gap = std::abs(ticks[i].position - ticks[i - stride].position);
      touching |= gap < (extents[i] + extents[i - stride]) / 2 + 8;
    }
    if (touching) continue;
    for (size_t i = 0; i < ticks.size(); ++i) {
      if (i % stride != 0) ticks[i].text.clear();
    }
    return;
  }
  for (size_t i = 1; i < ticks.size(); ++i) ticks[i].text.clear();
}

}  // namespace regatta::reports
