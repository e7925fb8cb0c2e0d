#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "reports/charts/chart.h"
#include "reports/charts/frame.h"

namespace regatta::reports {
namespace {

constexpr double kRowHeight = 24;
constexpr double kNarrow = 520;  // below this, names stand above their bars

std::vector<double> Values(const BarChart& chart) {
  std::vector<double> values;
  for (const BarGroup& group : chart.groups) {
    for (const Bar& bar : group.bars) {
      if (bar.value) values.insert(values.end(), {bar.value->y, bar.value->low, bar.value->high});
    }
  }
  for (const Reference& reference : chart.down) values.push_back(reference.value);
  return values;
}

std::string ValueText(const Bar& bar, Unit unit) {
  if (!bar.value) return bar.note;
  return bar.note.empty() ? Format(bar.value->y, unit) : absl::StrCat(Format(bar.value->y, unit), "  ", bar.note);
}

struct Plot {
  const BarChart& chart;
  const Axis& axis;
  double left;
  double right;
};

void DrawBar(const Plot& plot, const Bar& bar, double y, Drawing& drawing) {
  const std::string text = ValueText(bar, plot.chart.axis.unit);
  if (!bar.value) {
    drawing.AddText({plot.left + 4, y + 4}, text, {.size = kTextSize, .colour = Colour::kMuted, .italic = true});
    return;
  }
  const Colour colour = bar.ours ? Colour::kSeries0 : Colour::kSeries5;
  const double at = plot.axis.Position(bar.value->y);
  const double low = plot.axis.Position(bar.value->low);
  const double high = plot.axis.Position(bar.value->high);
  if (plot.chart.axis.logarithmic) {
    drawing.AddLine({plot.left, y}, {plot.right, y}, {.colour = Colour::kGrid});
    drawing.AddLine({low, y}, {high, y}, {.colour = colour, .width = 3});
    drawing.AddMarker({at, y}, bar.ours ? Marker::kDisc : Marker::kDiamond, colour, 4.5);
  } else {
    drawing.AddRect({plot.axis.Position(0), y - 7, at, y + 7}, colour, 1.5);
    const Stroke whisker = {.colour = Colour::kInk, .width = 1.2};
    drawing.AddLine({low, y}, {high, y}, whisker);
    drawing.AddLine({low, y - 4}, {low, y + 4}, whisker);
    drawing.AddLine({high, y - 4}, {high, y + 4}, whisker);
  }
  std::vector<std::string> lines = {bar.name, text};
  if (bar.value->low != bar.value->high) {
    lines.push_back(FormatRange(bar.value->low, bar.value->high, plot.chart.axis.unit));
  }
  drawing.AddHover({at, y}, lines);
  drawing.AddText({std::max({at, high, low}) + 10, y + 4}, text, {.size = kTextSize, .bold = bar.ours, .halo = true});
}

}  // namespace

Drawing DrawBarChart(const BarChart& chart, double width) {
  Drawing drawing(width);
  double y = DrawHeading(chart.text, drawing);
  const bool stacked = width < kNarrow;

  double names = 0;
  double texts = 0;
  for (const BarGroup& group : chart.groups) {
    for (const Bar& bar : group.bars) {
      names = std::max(names, TextWidth(bar.name, kTextSize, bar.ours));
      if (bar.value) texts = std::max(texts, TextWidth(ValueText(bar, chart.axis.unit), kTextSize, bar.ours));
    }
  }
  const double left = kChartMargin + (stacked ? 0 : names + 10);
  // Behind the farthest mark there is room for the longest text.
  const double right = width - kChartMargin - texts - 12;
  const Axis axis(chart.axis, Values(chart), left, right);
  const Plot plot = {chart, axis, left, right};

  for (const std::string& line : WrapText(chart.axis.label, kTextSize, width - 2 * kChartMargin)) {
    drawing.AddText({kChartMargin, y + 12}, line, {.size = kTextSize});
    y += kLineHeight;
  }
  std::vector<double> down_pixels;
  for (const Reference& reference : chart.down) down_pixels.push_back(axis.Position(reference.value));
  y = DrawReferenceLabels(chart.down, down_pixels, left, width - kChartMargin, y + 2, drawing) + 6;

  // Rows are placed first, the grid is drawn under them, then they are drawn.
  struct Row {
    const Bar* bar;
    double y;
  };
  const double top = y;
  std::vector<Row> rows;
  std::vector<std::pair<std::string, double>> headings;  // a line and its baseline
  for (const BarGroup& group : chart.groups) {
    if (group.bars.empty()) continue;
    y += group.name.empty() ? 0 : 4;
    for (const std::string& line : WrapText(group.name, kTextSize, (width - 2 * kChartMargin) / 1.1)) {
      y += kLineHeight;
      headings.emplace_back(line, y - 5);
    }
    for (const Bar& bar : group.bars) {
      y += stacked ? kRowHeight + 16 : kRowHeight;
      rows.push_back({&bar, y - kRowHeight / 2});
    }
    y += 6;
  }
  for (const Tick& tick : axis.Ticks([](const std::string& text) { return TextWidth(text, kTextSize); })) {
    drawing.AddLine({tick.position, top}, {tick.position, y + (tick.text.empty() ? 2 : 4)}, {.colour = Colour::kGrid});
    if (tick.text.empty()) continue;
    DrawTickLabel(tick.text, {tick.position, y + 18}, drawing);
  }
  for (const double pixel : down_pixels) {
    drawing.AddLine({pixel, top - 4}, {pixel, y}, {.colour = Colour::kInk, .width = 1.2, .dash = "5 4"});
  }
  for (const auto& [line, baseline] : headings) {
    drawing.AddText({kChartMargin, baseline}, line, {.size = kTextSize, .bold = true, .halo = true});
  }
  for (const Row& row : rows) {
    const Point at = stacked ? Point{left, row.y - 15} : Point{left - 10, row.y + 4};
    drawing.AddText(
        at, row.bar->name,
        {.size = kTextSize, .anchor = stacked ? Anchor::kStart : Anchor::kEnd, .bold = row.bar->ours, .halo = stacked});
    DrawBar(plot, *row.bar, row.y, drawing);
  }
  drawing.set_height(y + 22 + kChartMargin);
  return drawing;
}

}  // namespace regatta::reports
