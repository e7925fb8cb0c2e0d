#include "reports/charts/chart.h"

#include "absl/strings/str_cat.h"
#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

// No two texts overlap and none sticks out, by the drawing's own (generous) estimate of their widths.
void ExpectTidy(const Drawing& drawing, const std::string& picture) {
  const std::vector<Box>& boxes = drawing.text_boxes();
  EXPECT_FALSE(boxes.empty());
  for (size_t i = 0; i < boxes.size(); ++i) {
    EXPECT_GE(boxes[i].left, 0) << "text " << i << " of " << picture;
    EXPECT_LE(boxes[i].right, drawing.width()) << "text " << i << " of " << picture;
    for (size_t j = 0; j < i; ++j) {
      EXPECT_FALSE(boxes[i].Overlaps(boxes[j])) << "texts " << i << ", " << j << " of " << picture;
    }
  }
}

LineChart SpeedUps() {
  LineChart chart;
  chart.text = {"Speed-up over the size of a task", "pool of 2, chunk 1, spread over both processors, near state", "d"};
  chart.x = {.label = "work in one task", .unit = Unit::kNanoseconds, .logarithmic = true};
  chart.y = {.label = "speed-up: serial time / pool time", .unit = Unit::kTimes, .from_zero = true};
  chart.across = {{1, "level with one process"}};
  chart.down = {{1'200, "break-even 1.2 µs"}, {1'300, "METG(50) 1.3 µs"}};
  for (int i = 0; i < 5; ++i) {
    Series series = {absl::StrCat("a system number ", i), {}};
    for (double x = 2; x < 2e6; x *= 4) {
      const double y = 0.02 + 1.9 * x / (x + 1'000 + i);
      series.points.push_back({x, y, y * 0.95, y * 1.05});
    }
    chart.series.push_back(series);
  }
  return chart;
}

BarChart Latencies(bool logarithmic) {
  BarChart chart;
  chart.text = {"64 B there and back: the median time of one round trip", "two processes on two cores, near state",
                "d"};
  chart.axis = {.label = "time of a round trip, p50",
                .unit = Unit::kNanoseconds,
                .logarithmic = logarithmic,
                .from_zero = !logarithmic};
  chart.groups = {{"other core, near",
                   {{"ring (the limit)", ChartPoint{0, 240, 235, 250}, "", false},
                    {"core Queue", ChartPoint{0, 310, 300, 330}, "1.29× the ring", true},
                    {"pipe", ChartPoint{0, 52'700, 50'000, 56'000}, "220× the ring", false},
                    {"zeromq", std::nullopt, "absent", false}}},
                  {"same processor", {{"core Queue", ChartPoint{0, 3'900, 3'900, 3'900}, "", true}}}};
  return chart;
}

TEST(LineChartTest, KeepsItsTextsApartAtEveryWidth) {
  for (const double width : {340.0, 358.0, 480.0, 600.0, 760.0, 1000.0}) {
    ExpectTidy(DrawLineChart(SpeedUps(), width), absl::StrCat("lines at ", width));
  }
}

TEST(LineChartTest, NamesEverySeriesAndReference) {
  for (const double width : {358.0, 760.0}) {
    const std::string svg = DrawLineChart(SpeedUps(), width).Render(Standing::kAlone, "c", "t", "d");
    for (const char* text : {"a system number 0", "a system number 4", "level with one process", "break-even 1.2 µs",
                             "METG(50) 1.3 µs", "work in one task"}) {
      EXPECT_NE(svg.find(text), std::string::npos) << text << " at " << width;
    }
  }
}

TEST(LineChartTest, DrawsASinglePoint) {
  LineChart chart = SpeedUps();
  chart.series = {{"one", {{2, 1.5, 1.2, 1.7}}}};
  chart.down.clear();
  for (const double width : {358.0, 760.0}) ExpectTidy(DrawLineChart(chart, width), "single point");
}

TEST(BarChartTest, KeepsItsTextsApartAtEveryWidth) {
  for (const bool logarithmic : {false, true}) {
    for (const double width : {340.0, 358.0, 480.0, 600.0, 760.0, 1000.0}) {
      ExpectTidy(DrawBarChart(Latencies(logarithmic), width), absl::StrCat("bars at ", width));
    }
  }
}

TEST(BarChartTest, SaysWhatIsAbsent) {
  const std::string svg = DrawBarChart(Latencies(true), 760).Render(Standing::kAlone, "c", "t", "d");
  EXPECT_NE(svg.find("zeromq"), std::string::npos);
  EXPECT_NE(svg.find(">absent<"), std::string::npos);
}

HeatMap RoundTrips(int processors) {
  HeatMap map;
  map.text = {"64 B there and back between every two processors", "Regatta queue, near state", "d"};
  map.unit = Unit::kNanoseconds;
  map.row_label = "the process that measures";
  map.column_label = "its partner";
  for (int i = 0; i < processors; ++i) map.names.push_back(absl::StrCat("processor ", i));
  for (int row = 0; row < processors; ++row) {
    std::vector<HeatCell> cells;
    for (int column = 0; column < processors; ++column) {
      const double value = row == column ? 4321 : 240 + row + column;
      cells.push_back({ChartPoint{0, value, value * 0.9, value * 1.1}, row == column ? "both on one" : "on two cores"});
    }
    map.cells.push_back(std::move(cells));
  }
  return map;
}

TEST(HeatMapTest, KeepsItsTextsApartAtEveryWidth) {
  for (const int processors : {1, 2, 8, 16}) {
    for (const double width : {340.0, 358.0, 480.0, 760.0, 1000.0}) {
      ExpectTidy(DrawHeatMap(RoundTrips(processors), width), absl::StrCat(processors, " processors at ", width));
    }
  }
}

TEST(HeatMapTest, WritesEachValueInItsCellAndSaysAllOfThem) {
  HeatMap map = RoundTrips(2);
  map.cells[1][0].value.reset();
  for (const double width : {358.0, 760.0}) {
    const std::string svg = DrawHeatMap(map, width).Render(Standing::kAlone, "c", "t", "d");
    EXPECT_NE(svg.find(">241\u00a0ns<"), std::string::npos) << width;
    EXPECT_NE(svg.find(">4.32\u00a0µs<"), std::string::npos) << width;
  }
  EXPECT_EQ(
      HeatMapValues(map),
      "processor 0 to processor 0: 4.32\u00a0µs, both on one; processor 0 to processor 1: 241\u00a0ns, on two cores; "
      "processor 1 to processor 0: not measured, on two cores; processor 1 to processor 1: 4.32\u00a0µs, both on one");
}

TEST(HeatMapTest, IsDeeperWhereTheValueIsHigher) {
  const std::string svg = DrawHeatMap(RoundTrips(2), 760).Render(Standing::kAlone, "c", "t", "d");
  EXPECT_NE(svg.find("fill-opacity=\"0.5\""), std::string::npos);
  EXPECT_NE(svg.find("fill-opacity=\"0.06\""), std::string::npos);
}

TEST(ChartTest, WithoutAnyValueIsKnownAsEmpty) {
  HeatMap map = RoundTrips(1);
  EXPECT_TRUE(HasValues(map));
  map.cells[0][0].value.reset();
  EXPECT_FALSE(HasValues(map));
  BarChart bars = Latencies(true);
  EXPECT_TRUE(HasValues(bars));
  for (BarGroup& group : bars.groups) {
    for (Bar& bar : group.bars) bar.value.reset();
  }
  EXPECT_FALSE(HasValues(bars));
  LineChart lines;
  lines.series.push_back({"no points", {}});
  EXPECT_FALSE(HasValues(lines));
}

}  // namespace
}  // namespace regatta::reports
