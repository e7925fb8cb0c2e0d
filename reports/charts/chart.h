// Chart: the kinds of picture in the report, as data, and how they become SVG.
//
// Every chart has a title, says what its axes are in, and says where the work ran (`subtitle`). It is laid out for a
// given width, not scaled down to it, so that its text is as large on a phone as on a desk.

#ifndef REGATTA_REPORTS_CHARTS_CHART_H_
#define REGATTA_REPORTS_CHARTS_CHART_H_

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "reports/charts/axis.h"
#include "reports/charts/drawing.h"
#include "reports/charts/frame.h"

namespace regatta::reports {

// A point with the interval it is uncertain within (low == high: none shown).
struct ChartPoint {
  double x = 0;
  double y = 0;
  double low = 0;
  double high = 0;
};

struct Series {
  std::string name;
  std::vector<ChartPoint> points;
};

struct LineChart {
  ChartText text;
  AxisSpec x;
  AxisSpec y;
  std::vector<Series> series;
  std::vector<Reference> across;  // horizontal, at values of y
  std::vector<Reference> down;    // vertical, at values of x
};

// A row of a bar chart: a measured value with its interval, or why there is none.
struct Bar {
  std::string name;
  std::optional<ChartPoint> value;  // y, low and high are used
  std::string note;                 // behind the value, or instead of it
  bool ours = false;                // drawn in the first series colour, others in grey
};

struct BarGroup {
  std::string name;  // may be empty
  std::vector<Bar> bars;
};

// Horizontal bars with whiskers. On a linear axis bars begin at zero; on a logarithmic one, where a bar's length would
// mean nothing, each value is a mark on a thin rule.
struct BarChart {
  ChartText text;
  AxisSpec axis;
  std::vector<BarGroup> groups;
  std::vector<Reference> down;
};

// A figure for each pair of things, as between the processors of a machine.
struct HeatCell {
  std::optional<ChartPoint> value;  // y, low and high are used; none: left blank
  std::string note;                 // what the pair is, shown beside its value
};

// A square of cells, the deeper the colour the higher the value; each has its value written in it where there is room,
// and all have it in their hover and, for those who can't see, in the description, which drawing completes.
struct HeatMap {
  ChartText text;
  Unit unit = Unit::kNumber;
  std::string row_label;
  std::string column_label;
  std::vector<std::string> names;            // of rows and of columns
  std::vector<std::vector<HeatCell>> cells;  // by row; as many each way as names
};

// "0 to 1: 240 ns, on two cores; ...": all values of a map.
std::string HeatMapValues(const HeatMap& map);

// A machine as it is built: sockets, in them caches, in those cores, in those processors.
struct MachineMap {
  struct Processor {
    int cpu = 0;
    int core = 0;
    int socket = 0;
    int l3 = -1;    // -1: it shares none
    int node = -1;  // of memory; -1: not known
    bool allowed = true;
  };
  ChartText text = {};
  std::vector<Processor> processors = {};    // in the order of the hardware
  std::map<int, std::string> l3_sizes = {};  // of each, in words
};

using Chart = std::variant<LineChart, BarChart, HeatMap, MachineMap>;

const ChartText& TextOf(const Chart& chart);

// How many values are drawn, each with what is behind it. A chart without any is left out of a report, not shown empty.
int CountValues(const Chart& chart);
inline bool HasValues(const Chart& chart) { return CountValues(chart) > 0; }

Drawing DrawLineChart(const LineChart& chart, double width);
Drawing DrawBarChart(const BarChart& chart, double width);
Drawing DrawHeatMap(const HeatMap& map, double width);
Drawing DrawMachineMap(const MachineMap& map, double width);
Drawing DrawChart(const Chart& chart, double width);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_CHARTS_CHART_H_
