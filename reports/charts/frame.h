// Frame: what the charts have in common around their plot: the heading, and room kept for it.

#ifndef REGATTA_REPORTS_CHARTS_FRAME_H_
#define REGATTA_REPORTS_CHARTS_FRAME_H_

#include <string>
#include <string_view>
#include <vector>

#include "reports/charts/drawing.h"

namespace regatta::reports {

inline constexpr double kChartMargin = 14;
inline constexpr double kTextSize = 12.5;
inline constexpr double kLineHeight = 17;

// What all charts have. `description` is for those who can't see the picture: what it shows, in sentences.
struct ChartText {
  std::string title;
  std::string subtitle;
  std::string description;
};

// A line across the plot at a value of one axis, with what it means.
struct Reference {
  double value = 0;
  std::string label;
};

// Draws title and subtitle, wrapped to the width; returns the y below them.
double DrawHeading(const ChartText& text, Drawing& drawing);

// Labels of vertical reference lines above the plot, each on the first row where it touches no other.
// `xs` are the lines' pixels; labels stay within [left, right]. Returns the y below the last row.
double DrawReferenceLabels(const std::vector<Reference>& references, const std::vector<double>& xs, double left,
                           double right, double top, Drawing& drawing);

// A tick's label centred below `at`, moved in where it would stick out of the picture.
void DrawTickLabel(std::string_view text, Point at, Drawing& drawing);

// Dash and marker of the i-th series, so that series differ without colour too.
std::string_view SeriesDash(int i);
Marker SeriesMarker(int i);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_CHARTS_FRAME_H_
