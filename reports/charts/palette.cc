#include "reports/charts/palette.h"

#include <array>

#include "absl/strings/str_cat.h"

namespace regatta::reports {
namespace {

struct Role {
  std::string_view name;
  std::string_view light;
  std::string_view dark;
};

// In the order of Colour.
constexpr std::array<Role, 13> kRoles = {{
    {"paper", "#ffffff", "#14181d"},
    {"ink", "#1b2026", "#e8ebee"},
    {"muted", "#586069", "#a3adb8"},
    {"grid", "#dde1e6", "#303842"},
    {"panel", "#f4f6f8", "#1c2229"},
    {"good", "#0a7a4b", "#4fd08f"},
    {"bad", "#b3360b", "#ff9b73"},
    {"series0", "#0b6bb0", "#5ab8f2"},
    {"series1", "#b54a08", "#ff9a5c"},
    {"series2", "#00806a", "#35cfa6"},
    {"series3", "#a0417f", "#e79fcb"},
    {"series4", "#876600", "#efc532"},
    {"series5", "#4d545c", "#b4bcc6"},
}};

const Role& RoleOf(Colour colour) { return kRoles[static_cast<size_t>(colour)]; }

}  // namespace

Colour SeriesColour(int i) { return static_cast<Colour>(static_cast<int>(Colour::kSeries0) + i % kSeriesColours); }

std::string CssColour(Colour colour) {
  return absl::StrCat("var(--", RoleOf(colour).name, ",", RoleOf(colour).light, ")");
}

std::string_view LightColour(Colour colour) { return RoleOf(colour).light; }

std::string LightVariables() {
  std::string variables;
  for (const Role& role : kRoles) absl::StrAppend(&variables, "--", role.name, ":", role.light, ";");
  return variables;
}

std::string DarkVariables() {
  std::string variables;
  for (const Role& role : kRoles) absl::StrAppend(&variables, "--", role.name, ":", role.dark, ";");
  return variables;
}

}  // namespace regatta::reports
