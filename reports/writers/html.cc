#include "reports/writers/html.h"

#include <algorithm>
#include <set>
#include <string_view>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "reports/charts/drawing.h"
#include "reports/writers/html_style.h"

namespace regatta::reports {
namespace {

// Widths in pixels that charts are laid out for; the style sheet shows one of the two.
constexpr double kWide = 818;
constexpr double kNarrow = 374;
// The box with what is behind a mark, in pixels, as the style sheet has it.
constexpr double kTipSize = 12;
constexpr double kTipLine = 16;
constexpr double kTipPadding = 8;
constexpr double kTipReach = 11;  // from the mark's middle

using Sections = std::set<std::string>;

std::string Inline(const Text& text, const Sections& sections) {
  std::string html;
  for (const Run& run : text.runs()) {
    const std::string escaped = EscapeMarkup(run.text);
    switch (run.kind) {
      case Run::Kind::kPlain:
        html += escaped;
        break;
      case Run::Kind::kStrong:
        absl::StrAppend(&html, "<strong>", escaped, "</strong>");
        break;
      case Run::Kind::kCode:
        absl::StrAppend(&html, "<code>", escaped, "</code>");
        break;
      case Run::Kind::kRange:
        absl::StrAppend(&html, " <span class=\"range\">(", escaped, ")</span>");
        break;
      case Run::Kind::kLink:
        // A section that has nothing to say is left out, and so are the ways to it.
        html +=
            sections.count(run.target) > 0 ? absl::StrCat("<a href=\"#", run.target, "\">", escaped, "</a>") : escaped;
        break;
    }
  }
  return html;
}

std::string_view ToneClass(Tone tone) {
  switch (tone) {
    case Tone::kGood:
      return "good";
    case Tone::kBad:
      return "bad";
    case Tone::kMuted:
      return "muted";
    case Tone::kPlain:
      break;
  }
  return "";
}

// ' class="..."' of those that aren't empty.
std::string Classes(std::initializer_list<std::string_view> classes) {
  std::string joined;
  for (const std::string_view name : classes) {
    if (!name.empty()) absl::StrAppend(&joined, joined.empty() ? "" : " ", name);
  }
  return joined.empty() ? "" : absl::StrCat(" class=\"", joined, "\"");
}

std::string Percent(double part, double whole) { return absl::StrFormat("%.3f%%", 100 * part / whole); }

// What is behind a chart's marks, laid over the picture. A mark's box is shown while a pointer is on the mark, or the
// keyboard: marks are radio buttons, of which a whole group is one stop of the Tab key, and the arrow keys go from one
// to the next. That takes no script. `name` is the group's.
std::string RenderPoints(const Drawing& drawing, const std::string& name, const std::string& title) {
  if (drawing.hovers().empty()) return "";
  std::string html =
      absl::StrCat("<div class=\"points\" role=\"radiogroup\" aria-label=\"Values: ", EscapeMarkup(title),
                   "; the arrow keys go from one to the next\">\n");
  for (const Drawing::Hover& hover : drawing.hovers()) {
    double text = 0;
    for (const std::string& line : hover.lines) text = std::max(text, TextWidth(line, kTipSize, true));
    const double width = std::min(text + 2 * kTipPadding, drawing.width() - 4);
    const double height = kTipLine * static_cast<double>(hover.lines.size()) + 2 * kTipPadding;
    const double left = std::clamp(hover.at.x - width / 2, 2.0, std::max(2.0, drawing.width() - width - 2));
    const bool above = hover.at.y - kTipReach - height >= 2;
    const double top = above ? hover.at.y - kTipReach : hover.at.y + kTipReach;
    absl::StrAppend(
        &html, "<input type=\"radio\" name=\"", name, "\"", &hover == &drawing.hovers().front() ? " checked" : "",
        " aria-label=\"", EscapeMarkup(absl::StrJoin(hover.lines, ", ")),
        "\" style=\"left:", Percent(hover.at.x, drawing.width()), ";top:", Percent(hover.at.y, drawing.height()),
        "\"><span class=\"tip", above ? " above" : "",
        "\" aria-hidden=\"true\" style=\"left:", Percent(left, drawing.width()),
        ";top:", Percent(top, drawing.height()), "\">", EscapeMarkup(absl::StrJoin(hover.lines, "\n")), "</span>\n");
  }
  return html + "</div>";
}

struct BlockWriter {
  std::string& html;
  const Sections& sections;

  std::string Inline(const Text& text) const { return reports::Inline(text, sections); }

  void operator()(const Paragraph& paragraph) const { absl::StrAppend(&html, "<p>", Inline(paragraph.text), "</p>\n"); }

