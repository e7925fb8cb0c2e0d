// Drawing: an SVG picture under construction.
//
// Coordinates are in pixels from the top left. Text is measured by estimate (widths of a wide common font), so that
// layouts leave enough room whatever font the reader has; the drawing remembers where its text lies, and a test can ask
// whether any of it overlaps or sticks out.

#ifndef REGATTA_REPORTS_CHARTS_DRAWING_H_
#define REGATTA_REPORTS_CHARTS_DRAWING_H_

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "reports/charts/palette.h"

namespace regatta::reports {

struct Point {
  double x = 0;
  double y = 0;
};

struct Box {
  double left = 0;
  double top = 0;
  double right = 0;
  double bottom = 0;

  bool Overlaps(const Box& other) const {
    return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
  }
};

enum class Anchor { kStart, kMiddle, kEnd };

struct TextStyle {
  double size = 12;
  Colour colour = Colour::kInk;
  Anchor anchor = Anchor::kStart;
  bool bold = false;
  bool italic = false;
  bool halo = false;  // a rim in the paper's colour, for text over lines
};

struct Stroke {
  Colour colour = Colour::kInk;
  double width = 1;
  std::string_view dash = {};  // as in stroke-dasharray
};

enum class Marker { kDisc, kSquare, kTriangle, kDiamond, kRing, kCross };

// Text for XML and HTML: & < > " ' escaped, control characters that XML forbids left out.
std::string EscapeMarkup(std::string_view text);

// An upper estimate of the width of `text`.
double TextWidth(std::string_view text, double size, bool bold = false);

// `text` in lines not wider than `width` where its words allow.
std::vector<std::string> WrapText(std::string_view text, double size, double width);

// Who shows the picture: a page that sets the colours itself, or nobody (a file of its own).
enum class Standing { kInPage, kAlone };

class Drawing {
 public:
  explicit Drawing(double width) : width_(width) {}

  double width() const { return width_; }
  double height() const { return height_; }
  void set_height(double height) { height_ = height; }

  void AddLine(Point from, Point to, const Stroke& stroke);
  void AddPolyline(const std::vector<Point>& points, const Stroke& stroke);
  void AddArea(const std::vector<Point>& outline, Colour fill, double opacity);
  void AddRect(const Box& box, Colour fill, double radius = 0);
  void AddMarker(Point at, Marker marker, Colour colour, double radius = 4);
  // `at` is the start, middle or end of the baseline.
  void AddText(Point at, std::string_view text, const TextStyle& style = {});

  // What is behind a mark, a heading and a line or more: a page shows it beside the mark when a pointer or the keyboard
  // is there.
  void AddHover(Point at, std::vector<std::string> lines) { hovers_.push_back({at, std::move(lines)}); }
  struct Hover {
    Point at;
    std::vector<std::string> lines;
  };
  const std::vector<Hover>& hovers() const { return hovers_; }

  // Where text lies, in the order added.
  const std::vector<Box>& text_boxes() const { return text_boxes_; }

  // The whole picture. `title` and `description` are what a screen reader says; `id` must be unique within the page.
  std::string Render(Standing standing, std::string_view id, std::string_view title,
                     std::string_view description) const;

 private:
  double width_;
  double height_ = 0;
  std::string body_;
  std::vector<Hover> hovers_;
  std::vector<Box> text_boxes_;
};

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_CHARTS_DRAWING_H_
