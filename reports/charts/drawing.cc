#include "reports/charts/drawing.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_split.h"

namespace regatta::reports {
namespace {

constexpr std::string_view kFont = "system-ui,-apple-system,'Segoe UI',Roboto,'DejaVu Sans',sans-serif";

// Two decimals at most, none where none are needed: small files, and the same text on every machine.
std::string Number(double value) {
  std::string text = absl::StrFormat("%.2f", value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.back() == '.') text.pop_back();
  return text == "-0" ? "0" : text;
}

// A colour as presentation attribute and as style: the latter wins where CSS variables are known.
std::string Paint(std::string_view property, Colour colour) {
  return absl::StrCat(" ", property, "=\"", LightColour(colour), "\" style=\"", property, ":", CssColour(colour), "\"");
}

std::string StrokeAttributes(const Stroke& stroke) {
  std::string attributes = absl::StrCat(" fill=\"none\"", Paint("stroke", stroke.colour), " stroke-width=\"",
                                        Number(stroke.width), "\" stroke-linecap=\"round\" stroke-linejoin=\"round\"");
  if (!stroke.dash.empty()) absl::StrAppend(&attributes, " stroke-dasharray=\"", stroke.dash, "\"");
  return attributes;
}

std::string Path(const std::vector<Point>& points) {
  std::string path;
  for (const Point& point : points) {
    absl::StrAppend(&path, path.empty() ? "M" : "L", Number(point.x), " ", Number(point.y));
  }
  return path;
}

// Width of a character in units of the font size, after DejaVu Sans and Verdana, which are wide.
double CharacterWidth(char32_t character) {
  constexpr std::u32string_view kNarrow = U"iIjl.,:;'|!()[]/ ·";
  constexpr std::u32string_view kWide = U"mwMW@%—";
  if (kNarrow.find(character) != std::u32string_view::npos) return 0.38;
  if (kWide.find(character) != std::u32string_view::npos) return 0.97;
  if (character >= U'A' && character <= U'Z') return 0.72;
  return 0.635;
}

}  // namespace

std::string EscapeMarkup(std::string_view text) {
  std::string escaped;
  escaped.reserve(text.size());
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      case '\'':
        escaped += "&#39;";
        break;
      default:
        if (static_cast<unsigned char>(c) >= 0x20 || c == '\n' || c == '\t') escaped += c;
    }
  }
  return escaped;
}

double TextWidth(std::string_view text, double size, bool bold) {
  double width = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if ((byte & 0xc0) == 0x80) continue;  // within a UTF-8 sequence
    const bool hard_space = text.substr(i).starts_with("\u00a0");
    width += CharacterWidth(hard_space ? U' ' : byte < 0x80 ? byte : U'n');
  }
  return width * size * (bold ? 1.1 : 1.0);
}

std::vector<std::string> WrapText(std::string_view text, double size, double width) {
  std::vector<std::string> lines;
  for (const std::string_view word : absl::StrSplit(text, ' ', absl::SkipEmpty())) {
    if (!lines.empty() && TextWidth(absl::StrCat(lines.back(), " ", word), size) <= width) {
      absl::StrAppend(&lines.back(), " ", word);
    } else {
      lines.emplace_back(word);
    }
  }
  return lines;
}

void Drawing::AddLine(Point from, Point to, const Stroke& stroke) { AddPolyline({from, to}, stroke); }

void Drawing::AddPolyline(const std::vector<Point>& points, const Stroke& stroke) {
  absl::StrAppend(&body_, "<path d=\"", Path(points), "\"", StrokeAttributes(stroke), "/>\n");
}

void Drawing::AddArea(const std::vector<Point>& outline, Colour fill, double opacity) {
  absl::StrAppend(&body_, "<path d=\"", Path(outline), "Z\"", Paint("fill", fill), " fill-opacity=\"", Number(opacity),
                  "\"/>\n");
}

void Drawing::AddRect(const Box& box, Colour fill, double radius) {
  absl::StrAppend(&body_, "<rect x=\"", Number(box.left), "\" y=\"", Number(box.top), "\" width=\"",
                  Number(box.right - box.left), "\" height=\"", Number(box.bottom - box.top), "\" rx=\"",
                  Number(radius), "\"", Paint("fill", fill), "/>\n");
}

