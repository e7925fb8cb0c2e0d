#include <algorithm>
#include <cmath>
#include <limits>

#include "absl/strings/str_cat.h"
#include "reports/charts/chart.h"
#include "reports/charts/frame.h"

namespace regatta::reports {
namespace {

struct Layout {
  Box plot;
  Axis x;
  Axis y;
};

std::vector<double> XValues(const LineChart& chart) {
  std::vector<double> values;
  for (const Series& series : chart.series) {
    for (const ChartPoint& point : series.points) {
      values.push_back(point.x);
    }
  }
  for (const Reference& reference : chart.down) values.push_back(reference.value);
  return values;
}

// A band that reaches farther than this is cut off at the plot's edge rather than squeezing the curves.
double BandLimit(const LineChart& chart) {
  double highest = 0;
  for (const Series& series : chart.series) {
    for (const ChartPoint& point : series.points) highest = std::max(highest, point.y);
  }
  return 1.4 * highest;
}

bool CutsABand(const LineChart& chart) {
  const double limit = BandLimit(chart);
  return std::any_of(chart.series.begin(), chart.series.end(), [&](const Series& series) {
    return std::any_of(series.points.begin(), series.points.end(),
                       [&](const ChartPoint& point) { return point.high > limit; });
  });
}

std::vector<double> YValues(const LineChart& chart) {
  std::vector<double> values;
  const double limit = BandLimit(chart);
  for (const Series& series : chart.series) {
    for (const ChartPoint& point : series.points) {
      values.insert(values.end(), {point.y, point.low, std::min(point.high, limit)});
    }
  }
  for (const Reference& reference : chart.across) values.push_back(reference.value);
  return values;
}

// "Regatta pool", "2.0 us: 1.53x", "1.50 to 1.60x".
std::vector<std::string> HoverLines(const LineChart& chart, const Series& series, const ChartPoint& point) {
  const std::string at = chart.x.whole ? absl::StrCat(chart.x.label, " ", point.x) : Format(point.x, chart.x.unit, 2);
  std::vector<std::string> lines = {series.name, absl::StrCat(at, ": ", Format(point.y, chart.y.unit))};
  if (point.low != point.high) lines.push_back(FormatRange(point.low, point.high, chart.y.unit));
  return lines;
}

std::vector<Point> CurveOf(const Series& series, const Layout& layout) {
  std::vector<Point> curve;
  for (const ChartPoint& point : series.points) {
    curve.push_back({layout.x.Position(point.x), layout.y.Position(point.y)});
  }
  return curve;
}

// Labels to the right of the curves' ends read best; they need room, and curves that end near the right edge.
bool LabelsAtEnds(const LineChart& chart, double width, double label_room) {
  if (width < 560 || chart.series.size() > kSeriesColours || label_room > width * 0.3) return false;
  double last = 0;
  for (const Series& series : chart.series) {
    if (!series.points.empty()) last = std::max(last, series.points.back().x);
  }
  for (const Series& series : chart.series) {
    if (series.points.empty() || series.points.back().x < last * 0.8) return false;
  }
  return true;
}

void DrawSwatch(int i, Point at, Drawing& drawing) {
  drawing.AddLine({at.x, at.y}, {at.x + 26, at.y}, {.colour = SeriesColour(i), .width = 2.2, .dash = SeriesDash(i)});
  drawing.AddMarker({at.x + 13, at.y}, SeriesMarker(i), SeriesColour(i));
}

const Stroke kAcross = {.colour = Colour::kInk, .width = 1.2, .dash = "5 4"};

// A legend in rows, of the series and of what the lines across are; returns the y below it.
double DrawLegend(const LineChart& chart, double top, Drawing& drawing) {
  double x = kChartMargin;
  double y = top + 12;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const std::string& name = chart.series[i].name;
    const double width = 32 + TextWidth(name, kTextSize);
    if (x > kChartMargin && x + width > drawing.width() - kChartMargin) {
      x = kChartMargin;
      y += kLineHeight + 1;
    }
    DrawSwatch(static_cast<int>(i), {x, y - 4}, drawing);
    drawing.AddText({x + 32, y}, name, {.size = kTextSize});
    x += width + 18;
  }
  for (const Reference& reference : chart.across) {
    const double width = 32 + TextWidth(reference.label, kTextSize);
    if (x > kChartMargin && x + width > drawing.width() - kChartMargin) {
      x = kChartMargin;
      y += kLineHeight + 1;
    }
    drawing.AddLine({x, y - 4}, {x + 26, y - 4}, kAcross);
    drawing.AddText({x + 32, y}, reference.label, {.size = kTextSize});
    x += width + 18;
  }
  return y + 8;
}

void DrawEndLabels(const LineChart& chart, const Layout& layout, Drawing& drawing) {
  struct Label {
    size_t series;
    Point end;
    double y;
  };
  std::vector<Label> labels;
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const Point end = CurveOf(chart.series[i], layout).back();
    labels.push_back({i, end, end.y});
  }
  std::sort(labels.begin(), labels.end(), [](const Label& a, const Label& b) { return a.end.y < b.end.y; });
  // Push apart downwards, then back up from the plot's foot.
  for (size_t i = 1; i < labels.size(); ++i) labels[i].y = std::max(labels[i].y, labels[i - 1].y + kLineHeight);
  double limit = layout.plot.bottom - 2;
  for (size_t i = labels.size(); i-- > 0;) {
    labels[i].y = std::min(labels[i].y, limit);
    limit = labels[i].y - kLineHeight;
  }
  for (const Label& label : labels) {
    const Colour colour = SeriesColour(static_cast<int>(label.series));
    const double x = layout.plot.right + 14;
    drawing.AddLine({label.end.x + 6, label.end.y}, {x - 3, label.y}, {.colour = colour, .width = 0.8});
    drawing.AddText({x, label.y + 4}, chart.series[label.series].name,
                    {.size = kTextSize, .colour = colour, .bold = true});
  }
}

