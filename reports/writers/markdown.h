// Markdown: a document as report.md, its charts as SVG files beside it.

#ifndef REGATTA_REPORTS_WRITERS_MARKDOWN_H_
#define REGATTA_REPORTS_WRITERS_MARKDOWN_H_

#include <map>
#include <string>
#include <string_view>

#include "reports/writers/document.h"

namespace regatta::reports {

struct Markdown {
  std::string text;
  std::map<std::string, std::string> pictures;  // path relative to the text -> SVG
};

// `folder` is where the pictures are to lie, relative to the text.
Markdown RenderMarkdown(const Document& document, std::string_view folder);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_WRITERS_MARKDOWN_H_
