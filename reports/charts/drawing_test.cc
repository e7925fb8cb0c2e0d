#include "reports/charts/drawing.h"

#include <cstdio>

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

TEST(EscapeMarkupTest, LeavesNothingThatMarkupReads) {
  EXPECT_EQ(EscapeMarkup("<script>\"a\" & 'b'</script>"),
            "&lt;script&gt;&quot;a&quot; &amp; &#39;b&#39;&lt;/script&gt;");
  EXPECT_EQ(EscapeMarkup(std::string_view("a\x01\x1b\0b\n", 6)), "ab\n");
  EXPECT_EQ(EscapeMarkup("µs"), "µs");
}

TEST(WrapTextTest, BreaksBetweenWordsOnly) {
  const double width = TextWidth("one two", 12);
  EXPECT_EQ(WrapText("one two three", 12, width), (std::vector<std::string>{"one two", "three"}));
  EXPECT_EQ(WrapText("unbreakable", 12, 5), (std::vector<std::string>{"unbreakable"}));
  EXPECT_TRUE(WrapText("", 12, 100).empty());
}

TEST(TextWidthTest, CountsCharactersNotBytes) { EXPECT_EQ(TextWidth("µ", 12), TextWidth("n", 12)); }

TEST(DrawingTest, RemembersWhereItsTextLies) {
  Drawing drawing(200);
  drawing.AddText({100, 50}, "abc", {.size = 10, .anchor = Anchor::kEnd});
  ASSERT_EQ(drawing.text_boxes().size(), 1u);
  EXPECT_EQ(drawing.text_boxes()[0].right, 100);
  EXPECT_LT(drawing.text_boxes()[0].left, 90);
  EXPECT_LT(drawing.text_boxes()[0].top, 45);
}

TEST(DrawingTest, CarriesItsColoursOnlyWhenAlone) {
  Drawing drawing(100);
  drawing.set_height(50);
  drawing.AddText({1, 2}, "a < b");
  const std::string alone = drawing.Render(Standing::kAlone, "id", "Title & more", "What it shows");
  EXPECT_NE(alone.find("prefers-color-scheme:dark"), std::string::npos);
  EXPECT_NE(alone.find("<title id=\"id-title\">Title &amp; more</title>"), std::string::npos);
  EXPECT_NE(alone.find("<desc id=\"id-description\">What it shows</desc>"), std::string::npos);
  EXPECT_NE(alone.find("a &lt; b"), std::string::npos);
  EXPECT_EQ(drawing.Render(Standing::kInPage, "id", "t", "d").find("<style>"), std::string::npos);
}

TEST(DrawingTest, LeavesToThePageWhatIsBehindAMark) {
  Drawing drawing(100);
  drawing.set_height(80);
  drawing.AddHover({99, 1}, {"a < b", "9"});
  ASSERT_EQ(drawing.hovers().size(), 1u);
  EXPECT_EQ(drawing.hovers()[0].lines[1], "9");
  for (const Standing standing : {Standing::kInPage, Standing::kAlone}) {
    EXPECT_EQ(drawing.Render(standing, "id", "t", "d").find("a &lt; b"), std::string::npos);
  }
}

}  // namespace
}  // namespace regatta::reports
