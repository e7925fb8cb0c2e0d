// Palette: the colours of the report's pictures and pages, light and dark.
//
// A colour is a role, not a value. A page sets the roles as CSS variables (Variables below), pictures refer to them, so
// one picture is right on both papers; a picture that stands alone carries the variables itself. Renderers that know no
// CSS variables fall back to the light value, on the light paper that every picture paints.
//
// The series colours keep apart for the common kinds of colour blindness and hold at least 3:1 against their paper;
// series differ in marker and dash as well, so colour never tells alone.

#ifndef REGATTA_REPORTS_CHARTS_PALETTE_H_
#define REGATTA_REPORTS_CHARTS_PALETTE_H_

#include <string>
#include <string_view>

namespace regatta::reports {

enum class Colour {
  kPaper,
  kInk,
  kMuted,
  kGrid,
  kPanel,
  kGood,
  kBad,
  kSeries0,
  kSeries1,
  kSeries2,
  kSeries3,
  kSeries4,
  kSeries5,
};

inline constexpr int kSeriesColours = 6;

// The colour of the i-th series, starting over after kSeriesColours.
Colour SeriesColour(int i);

// "var(--ink, #1f2328)": for style attributes and sheets.
std::string CssColour(Colour colour);

// "#1f2328": the light value, for presentation attributes.
std::string_view LightColour(Colour colour);

// Declarations of all roles, "--ink:#1f2328;...", for a rule's body.
std::string LightVariables();
std::string DarkVariables();

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_CHARTS_PALETTE_H_
