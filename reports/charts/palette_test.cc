#include "reports/charts/palette.h"

#include <cmath>
#include <cstdlib>
#include <map>
#include <set>

#include "gtest/gtest.h"

namespace regatta::reports {
namespace {

// "--ink:#1b2026;..." as name -> colour.
std::map<std::string, std::string> Parse(const std::string& variables) {
  std::map<std::string, std::string> colours;
  for (size_t at = 0; at < variables.size();) {
    const size_t colon = variables.find(':', at);
    const size_t end = variables.find(';', colon);
    colours[variables.substr(at + 2, colon - at - 2)] = variables.substr(colon + 1, end - colon - 1);
    at = end + 1;
  }
  return colours;
}

// Relative luminance and contrast as the accessibility guidelines (WCAG 2) define them.
double Luminance(const std::string& colour) {
  double luminance = 0;
  const double weights[] = {0.2126, 0.7152, 0.0722};
  for (int i = 0; i < 3; ++i) {
    const double part = std::strtol(colour.substr(1 + 2 * i, 2).c_str(), nullptr, 16) / 255.0;
    luminance += weights[i] * (part <= 0.03928 ? part / 12.92 : std::pow((part + 0.055) / 1.055, 2.4));
  }
  return luminance;
}

double Contrast(const std::string& a, const std::string& b) {
  const double light = std::max(Luminance(a), Luminance(b));
  const double dark = std::min(Luminance(a), Luminance(b));
  return (light + 0.05) / (dark + 0.05);
}

TEST(PaletteTest, TextIsLegibleOnEitherPaper) {
  for (const std::string& variables : {LightVariables(), DarkVariables()}) {
    auto colours = Parse(variables);
    for (const char* text : {"ink", "muted", "good", "bad", "series0", "series1", "series2", "series3", "series4"}) {
      EXPECT_GE(Contrast(colours[text], colours["paper"]), 4.5) << text;
      EXPECT_GE(Contrast(colours[text], colours["panel"]), 4.5) << text;
    }
  }
}

TEST(PaletteTest, SeriesColoursDifferAndStartOver) {
  std::set<Colour> colours;
  for (int i = 0; i < kSeriesColours; ++i) colours.insert(SeriesColour(i));
  EXPECT_EQ(colours.size(), static_cast<size_t>(kSeriesColours));
  EXPECT_EQ(SeriesColour(kSeriesColours), SeriesColour(0));
}

TEST(PaletteTest, AColourRefersToItsVariableAndFallsBackToTheLightValue) {
  EXPECT_EQ(CssColour(Colour::kInk), "var(--ink,#1b2026)");
  EXPECT_EQ(LightColour(Colour::kInk), "#1b2026");
}

}  // namespace
}  // namespace regatta::reports