void DrawGrid(const LineChart& chart, const Layout& layout, Drawing& drawing) {
  const Box& plot = layout.plot;
  for (const Tick& tick : layout.y.Ticks([](const std::string&) { return kTextSize; })) {
    drawing.AddLine({plot.left, tick.position}, {plot.right, tick.position}, {.colour = Colour::kGrid});
    if (tick.text.empty()) continue;
    drawing.AddText({plot.left - 7, tick.position + 4}, tick.text,
                    {.size = kTextSize, .colour = Colour::kMuted, .anchor = Anchor::kEnd});
  }
  for (const Tick& tick : layout.x.Ticks([](const std::string& text) { return TextWidth(text, kTextSize); })) {
    drawing.AddLine({tick.position, plot.top}, {tick.position, plot.bottom + (tick.text.empty() ? 3 : 5)},
                    {.colour = Colour::kGrid});
    if (tick.text.empty()) continue;
    DrawTickLabel(tick.text, {tick.position, plot.bottom + 19}, drawing);
  }
  drawing.AddLine({plot.left, plot.bottom}, {plot.right, plot.bottom}, {.colour = Colour::kMuted});
  drawing.AddText({(plot.left + plot.right) / 2, plot.bottom + 39}, chart.x.label,
                  {.size = kTextSize, .anchor = Anchor::kMiddle});
}

void DrawBand(const Series& series, int i, const Layout& layout, Drawing& drawing) {
  std::vector<Point> outline;
  for (const ChartPoint& point : series.points) {
    outline.push_back({layout.x.Position(point.x), layout.y.Position(point.high)});
  }
  for (auto point = series.points.rbegin(); point != series.points.rend(); ++point) {
    outline.push_back({layout.x.Position(point->x), layout.y.Position(point->low)});
  }
  if (series.points.size() > 1) drawing.AddArea(outline, SeriesColour(i), 0.16);
  for (const ChartPoint& point : series.points) {
    if (point.low == point.high) continue;
    const double x = layout.x.Position(point.x);
    drawing.AddLine({x, layout.y.Position(point.low)}, {x, layout.y.Position(point.high)},
                    {.colour = SeriesColour(i), .width = 1.2});
  }
}

// The smallest distance in y between any curve and a box, over the box' width; 0 where one runs through it.
double Clearance(const Box& box, const std::vector<std::vector<Point>>& curves) {
  double clearance = std::numeric_limits<double>::infinity();
  for (const std::vector<Point>& curve : curves) {
    for (size_t i = 0; i + 1 < curve.size(); ++i) {
      for (int step = 0; step <= 20; ++step) {
        const double part = step / 20.0;
        const double x = curve[i].x + part * (curve[i + 1].x - curve[i].x);
        const double y = curve[i].y + part * (curve[i + 1].y - curve[i].y);
        if (x < box.left - 6 || x > box.right + 6) continue;
        clearance = std::min(clearance, std::max({0.0, box.top - y, y - box.bottom}));
      }
    }
  }
  return clearance;
}

