// Document: what a report says, before it is HTML or Markdown. Both writers show the same document, so they can't
// differ in what they say. Text is plain: the writers escape it.

#ifndef REGATTA_REPORTS_WRITERS_DOCUMENT_H_
#define REGATTA_REPORTS_WRITERS_DOCUMENT_H_

#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "reports/charts/chart.h"

namespace regatta::reports {

// A piece of a sentence.
struct Run {
  enum class Kind { kPlain, kStrong, kCode, kRange, kLink };
  Kind kind = Kind::kPlain;
  std::string text;
  std::string target = {};  // of a link: a section's id
};

// Running text. Text("About ").Strong("1.2 µs").Range("1.0 to 1.5 µs").Say(" is needed; see ").Code("--out").
class Text {
 public:
  Text() = default;
  Text(std::string text) { Say(std::move(text)); }     // NOLINT: text is what most callers have
  Text(const char* text) : Text(std::string(text)) {}  // NOLINT
  Text& Say(std::string text) { return Add(Run::Kind::kPlain, std::move(text)); }
  Text& Strong(std::string text) { return Add(Run::Kind::kStrong, std::move(text)); }
  Text& Code(std::string text) { return Add(Run::Kind::kCode, std::move(text)); }
  // What the figure before it is uncertain within: in parentheses, or on a line of its own in a table.
  Text& Range(std::string text) { return Add(Run::Kind::kRange, std::move(text)); }
  // Leads to the section of the document with that id.
  Text& Link(std::string text, std::string section) {
    if (!text.empty()) runs_.push_back({Run::Kind::kLink, std::move(text), std::move(section)});
    return *this;
  }
  Text& Append(const Text& other) {
    runs_.insert(runs_.end(), other.runs_.begin(), other.runs_.end());
    return *this;
  }

  const std::vector<Run>& runs() const { return runs_; }
  // The words alone.
  std::string Plain() const;

 private:
  Text& Add(Run::Kind kind, std::string text) {
    if (!text.empty()) runs_.push_back({kind, std::move(text)});
    return *this;
  }

  std::vector<Run> runs_;
};

enum class Tone { kPlain, kGood, kBad, kMuted };

struct Paragraph {
  Text text;
};

// The sentences that answer the reader's question: shown larger.
struct Lead {
  std::vector<Text> sentences;
};

struct Bullets {
  std::vector<Text> items;
};

// A remark that must not be missed.
struct Callout {
  Tone tone = Tone::kMuted;
  Text text;
};

struct Column {
  std::string heading;
  bool numeric = false;
};

struct Cell {
  Cell() = default;
  Cell(Text text, Tone tone = Tone::kPlain) : text(std::move(text)), tone(tone) {}         // NOLINT
  Cell(std::string text, Tone tone = Tone::kPlain) : text(std::move(text)), tone(tone) {}  // NOLINT
  Cell(const char* text, Tone tone = Tone::kPlain) : text(text), tone(tone) {}             // NOLINT

  Text text;
  Tone tone = Tone::kPlain;
  bool rest_of_row = false;  // instead of all further cells of its row
};

// Every row has as many cells as there are columns, unless its last one is for the rest of the row; the first names the
// row.
struct Table {
  std::string caption;
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
  bool folded =
      false;  // in a page only its caption is shown until it is asked for: figures that a chart beside it shows
};

// `name` is unique within the document: a file's stem and an anchor.
struct Figure {
  std::string name;
  Chart chart;
  Text caption;
};

// Verbatim lines, such as commands. Those too long for the page go on in the next line.
struct Listing {
  std::string text;
};

using Block = std::variant<Paragraph, Lead, Bullets, Callout, Table, Figure, Listing>;

struct Section {
  std::string id;
  std::string title;
  std::vector<Block> blocks;

  // Builds the block in place.
  template <typename Kind>
  void Add(Kind block) {
    blocks.emplace_back(std::in_place_type<Kind>, std::move(block));
  }
};

struct Document {
  std::string title;
  std::string subtitle;
  std::vector<Section> sections;
};

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_WRITERS_DOCUMENT_H_
