#include "reports/charts/chart.h"

#include <algorithm>

namespace regatta::reports {

const ChartText& TextOf(const Chart& chart) {
  return std::visit([](const auto& kind) -> const ChartText& { return kind.text; }, chart);
}

bool HasValues(const Chart& chart) {
  if (const auto* lines = std::get_if<LineChart>(&chart)) {
    return std::any_of(lines->series.begin(), lines->series.end(), [](const Series& s) { return !s.points.empty(); });
  }
  if (const auto* map = std::get_if<HeatMap>(&chart)) {
    return std::any_of(map->cells.begin(), map->cells.end(), [](const std::vector<HeatCell>& row) {
      return std::any_of(row.begin(), row.end(), [](const HeatCell& cell) { return cell.value.has_value(); });
    });
  }
  for (const BarGroup& group : std::get<BarChart>(chart).groups) {
    if (std::any_of(group.bars.begin(), group.bars.end(), [](const Bar& bar) { return bar.value.has_value(); })) {
      return true;
    }
  }
  return false;
}

Drawing DrawChart(const Chart& chart, double width) {
  if (const auto* lines = std::get_if<LineChart>(&chart)) return DrawLineChart(*lines, width);
  if (const auto* map = std::get_if<HeatMap>(&chart)) return DrawHeatMap(*map, width);
  return DrawBarChart(std::get<BarChart>(chart), width);
}

}  // namespace regatta::reports
