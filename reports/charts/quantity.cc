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
  constexpr std::array<Step, 5> kSteps = {{{1, "\u00a0B"},
                                           {1024, "\u00a0KiB"},
                                           {1048576, "\u00a0MiB"},
                                           {1073741824, "\u00a0GiB"},
                                           {1099511627776, "\u00a0TiB"}}};
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
      return InSteps<4>(value, digits, {{{1, "\u00a0ns"}, {1e3, "\u00a0µs"}, {1e6, "\u00a0ms"}, {1e9, "\u00a0s"}}});
    case Unit::kPerSecond:
      return InSteps<4>(value, digits, {{{1, "\u00a0/s"}, {1e3, "\u00a0k/s"}, {1e6, "\u00a0M/s"}, {1e9, "\u00a0G/s"}}});
    case Unit::kBytes:
      return Bytes(value, digits);
    case Unit::kTimes:
      return absl::StrCat(Significant(value, digits), "×");
    case Unit::kShare:
      return absl::StrCat(Significant(value * 100, digits), "\u00a0%");
    case Unit::kQuantile:
      return value < 1 ? "–" : absl::StrFormat("p%.7g", 100 - 100 / value);
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

std::string FormatRange(double low, double high, Unit unit, int digits) {
  std::string from = Format(low, unit, digits);
  const std::string to = Format(high, unit, digits);
  const auto suffix = [](const std::string& text) {
    const size_t last = text.find_last_of("0123456789");
    return last == std::string::npos ? std::string() : text.substr(last + 1);
  };
  const std::string shared = suffix(to);
  if (!shared.empty() && suffix(from) == shared) from.erase(from.size() - shared.size());
  return absl::StrCat(from, " to ", to);
}

std::string Counted(long long count, const std::string& one, const std::string& many) {
  return absl::StrCat(count, "\u00a0", count == 1 ? one : many);
}

}  // namespace regatta::reports
