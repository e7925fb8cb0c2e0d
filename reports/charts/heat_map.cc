#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "reports/charts/chart.h"
#include "reports/charts/frame.h"

namespace regatta::reports {
namespace {

constexpr double kMostCell = 120;
constexpr double kMostHeight = 64;
constexpr double kLeastText = 8.5;
// At its deepest the colour still lets ink be read on it, on light paper and on dark.
constexpr double kLeastShade = 0.06;
constexpr double kMostShade = 0.5;

// What the values span, by their logarithms: placements differ by factors.
struct Span {
  double low = 0;
  double high = 0;

  explicit Span(const HeatMap& map) {
    for (const std::vector<HeatCell>& row : map.cells) {
      for (const HeatCell& cell : row) {
        if (!cell.value || cell.value->y <= 0) continue;
        low = low == 0 ? cell.value->y : std::min(low, cell.value->y);
        high = std::max(high, cell.value->y);
      }
    }
  }
  double Shade(double value) const {
    if (value <= 0 || high <= low) return kLeastShade;
    return kLeastShade + (kMostShade - kLeastShade) * std::log(value / low) / std::log(high / low);
  }
};

std::string Between(const HeatMap& map, size_t row, size_t column) {
  return absl::StrCat(map.names[row], " to ", map.names[column]);
}

// The largest size at which every value fits into a cell; 0: at none.
double TextSizeFor(const HeatMap& map, double room) {
  double widest = 0;
  for (const std::vector<HeatCell>& row : map.cells) {
    for (const HeatCell& cell : row) {
      if (cell.value) widest = std::max(widest, TextWidth(Format(cell.value->y, map.unit), 1, true));
    }
  }
  const double size = widest > 0 ? std::min(kTextSize, room / widest) : kTextSize;
  return size >= kLeastText ? size : 0;
}

}  // namespace

std::string HeatMapValues(const HeatMap& map) {
  std::string values;
  for (size_t row = 0; row < map.cells.size(); ++row) {
    for (size_t column = 0; column < map.cells[row].size(); ++column) {
      const HeatCell& cell = map.cells[row][column];
      absl::StrAppend(&values, values.empty() ? "" : "; ", Between(map, row, column), ": ",
                      cell.value ? Format(cell.value->y, map.unit) : "not measured",
                      cell.note.empty() ? "" : absl::StrCat(", ", cell.note));
    }
  }
  return values;
}

Drawing DrawHeatMap(const HeatMap& map, double width) {
  Drawing drawing(width);
  double y = DrawHeading(map.text, drawing);
  double names = 0;
  for (const std::string& name : map.names) names = std::max(names, TextWidth(name, kTextSize));
  const double left = kChartMargin + names + 12;
  const double count = static_cast<double>(map.names.size());
  const double cell_width = std::min(kMostCell, (width - kChartMargin - left) / std::max(count, 1.0));
  const double cell_height = std::min(kMostHeight, cell_width);

  for (const std::string& line : WrapText(
           absl::StrCat("rows: ", map.row_label, "; columns: ", map.column_label, "; the deeper the colour, the more"),
           kTextSize, width - 2 * kChartMargin)) {
    drawing.AddText({kChartMargin, y + 12}, line, {.size = kTextSize});
    y += kLineHeight;
  }
  y += 20;
  double free_from = 0;  // where the next column's name may begin
  for (size_t i = 0; i < map.names.size(); ++i) {
    const double middle = left + (static_cast<double>(i) + 0.5) * cell_width;
    const double half = TextWidth(map.names[i], kTextSize) / 2;
    if (middle - half < free_from || middle + half > width) continue;
    free_from = middle + half + 4;
    drawing.AddText({middle, y}, map.names[i],
                    {.size = kTextSize, .colour = Colour::kMuted, .anchor = Anchor::kMiddle});
  }
  y += 7;
  const Span span(map);
  const double text_size = TextSizeFor(map, cell_width - 8);
  for (size_t row = 0; row < map.cells.size(); ++row) {
    const double top = y + static_cast<double>(row) * cell_height;
    const double middle = top + cell_height / 2;
    if (cell_height >= kLineHeight || row % 2 == 0) {
      drawing.AddText({left - 8, middle + 4}, map.names[row],
                      {.size = kTextSize, .colour = Colour::kMuted, .anchor = Anchor::kEnd});
    }
    for (size_t column = 0; column < map.cells[row].size(); ++column) {
      const HeatCell& cell = map.cells[row][column];
      const double start = left + static_cast<double>(column) * cell_width;
      const Box box = {start + 1, top + 1, start + cell_width - 1, top + cell_height - 1};
      drawing.AddRect(box, Colour::kPanel, 3);
      if (!cell.value) continue;
      drawing.AddArea({{box.left, box.top}, {box.right, box.top}, {box.right, box.bottom}, {box.left, box.bottom}},
                      Colour::kSeries0, span.Shade(cell.value->y));
      const Point centre = {start + cell_width / 2, middle};
      if (text_size > 0) {
        drawing.AddText({centre.x, centre.y + text_size * 0.35}, Format(cell.value->y, map.unit),
                        {.size = text_size, .anchor = Anchor::kMiddle, .bold = true});
      }
      std::vector<std::string> lines = {Between(map, row, column), Format(cell.value->y, map.unit)};
      if (cell.value->low != cell.value->high) {
        lines.push_back(FormatRange(cell.value->low, cell.value->high, map.unit));
      }
      if (!cell.note.empty()) lines.push_back(cell.note);
      drawing.AddHover(centre, lines);
    }
  }
  drawing.set_height(y + count * cell_height + kChartMargin);
  return drawing;
}

}  // namespace regatta::reports
