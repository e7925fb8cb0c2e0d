#include "reports/writers/markdown.h"

#include <algorithm>
#include <string_view>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "reports/charts/drawing.h"

namespace regatta::reports {
namespace {

constexpr double kPictureWidth = 818;

// Plain text for Markdown: what could be read as mark-up is escaped, line ends become spaces.
std::string EscapeMarkdown(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    if (std::string_view("\\`*_[]<>|#&~").find(c) != std::string_view::npos) escaped += '\\';
    escaped += c == '\n' ? ' ' : c;
  }
  return escaped;
}

// Code in as many backticks as it takes; in a table a bar would end the cell even there.
std::string Code(const std::string& text) {
  const std::string one_line = absl::StrReplaceAll(text, {{"\n", " "}, {"|", "\\|"}});
  std::string fence = "`";
  while (one_line.find(fence) != std::string::npos) fence += '`';
  const std::string pad = fence.size() > 1 ? " " : "";
  return absl::StrCat(fence, pad, one_line, pad, fence);
}

// Spaces at the ends stay outside the asterisks, or they would not be read as mark-up.
std::string Strong(const std::string& text) {
  const size_t first = text.find_first_not_of(' ');
  if (first == std::string::npos) return text;
  const size_t last = text.find_last_not_of(' ');
  return absl::StrCat(text.substr(0, first), "**", EscapeMarkdown(text.substr(first, last + 1 - first)), "**",
                      text.substr(last + 1));
}

// The anchor that a heading gets from those who show Markdown: lower case, blanks as hyphens, no other signs.
std::string HeadingAnchor(std::string_view title) {
  std::string anchor;
  for (const char c : title) {
    if (absl::ascii_isalnum(static_cast<unsigned char>(c))) {
      anchor += absl::ascii_tolower(static_cast<unsigned char>(c));
    } else if (c == ' ' || c == '-') {
      anchor += '-';
    }
  }
  return anchor;
}

using Anchors = std::map<std::string, std::string>;  // section's id -> its heading's anchor

std::string Inline(const Text& text, const Anchors& anchors) {
  std::string markdown;
  for (const Run& run : text.runs()) {
    switch (run.kind) {
      case Run::Kind::kPlain:
        markdown += EscapeMarkdown(run.text);
        break;
      case Run::Kind::kStrong:
        markdown += Strong(run.text);
        break;
      case Run::Kind::kCode:
        markdown += Code(run.text);
        break;
      case Run::Kind::kRange:
        absl::StrAppend(&markdown, " (", EscapeMarkdown(run.text), ")");
        break;
      case Run::Kind::kLink: {
        const auto anchor = anchors.find(run.target);
        markdown += anchor == anchors.end() ? EscapeMarkdown(run.text)
                                            : absl::StrCat("[", EscapeMarkdown(run.text), "](#", anchor->second, ")");
        break;
      }
    }
  }
  return markdown;
}

struct BlockWriter {
  Markdown& markdown;
  std::string_view folder;
  const Anchors& anchors;

  std::string Inline(const Text& text) const { return reports::Inline(text, anchors); }

  template <typename... Pieces>
  void Write(const Pieces&... pieces) const {
    absl::StrAppend(&markdown.text, pieces...);
  }

  void operator()(const Paragraph& paragraph) const { Write(Inline(paragraph.text), "\n\n"); }

  void operator()(const Lead& lead) const {
    for (const Text& sentence : lead.sentences) Write(Inline(sentence), "\n\n");
  }

  void operator()(const Bullets& bullets) const {
    for (const Text& item : bullets.items) Write("- ", Inline(item), "\n");
    Write("\n");
  }

  void operator()(const Callout& callout) const { Write("> ", Inline(callout.text), "\n\n"); }

  void operator()(const Table& table) const {
    if (!table.caption.empty()) Write("**", EscapeMarkdown(table.caption), "**\n\n");
    for (const Column& column : table.columns) Write("| ", EscapeMarkdown(column.heading), " ");
    Write("|\n");
    for (const Column& column : table.columns) Write(column.numeric ? "|---:" : "|---");
    Write("|\n");
    for (const std::vector<Cell>& row : table.rows) {
      for (const Cell& cell : row) Write("| ", Inline(cell.text), " ");
      for (size_t i = row.size(); i < table.columns.size(); ++i) Write("| ");
      Write("|\n");
    }
    Write("\n");
  }

  void operator()(const Figure& figure) const {
    const ChartText& text = TextOf(figure.chart);
    const std::string path = absl::StrCat(folder, "/", figure.name, ".svg");
    markdown.pictures[path] =
        DrawChart(figure.chart, kPictureWidth).Render(Standing::kAlone, figure.name, text.title, text.description);
    Write("![", EscapeMarkdown(absl::StrCat(text.title, ". ", text.description)), "](", path, ")\n\n");
    if (!figure.caption.runs().empty()) Write(Inline(figure.caption), "\n\n");
  }

  void operator()(const Listing& listing) const {
    std::string fence = "```";
    while (listing.text.find(fence) != std::string::npos) fence += '`';
    Write(fence, "\n", listing.text, listing.text.ends_with('\n') ? "" : "\n", fence, "\n\n");
  }
};

}  // namespace

Markdown RenderMarkdown(const Document& document, std::string_view folder) {
  Markdown markdown;
  markdown.text = absl::StrCat("# ", EscapeMarkdown(document.title), "\n\n", EscapeMarkdown(document.subtitle), "\n\n");
  Anchors anchors;
  for (const Section& section : document.sections) anchors[section.id] = HeadingAnchor(section.title);
  for (const Section& section : document.sections) {
    absl::StrAppend(&markdown.text, "## ", EscapeMarkdown(section.title), "\n\n");
    for (const Block& block : section.blocks) std::visit(BlockWriter{markdown, folder, anchors}, block);
  }
  while (markdown.text.ends_with("\n\n")) markdown.text.pop_back();
  return markdown;
}

}  // namespace regatta::reports
