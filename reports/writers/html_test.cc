#include "reports/writers/html.h"

#include <set>

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

Document Sample() {
  LineChart chart;
  chart.text = {"A curve", "somewhere", "It rises."};
  chart.x = {.label = "x", .whole = true};
  chart.y = {.label = "y"};
  chart.series = {{"only", {{1, 1, 1, 1}, {2, 2, 2, 2}}}};
  Document document = {"Title <b>", "sub & title", {}};
  Section section = {"first", "First", {}};
  section.Add(Lead{{Text("It is ").Strong("so").Say(".")}});
  section.Add(Paragraph{Text("Use ").Code("--out=<dir>")});
  section.Add(Callout{Tone::kBad, "careful"});
  section.Add(Table{"Caption", {{"Name"}, {"Value", true}}, {{"row", Cell("9", Tone::kGood)}, {"none", ""}}});
  section.Add(Figure{"curve", chart, "A caption"});
  section.Add(Listing{"a < b\n"});
  section.Add(Bullets{{"one", "two"}});
  document.sections.push_back(section);
  return document;
}

TEST(HtmlTest, ShowsEveryKindOfBlockEscaped) {
  const std::string html = RenderHtml(Sample());
  for (const char* piece :
       {"<title>Title &lt;b&gt;</title>", "sub &amp; title", "It is <strong>so</strong>.",
        "<code>--out=&lt;dir&gt;</code>", "<p class=\"callout bad\">careful</p>", "<caption>Caption</caption>",
        "<th scope=\"row\">row</th>", "<td class=\"number good\" data-label=\"Value\"><span>9</span></td>",
        "<pre>a &lt; b\n</pre>", "<li>two</li>", "<figcaption>A caption</figcaption>", "<a href=\"#first\">First</a>",
        "<section id=\"first\">"}) {
    EXPECT_NE(html.find(piece), std::string::npos) << piece;
  }
}

TEST(HtmlTest, ShowsARangeAndARowThatEndsEarly) {
  Cell rest("absent");
  rest.rest_of_row = true;
  Document document = {"T", "S", {{"id", "Section", {}}}};
  document.sections[0].Add(
      Table{"", {{"A"}, {"B", true}, {"C", true}}, {{"row", rest}, {"x", Text("9").Range("8 to 10"), ""}}});
  const std::string html = RenderHtml(document);
  EXPECT_NE(html.find("<td colspan=\"2\" data-label=\"B\"><span>absent</span></td></tr>"), std::string::npos) << html;
  EXPECT_NE(html.find("<span>9 <span class=\"range\">(8 to 10)</span></span>"), std::string::npos) << html;
}

TEST(HtmlTest, NeedsNothingFromOutside) {
  const std::string html = RenderHtml(Sample());
  for (const char* piece : {"<script", "<link", "<img", "<iframe", "@import", "url(", "src="}) {
    EXPECT_EQ(html.find(piece), std::string::npos) << piece;
  }
  // The only address is the name of SVG's namespace, which nothing fetches.
  for (size_t at = html.find("http"); at != std::string::npos; at = html.find("http", at + 1)) {
    EXPECT_EQ(html.substr(at, 26), "http://www.w3.org/2000/svg");
  }
}

TEST(HtmlTest, KnowsBothPapersAndNarrowScreens) {
  const std::string html = RenderHtml(Sample());
  EXPECT_NE(html.find("prefers-color-scheme:dark"), std::string::npos);
  EXPECT_NE(html.find("width=device-width"), std::string::npos);
  EXPECT_NE(html.find("class=\"picture wide\""), std::string::npos);
  EXPECT_NE(html.find("class=\"picture narrow\""), std::string::npos);
}

TEST(HtmlTest, ShowsWhatIsBehindAMarkToPointerAndKeyboard) {
  const std::string html = RenderHtml(Sample());
  const size_t first = html.find("<input type=\"radio\" name=\"curve-wide\" checked aria-label=\"only, x 1: 1\"");
  ASSERT_NE(first, std::string::npos) << html;
  EXPECT_NE(html.find("<input type=\"radio\" name=\"curve-wide\" aria-label=\"only, x 2: 2\"", first),
            std::string::npos);
  EXPECT_NE(html.find(">only\nx 2: 2</span>", first), std::string::npos);
  EXPECT_NE(html.find("name=\"curve-narrow\" checked"), std::string::npos) << "a group of its own in each picture";
}

TEST(HtmlTest, FoldsATableWhoseFiguresAChartShows) {
  Document document = {"T", "S", {{"id", "Section", {}}}};
  Table table = {"Figures", {{"A"}, {"B"}}, {{"row", "9"}}};
  table.folded = true;
  document.sections[0].Add(table);
  EXPECT_NE(RenderHtml(document).find("<details><summary>Figures</summary>"), std::string::npos);
}

TEST(HtmlTest, LinksOnlyToSectionsThatAreThere) {
  Document document = {"T", "S", {{"id", "Section", {}}}};
  document.sections[0].Add(Paragraph{Text().Link("here", "id").Link("gone", "left-out")});
  EXPECT_NE(RenderHtml(document).find("<p><a href=\"#id\">here</a>gone</p>"), std::string::npos);
}

TEST(HtmlTest, GivesEveryElementAnIdOfItsOwn) {
  const std::string html = RenderHtml(Sample());
  std::set<std::string> ids;
  for (size_t at = html.find(" id=\""); at != std::string::npos; at = html.find(" id=\"", at + 1)) {
    const size_t begin = at + 5;
    EXPECT_TRUE(ids.insert(html.substr(begin, html.find('"', begin) - begin)).second) << html.substr(at, 40);
  }
  EXPECT_GE(ids.size(), 6u);
}

}  // namespace
}  // namespace regatta::reports
