#include "reports/charts/chart.h"

namespace regatta::reports {

const ChartText& TextOf(const Chart& chart) {
  return std::visit([](const auto& kind) -> const ChartText& { return kind.text; }, chart);
}

int CountValues(const Chart& chart) {
  size_t values = 0;
  if (const auto* lines = std::get_if<LineChart>(&chart)) {
    for (const Series& series : lines->series) values += series.points.size();
    return static_cast<int>(values);
  }
  if (const auto* map = std::get_if<HeatMap>(&chart)) {
    for (const std::vector<HeatCell>& row : map->cells) {
      for (const HeatCell& cell : row) values += cell.value.has_value() ? 1 : 0;
    }
    return static_cast<int>(values);
  }
  if (const auto* map = std::get_if<MachineMap>(&chart)) return static_cast<int>(map->processors.size());
  for (const BarGroup& group : std::get<BarChart>(chart).groups) {
    for (const Bar& bar : group.bars) values += bar.value.has_value() ? 1 : 0;
  }
  return static_cast<int>(values);
}

Drawing DrawChart(const Chart& chart, double width) {
  if (const auto* lines = std::get_if<LineChart>(&chart)) return DrawLineChart(*lines, width);
  if (const auto* map = std::get_if<HeatMap>(&chart)) return DrawHeatMap(*map, width);
  if (const auto* map = std::get_if<MachineMap>(&chart)) return DrawMachineMap(*map, width);
  return DrawBarChart(std::get<BarChart>(chart), width);
}

}  // namespace regatta::reports
