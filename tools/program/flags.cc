#include "tools/program/flags.h"

#include <map>
#include <string>

#include "absl/flags/commandlineflag.h"
#include "absl/flags/reflection.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/strip.h"

namespace regatta {
namespace {

constexpr std::string_view kVersion = "unreleased";

}  // namespace

int Fail(const Program& program, int code, std::string_view what) {
  absl::FPrintF(stderr, "%s: %s\n", program.name, what);
  return code;
}

void PrintHelp(const Program& program) {
  absl::PrintF("%s\n\nFlags:\n", program.usage);
  std::map<std::string_view, absl::CommandLineFlag*> own;
  for (const auto& [name, flag] : absl::GetAllFlags()) {
    if (absl::EndsWith(flag->Filename(), program.file)) own.emplace(name, flag);
  }
  for (const auto& [name, flag] : own) {
    absl::PrintF("  --%s=%s\n      %s\n", name, flag->DefaultValue(), flag->Help());
  }
  absl::PrintF("  --help, -h\n      print this\n  --version\n      print the version\n");
}

std::optional<int> ReadFlags(const Program& program, int argc, char** argv) {
  for (int i = 1; i < argc; ++i) {
    const std::string_view argument = argv[i];
    std::string_view name = argument;
    if (name == "-" || !absl::ConsumePrefix(&name, "-")) {
      return Fail(program, kMisuse,
                  absl::StrCat("what is '", argument, "'? Arguments are flags, as ", program.example, argument));
    }
    absl::ConsumePrefix(&name, "-");
    const size_t equals = name.find('=');
    std::optional<std::string_view> value;
    if (equals != std::string_view::npos) value = name.substr(equals + 1);
    name = name.substr(0, equals);
    if (name == "help" || name == "h") {
      PrintHelp(program);
      return 0;
    }
    if (name == "version") {
      absl::PrintF("regatta, %s\n", kVersion);
      return 0;
    }
    absl::CommandLineFlag* flag = absl::FindCommandLineFlag(name);
    if (flag == nullptr && !value && absl::ConsumePrefix(&name, "no")) {
      flag = absl::FindCommandLineFlag(name);
      if (flag != nullptr && !flag->IsOfType<bool>()) flag = nullptr;
      value = "false";
    }
    if (flag == nullptr) {
      return Fail(program, kMisuse, absl::StrCat("there is no flag ", argument, "; --help lists all"));
    }
    if (!value && flag->IsOfType<bool>()) value = "true";
    if (!value && ++i == argc) return Fail(program, kMisuse, absl::StrCat(argument, " needs a value"));
    if (std::string error; !flag->ParseFrom(value.value_or(argv[i]), &error)) {
      return Fail(program, kMisuse,
                  absl::StrCat("--", name, "=", value.value_or(argv[i]), " is not possible", error.empty() ? "" : ": ",
                               error, "; --help says what is"));
    }
  }
  return std::nullopt;
}

}  // namespace regatta
