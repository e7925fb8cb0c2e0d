#include "reports/charts/quantity.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"

namespace regatta::reports {
namespace {

struct Step {
  double size;
  const char* suffix;
};

// `value` with `digits` significant digits, never in exponent form, no trailing zeros after a comma that were not
// earned by `digits`.
std::string Significant(double value, int digits) {
  if (value == 0) return "0";
  const double magnitude = std::floor(std::log10(std::abs(value)));
  // Rounding may lift the magnitude (9.996 -> 10.0): ask the rounded value.
  const double scale = std::pow(10, magnitude - digits + 1);
  const double rounded = std::round(value / scale) * scale;
  const int decimals = digits - 1 - static_cast<int>(std::floor(std::log10(std::abs(rounded)) + 1e-12));
  return absl::StrFormat("%.*f", std::max(decimals, 0), rounded);
}

template <size_t N>
std::string InSteps(double value, int digits, const std::array<Step, N>& steps) {
  size_t step = 0;
  // 999.6 ns is 1.00 µs: compare what would be printed.
  while (step + 1 < N && std::abs(value) / steps[step].size >= 999.5) ++step;
  return absl::StrCat(Significant(value / steps[step].size, digits), steps[step].suffix);
}

std::string Bytes(double value, int digits) {
  constexpr std::array<Step, 5> kSteps = {
      {{1, " B"}, {1024, " KiB"}, {1048576, " MiB"}, {1073741824, " GiB"}, {1099511627776, " TiB"}}};
  size_t step = 0;
  while (step + 1 < kSteps.size() && std::abs(value) >= kSteps[step + 1].size) ++step;
  const double scaled = value / kSteps[step].size;
  if (scaled == std::floor(scaled)) return absl::StrFormat("%.0f%s", scaled, kSteps[step].suffix);
  return absl::StrCat(Significant(scaled, digits), kSteps[step].suffix);
}

}  // namespace

std::string Format(double value, Unit unit, int digits) {
  if (!std::isfinite(value)) return "–";
  switch (unit) {
    case Unit::kNumber:
      return value == std::floor(value) && std::abs(value) < 1e15 ? absl::StrFormat("%.0f", value)
                                                                  : Significant(value, digits);
    case Unit::kNanoseconds:
      return InSteps<4>(value, digits, {{{1, " ns"}, {1e3, " µs"}, {1e6, " ms"}, {1e9, " s"}}});
    case Unit::kPerSecond:
      return InSteps<4>(value, digits, {{{1, " /s"}, {1e3, " k/s"}, {1e6, " M/s"}, {1e9, " G/s"}}});
    case Unit::kBytes:
      return Bytes(value, digits);
    case Unit::kTimes:
      return absl::StrCat(Significant(value, digits), "×");
    case Unit::kShare:
      return absl::StrCat(Significant(value * 100, digits), " %");
  }
  return "–";
}

std::string FormatPlain(double value, Unit unit) {
  std::string text = Format(value, unit);
  const size_t point = text.find('.');
  if (point == std::string::npos) return text;
  const size_t end = text.find_first_not_of("0123456789", point + 1);
  const std::string suffix = end == std::string::npos ? "" : text.substr(end);
  text.erase(std::min(end, text.size()));
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text + suffix;
}

std::string FormatWithInterval(double value, double low, double high, Unit unit, int digits) {
  return absl::StrCat(Format(value, unit, digits), " (", Format(low, unit, digits), " to ", Format(high, unit, digits),
                      ")");
}

std::string Counted(long long count, const std::string& one, const std::string& many) {
  return absl::StrCat(count, " ", count == 1 ? one : many);
}

}  // namespace regatta::reports