void Drawing::AddMarker(Point at, Marker marker, Colour colour, double radius) {
  const double r = radius;
  const auto polygon = [&](const std::vector<Point>& points) {
    absl::StrAppend(&body_, "<path d=\"", Path(points), "Z\"", Paint("fill", colour), "/>\n");
  };
  switch (marker) {
    case Marker::kDisc:
      absl::StrAppend(&body_, "<circle cx=\"", Number(at.x), "\" cy=\"", Number(at.y), "\" r=\"", Number(r), "\"",
                      Paint("fill", colour), "/>\n");
      return;
    case Marker::kRing:
      absl::StrAppend(&body_, "<circle cx=\"", Number(at.x), "\" cy=\"", Number(at.y), "\" r=\"", Number(r - 0.5),
                      "\" fill=\"", LightColour(Colour::kPaper), "\" style=\"fill:", CssColour(Colour::kPaper),
                      ";stroke:", CssColour(colour), "\" stroke=\"", LightColour(colour), "\" stroke-width=\"2\"/>\n");
      return;
    case Marker::kSquare:
      AddRect({at.x - r * 0.9, at.y - r * 0.9, at.x + r * 0.9, at.y + r * 0.9}, colour);
      return;
    case Marker::kTriangle:
      polygon({{at.x, at.y - r * 1.2}, {at.x + r * 1.1, at.y + r * 0.8}, {at.x - r * 1.1, at.y + r * 0.8}});
      return;
    case Marker::kDiamond:
      polygon({{at.x, at.y - r * 1.3}, {at.x + r * 1.3, at.y}, {at.x, at.y + r * 1.3}, {at.x - r * 1.3, at.y}});
      return;
    case Marker::kCross:
      AddLine({at.x - r, at.y - r}, {at.x + r, at.y + r}, {.colour = colour, .width = 2});
      AddLine({at.x - r, at.y + r}, {at.x + r, at.y - r}, {.colour = colour, .width = 2});
      return;
  }
}

void Drawing::AddText(Point at, std::string_view text, const TextStyle& style) {
  const double width = TextWidth(text, style.size, style.bold);
  double left = at.x;
  std::string_view anchor = "start";
  if (style.anchor == Anchor::kMiddle) {
    left -= width / 2;
    anchor = "middle";
  } else if (style.anchor == Anchor::kEnd) {
    left -= width;
    anchor = "end";
  }
  text_boxes_.push_back({left, at.y - 0.8 * style.size, left + width, at.y + 0.22 * style.size});
  absl::StrAppend(&body_, "<text x=\"", Number(at.x), "\" y=\"", Number(at.y), "\" font-size=\"", Number(style.size),
                  "\" text-anchor=\"", anchor, "\"", style.bold ? " font-weight=\"600\"" : "",
                  style.italic ? " font-style=\"italic\"" : "");
  if (style.halo) {
    absl::StrAppend(&body_, " fill=\"", LightColour(style.colour), "\" stroke=\"", LightColour(Colour::kPaper),
                    "\" stroke-width=\"3\" stroke-linejoin=\"round\" paint-order=\"stroke\" style=\"fill:",
                    CssColour(style.colour), ";stroke:", CssColour(Colour::kPaper), "\"");
  } else {
    absl::StrAppend(&body_, Paint("fill", style.colour));
  }
  absl::StrAppend(&body_, ">", EscapeMarkup(text), "</text>\n");
}

std::string Drawing::Render(Standing standing, std::string_view id, std::string_view title,
                            std::string_view description) const {
  std::string picture = absl::StrCat(
      "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 ", Number(width_), " ", Number(height_), "\" width=\"",
      Number(width_), "\" height=\"", Number(height_), "\" role=\"img\" aria-labelledby=\"", id, "-title ", id,
      "-description\" font-family=\"", kFont, "\">\n<title id=\"", id, "-title\">", EscapeMarkup(title),
      "</title>\n<desc id=\"", id, "-description\">", EscapeMarkup(description), "</desc>\n");
  if (standing == Standing::kAlone) {
    absl::StrAppend(&picture, "<style>:root{", LightVariables(), "}@media(prefers-color-scheme:dark){:root{",
                    DarkVariables(), "}}</style>\n");
    absl::StrAppend(&picture, "<rect width=\"100%\" height=\"100%\" rx=\"6\"", Paint("fill", Colour::kPaper), "/>\n");
  }
  picture += body_;
  picture += "</svg>\n";
  return picture;
}

}  // namespace regatta::reports
