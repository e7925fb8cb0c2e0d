#include "reports/charts/frame.h"

#include <algorithm>
#include <array>

namespace regatta::reports {

double DrawHeading(const ChartText& text, Drawing& drawing) {
  constexpr double kTitleSize = 16;
  const double room = drawing.width() - 2 * kChartMargin;
  double y = kChartMargin;
  // Wrapped for bold letters, which are wider.
  for (const std::string& line : WrapText(text.title, kTitleSize, room / 1.1)) {
    y += 20;
    drawing.AddText({kChartMargin, y - 4}, line, {.size = kTitleSize, .bold = true});
  }
  for (const std::string& line : WrapText(text.subtitle, kTextSize, room)) {
    y += kLineHeight;
    drawing.AddText({kChartMargin, y - 2}, line, {.size = kTextSize, .colour = Colour::kMuted});
  }
  return y + 8;
}

double DrawReferenceLabels(const std::vector<Reference>& references, const std::vector<double>& xs, double left,
                           double right, double top, Drawing& drawing) {
  std::vector<double> row_ends;  // per row, where its last label ends; rows fill from left to right
  std::vector<size_t> order(references.size());
  for (size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::sort(order.begin(), order.end(), [&](size_t a, size_t b) { return xs[a] < xs[b]; });
  for (const size_t i : order) {
    const double width = TextWidth(references[i].label, kTextSize);
    const double start = std::max(left, std::min(xs[i] - width / 2, right - width));
    size_t row = 0;
    while (row < row_ends.size() && row_ends[row] + 10 > start) ++row;
    if (row == row_ends.size()) row_ends.push_back(0);
    row_ends[row] = start + width;
    drawing.AddText({start, top + kLineHeight * static_cast<double>(row + 1) - 4}, references[i].label,
                    {.size = kTextSize, .colour = Colour::kMuted});
  }
  return top + kLineHeight * static_cast<double>(row_ends.size());
}

void DrawTickLabel(std::string_view text, Point at, Drawing& drawing) {
  const double half = TextWidth(text, kTextSize) / 2;
  at.x = std::max(half + 2, std::min(at.x, drawing.width() - half - 2));
  drawing.AddText(at, text, {.size = kTextSize, .colour = Colour::kMuted, .anchor = Anchor::kMiddle});
}

std::string_view SeriesDash(int i) {
  constexpr std::array<std::string_view, 6> kDashes = {"", "7 4", "2 4", "10 3 2 3", "5 2", "1 3"};
  return kDashes[static_cast<size_t>(i) % kDashes.size()];
}

Marker SeriesMarker(int i) {
  constexpr std::array<Marker, 6> kMarkers = {Marker::kDisc,    Marker::kSquare, Marker::kTriangle,
                                              Marker::kDiamond, Marker::kRing,   Marker::kCross};
  return kMarkers[static_cast<size_t>(i) % kMarkers.size()];
}

}  // namespace regatta::reports
