#include "reports/writers/markdown.h"

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

std::string TextOfBlocks(std::vector<Block> blocks) {
  return RenderMarkdown({"T", "S", {{"id", "Section", std::move(blocks)}}}, "pictures").text;
}

TEST(MarkdownTest, HasTheDocumentsHeadings) {
  EXPECT_EQ(TextOfBlocks({Paragraph{"Words."}}), "# T\n\nS\n\n## Section\n\nWords.\n");
}

TEST(MarkdownTest, EscapesWhatItWouldRead) {
  const std::string text = TextOfBlocks({Paragraph{Text("a*b_c <d> [e] | `f`").Strong("g*").Code("h`i|j")}});
  EXPECT_NE(text.find("a\\*b\\_c \\<d\\> \\[e\\] \\| \\`f\\`**g\\***`` h`i\\|j ``"), std::string::npos) << text;
}

TEST(MarkdownTest, LeavesSpacesOutsideOfStrongText) {
  EXPECT_NE(TextOfBlocks({Paragraph{Text().Strong("Note: ").Say("a").Strong(" b")}}).find("**Note:** a **b**\n"),
            std::string::npos);
}

TEST(MarkdownTest, KeepsATableInItsCells) {
  const std::string text =
      TextOfBlocks({Table{"Cap", {{"Name"}, {"Value", true}}, {{"a|b", "two\nlines"}, {Text().Code("c|d"), ""}}}});
  EXPECT_NE(text.find("**Cap**\n\n| Name | Value |\n|---|---:|\n| a\\|b | two lines |\n| `c\\|d` |  |\n"),
            std::string::npos)
      << text;
}

TEST(MarkdownTest, FillsARowThatEndsEarly) {
  Cell rest("absent: why");
  rest.rest_of_row = true;
  const std::string text = TextOfBlocks({Table{"", {{"A"}, {"B"}, {"C"}}, {{"row", rest}}}});
  EXPECT_NE(text.find("| row | absent: why | |\n"), std::string::npos) << text;
}

TEST(MarkdownTest, PutsARangeInParentheses) {
  EXPECT_NE(TextOfBlocks({Paragraph{Text("9").Range("8 to 10")}}).find("9 (8 to 10)\n"), std::string::npos);
}

TEST(MarkdownTest, LinksToASectionByItsHeading) {
  EXPECT_NE(TextOfBlocks({Paragraph{Text().Link("there*", "id")}}).find("[there\\*](#section)\n"), std::string::npos);
  EXPECT_NE(TextOfBlocks({Paragraph{Text().Link("nowhere", "left-out")}}).find("nowhere\n"), std::string::npos)
      << "a section that has nothing to say is left out, and so are the ways to it";
}

TEST(MarkdownTest, FencesAListingWhateverItHolds) {
  EXPECT_NE(TextOfBlocks({Listing{"a\n```\nb"}}).find("````\na\n```\nb\n````\n"), std::string::npos);
}

TEST(MarkdownTest, PutsPicturesBesideTheTextWithWordsInTheirPlace) {
  BarChart chart;
  chart.text = {"Times", "here", "One bar."};
  chart.axis = {.label = "time"};
  chart.groups = {{"", {{"a", ChartPoint{0, 1, 1, 1}, "", true}}}};
  const Markdown markdown =
      RenderMarkdown({"T", "S", {{"id", "Section", {Figure{"times", chart, "Caption"}}}}}, "pictures");
  EXPECT_NE(markdown.text.find("![Times. One bar.](pictures/times.svg)\n\nCaption\n"), std::string::npos)
      << markdown.text;
  ASSERT_EQ(markdown.pictures.count("pictures/times.svg"), 1u);
  EXPECT_NE(markdown.pictures.at("pictures/times.svg").find("prefers-color-scheme"), std::string::npos);
}

}  // namespace
}  // namespace regatta::reports