  void operator()(const Lead& lead) const {
    html += "<div class=\"lead\">\n";
    for (const Text& sentence : lead.sentences) absl::StrAppend(&html, "<p>", Inline(sentence), "</p>\n");
    html += "</div>\n";
  }

  void operator()(const Bullets& bullets) const {
    html += "<ul>\n";
    for (const Text& item : bullets.items) absl::StrAppend(&html, "<li>", Inline(item), "</li>\n");
    html += "</ul>\n";
  }

  void operator()(const Callout& callout) const {
    absl::StrAppend(&html, "<p", Classes({"callout", ToneClass(callout.tone)}), ">", Inline(callout.text), "</p>\n");
  }

  void operator()(const Table& table) const {
    const bool folded = table.folded && !table.caption.empty();
    if (folded) absl::StrAppend(&html, "<details><summary>", EscapeMarkup(table.caption), "</summary>");
    html += "<div class=\"table\"><table>\n";
    if (!table.caption.empty()) absl::StrAppend(&html, "<caption>", EscapeMarkup(table.caption), "</caption>\n");
    html += "<thead><tr>";
    for (const Column& column : table.columns) {
      absl::StrAppend(&html, "<th scope=\"col\"", Classes({column.numeric ? "number" : ""}), ">",
                      EscapeMarkup(column.heading), "</th>");
    }
    html += "</tr></thead>\n<tbody>\n";
    for (const std::vector<Cell>& row : table.rows) {
      html += "<tr>";
      for (size_t i = 0; i < row.size(); ++i) WriteCell(row[i], table, i);
      html += "</tr>\n";
    }
    absl::StrAppend(&html, "</tbody></table></div>", folded ? "</details>" : "", "\n");
  }

  void WriteCell(const Cell& cell, const Table& table, size_t at) const {
    const Column& column = table.columns[at];
    const std::string inside = Inline(cell.text);
    const bool numeric = column.numeric && !cell.rest_of_row;
    const std::string classes = Classes({numeric ? "number" : "", ToneClass(cell.tone), inside.empty() ? "empty" : ""});
    if (at == 0) {
      absl::StrAppend(&html, "<th scope=\"row\"", classes, ">", inside, "</th>");
      return;
    }
    const std::string span =
        cell.rest_of_row ? absl::StrCat(" colspan=\"", table.columns.size() - at, "\"") : std::string();
    absl::StrAppend(&html, "<td", span, classes, " data-label=\"", EscapeMarkup(column.heading), "\"><span>", inside,
                    "</span></td>");
  }

  void operator()(const Figure& figure) const {
    const ChartText& text = TextOf(figure.chart);
    absl::StrAppend(&html, "<figure id=\"", figure.name, "\">\n");
    for (const auto& [width, name] : {std::pair(kWide, "wide"), std::pair(kNarrow, "narrow")}) {
      const Drawing drawing = DrawChart(figure.chart, width);
      const std::string id = absl::StrCat(figure.name, "-", name);
      absl::StrAppend(&html, "<div class=\"picture ", name, "\" style=\"width:", width, "px\">",
                      drawing.Render(Standing::kInPage, id, text.title, text.description),
                      RenderPoints(drawing, id, text.title), "</div>\n");
    }
    if (!figure.caption.runs().empty()) absl::StrAppend(&html, "<figcaption>", Inline(figure.caption), "</figcaption>");
    html += "</figure>\n";
  }

  void operator()(const Listing& listing) const {
    absl::StrAppend(&html, "<pre>", EscapeMarkup(listing.text), "</pre>\n");
  }
};

}  // namespace

std::string RenderHtml(const Document& document) {
  std::string html = absl::StrCat(
      "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
      "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n<title>",
      EscapeMarkup(document.title), "</title>\n<style>", StyleSheet(), "</style>\n</head>\n<body>\n<header>\n<h1>",
      EscapeMarkup(document.title), "</h1>\n<p class=\"subtitle\">", EscapeMarkup(document.subtitle),
      "</p>\n<nav aria-label=\"Sections\">");
  for (const Section& section : document.sections) {
    absl::StrAppend(&html, "<a href=\"#", section.id, "\">", EscapeMarkup(section.title), "</a>\n");
  }
  html += "</nav>\n</header>\n<main>\n";
  Sections sections;
  for (const Section& section : document.sections) sections.insert(section.id);
  for (const Section& section : document.sections) {
    absl::StrAppend(&html, "<section id=\"", section.id, "\">\n<h2>", EscapeMarkup(section.title), "</h2>\n");
    for (const Block& block : section.blocks) std::visit(BlockWriter{html, sections}, block);
    html += "</section>\n";
  }
  html += "</main>\n</body>\n</html>\n";
  return html;
}

}  // namespace regatta::reports