// Horizontal references; where no legend names them (`labelled`), each label where the curves leave it most room.
void DrawAcross(const LineChart& chart, const Layout& layout, bool labelled, Drawing& drawing) {
  std::vector<std::vector<Point>> curves;
  for (const Series& series : chart.series) curves.push_back(CurveOf(series, layout));
  const Box& plot = layout.plot;
  for (const Reference& reference : chart.down) {
    const double x = layout.x.Position(reference.value);
    curves.push_back({{x, plot.top}, {x, plot.bottom}});
  }
  for (const Reference& reference : chart.across) {
    const double y = layout.y.Position(reference.value);
    drawing.AddLine({plot.left, y}, {plot.right, y}, kAcross);
    if (!labelled) continue;
    const double width = TextWidth(reference.label, kTextSize);
    Point best;
    double best_clearance = -1;
    for (const double x : {plot.left + 8, plot.right - width - 8, (plot.left + plot.right - width) / 2}) {
      for (const double baseline : {y - 6, y + 15}) {
        const Box box = {x, baseline - 12, x + width, baseline + 3};
        if (box.top < plot.top || box.bottom > plot.bottom) continue;
        bool crossed = false;
        for (const Box& other : drawing.text_boxes()) crossed |= box.Overlaps(other);
        const double clearance = crossed ? 0 : std::min(Clearance(box, curves), 40.0);
        if (clearance > best_clearance) {
          best_clearance = clearance;
          best = {x, baseline};
        }
      }
    }
    if (best_clearance < 0) continue;  // no room inside the plot; the caption says what the line is
    drawing.AddText(best, reference.label, {.size = kTextSize, .halo = true});
  }
}

}  // namespace

Drawing DrawLineChart(const LineChart& chart, double width) {
  Drawing drawing(width);
  ChartText heading = chart.text;
  if (CutsABand(chart)) heading.subtitle += "; a band that reaches beyond the plot is cut off";
  double top = DrawHeading(heading, drawing);

  double label_room = 0;
  for (const Series& series : chart.series) label_room = std::max(label_room, TextWidth(series.name, kTextSize, true));
  const bool ends = LabelsAtEnds(chart, width, label_room);
  if (!ends) top = DrawLegend(chart, top, drawing);
  for (const std::string& line : WrapText(chart.y.label, kTextSize, width - 2 * kChartMargin)) {
    drawing.AddText({kChartMargin, top + 12}, line, {.size = kTextSize});
    top += kLineHeight;
  }

  const double plot_height = std::clamp(width * 0.42, 190.0, 300.0);
  // The ticks' labels decide the left edge; a first axis over a provisional range gives them.
  double left = 0;
  for (const Tick& tick :
       Axis(chart.y, YValues(chart), plot_height, 0).Ticks([](const std::string&) { return kTextSize; })) {
    left = std::max(left, TextWidth(tick.text, kTextSize));
  }
  left += kChartMargin + 9;
  const double right = width - kChartMargin - (ends ? label_room + 14 : 6);
  const Axis x(chart.x, XValues(chart), left, right);
  std::vector<double> down_pixels;
  for (const Reference& reference : chart.down) down_pixels.push_back(x.Position(reference.value));
  top = DrawReferenceLabels(chart.down, down_pixels, left, width - kChartMargin, top, drawing) + 6;

  const Layout layout = {
      {left, top, right, top + plot_height}, x, Axis(chart.y, YValues(chart), top + plot_height, top)};
  DrawGrid(chart, layout, drawing);
  for (size_t i = 0; i < chart.series.size(); ++i) DrawBand(chart.series[i], static_cast<int>(i), layout, drawing);
  for (const double pixel : down_pixels) {
    drawing.AddLine({pixel, top - 4}, {pixel, layout.plot.bottom},
                    {.colour = Colour::kMuted, .width = 1.2, .dash = "2 3"});
  }
  for (size_t i = 0; i < chart.series.size(); ++i) {
    const std::vector<Point> curve = CurveOf(chart.series[i], layout);
    const Colour colour = SeriesColour(static_cast<int>(i));
    if (curve.size() > 1) {
      drawing.AddPolyline(curve, {.colour = colour, .width = 2.2, .dash = SeriesDash(static_cast<int>(i))});
    }
    for (size_t j = 0; j < curve.size(); ++j) {
      drawing.AddMarker(curve[j], SeriesMarker(static_cast<int>(i)), colour);
      drawing.AddHover(curve[j], HoverLines(chart, chart.series[i], chart.series[i].points[j]));
    }
  }
  if (ends) DrawEndLabels(chart, layout, drawing);
  DrawAcross(chart, layout, ends, drawing);
  drawing.set_height(layout.plot.bottom + 39 + kChartMargin);
  return drawing;
}

}  // namespace regatta::reports
