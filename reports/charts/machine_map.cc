#include <algorithm>
#include <map>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "reports/charts/chart.h"
#include "reports/charts/frame.h"

namespace regatta::reports {
namespace {

constexpr double kCell = 34;     // a processor's side
constexpr double kGap = 6;       // between boxes
constexpr double kPadding = 8;   // within a box
constexpr double kHeading = 20;  // a box' words

using Processors = std::vector<const MachineMap::Processor*>;

// By a member, in the order of the machine.
template <typename Key>
std::vector<std::pair<int, Processors>> Group(const Processors& processors, Key key) {
  std::vector<std::pair<int, Processors>> groups;
  for (const MachineMap::Processor* processor : processors) {
    const int of = key(*processor);
    auto group = std::find_if(groups.begin(), groups.end(), [&](const auto& known) { return known.first == of; });
    if (group == groups.end()) group = groups.insert(group, {of, {}});
    group->second.push_back(processor);
  }
  return groups;
}

void DrawOutline(const Box& box, Colour colour, Drawing& drawing) {
  drawing.AddPolyline(
      {{box.left, box.top}, {box.right, box.top}, {box.right, box.bottom}, {box.left, box.bottom}, {box.left, box.top}},
      {.colour = colour});
}

class MapDrawer {
 public:
  MapDrawer(const MachineMap& map, Drawing& drawing) : map_(map), drawing_(drawing) {}

  // Draws the machine from `y` on; returns the y below it.
  double Draw(double y) {
    Processors all;
    for (const MachineMap::Processor& processor : map_.processors) all.push_back(&processor);
    for (const auto& [socket, processors] : Group(all, [](const auto& p) { return p.socket; })) {
      const double top = y;
      std::vector<std::string> words = {absl::StrCat("socket ", socket)};
      for (const auto& [node, unused] : Group(processors, [](const auto& p) { return p.node; })) {
        if (node >= 0) words.push_back(absl::StrCat("memory node ", node));
      }
      y = DrawWords(absl::StrJoin(words, ", "), kChartMargin, y);
      for (const auto& [l3, sharing] : Group(processors, [](const auto& p) { return p.l3; })) {
        y = DrawCache(l3, sharing, y) + kGap;
      }
      y += kPadding - kGap;
      DrawOutline({kChartMargin, top, drawing_.width() - kChartMargin, y}, Colour::kMuted, drawing_);
      y += kGap;
    }
    return y;
  }

 private:
  double DrawWords(const std::string& words, double left, double top) {
    double y = top;
    for (const std::string& line : WrapText(words, kTextSize, drawing_.width() - kChartMargin - 2 * kPadding - left)) {
      y += kHeading;
      drawing_.AddText({left + kPadding, y - 5}, line, {.size = kTextSize});
    }
    return y;
  }

  // The cores that share a cache, in rows.
  double DrawCache(int l3, const Processors& sharing, double top) {
    const double left = kChartMargin + kPadding;
    const double right = drawing_.width() - kChartMargin - kPadding;
    const auto size = map_.l3_sizes.find(l3);
    double y =
        l3 < 0 ? top : DrawWords(size == map_.l3_sizes.end() ? "L3" : absl::StrCat("L3 ", size->second), left, top);
    double x = left + kPadding;
    y += kPadding / 2;
    for (const auto& [core, siblings] : Group(sharing, [](const auto& p) { return p.core; })) {
      const double width = kCell * static_cast<double>(siblings.size()) + kGap;
      if (x + width > right - kPadding && x > left + kPadding) {
        x = left + kPadding;
        y += kCell + 2 * kGap;
      }
      DrawCore(siblings, {x, y, x + width, y + kCell + kGap});
      x += width + kGap;
    }
    y += kCell + kGap + kPadding;
    if (l3 >= 0) DrawOutline({left, top + 2, right, y}, Colour::kGrid, drawing_);
    return y;
  }

  void DrawCore(const Processors& siblings, const Box& box) {
    DrawOutline(box, Colour::kMuted, drawing_);
    double x = box.left + kGap / 2;
    for (const MachineMap::Processor* processor : siblings) {
      const Box cell = {x + 1, box.top + kGap / 2, x + kCell - 1, box.bottom - kGap / 2};
      drawing_.AddRect(cell, processor->allowed ? Colour::kSeries0 : Colour::kGrid, 2);
      const Point middle = {(cell.left + cell.right) / 2, (cell.top + cell.bottom) / 2};
      drawing_.AddText({middle.x, middle.y + 4}, absl::StrCat(processor->cpu),
                       {.size = kTextSize,
                        .colour = processor->allowed ? Colour::kPaper : Colour::kInk,
                        .anchor = Anchor::kMiddle,
                        .bold = processor->allowed});
      drawing_.AddHover(
          middle,
          {absl::StrCat("processor ", processor->cpu, processor->allowed ? "" : ", not allowed here"),
           absl::StrCat("core ", processor->core, ", socket ", processor->socket),
           processor->node < 0 ? std::string("no memory node known") : absl::StrCat("memory node ", processor->node)});
      x += kCell;
    }
  }

  const MachineMap& map_;
  Drawing& drawing_;
};

}  // namespace

Drawing DrawMachineMap(const MachineMap& map, double width) {
  Drawing drawing(width);
  const double y = MapDrawer(map, drawing).Draw(DrawHeading(map.text, drawing) + 4);
  drawing.set_height(y + kChartMargin - kGap);
  return drawing;
}

}  // namespace regatta::reports
