#include "conformance/judge/known_failures.h"

#include <fstream>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/ascii.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "tools/program/paths.h"

namespace regatta::conformance {

absl::StatusOr<std::vector<KnownFailure>> ParseKnownFailures(absl::string_view text) {
  std::vector<KnownFailure> all;
  int number = 0;
  for (absl::string_view line : absl::StrSplit(text, '\n')) {
    ++number;
    line = absl::StripAsciiWhitespace(line);
    if (line.empty() || absl::StartsWith(line, "#")) continue;
    const std::pair<absl::string_view, absl::string_view> halves = absl::StrSplit(line, absl::MaxSplits(": ", 1));
    const std::vector<absl::string_view> names = absl::StrSplit(halves.first, ' ');
    const size_t quirk = halves.second.rfind(" | Q: ");
    if (names.size() != 3 || quirk == 0 || quirk == halves.second.npos) {
      return absl::DataLossError(
          absl::StrCat("line ", number, ": not of the form `SYSTEM METHOD ID: MESSAGE | Q: WHY`"));
    }
    KnownFailure known{.line = number,
                       .system = std::string(names[0]),
                       .method = std::string(names[1]),
                       .id = std::string(names[2]),
                       .message = std::string(halves.second.substr(0, quirk)),
                       .quirk = std::string(halves.second.substr(quirk + 6))};
    if (const KnownFailure* first = Find(all, known.system, known.method, known.id)) {
      return absl::DataLossError(absl::StrCat("line ", number, ": the case has one already in line ", first->line));
    }
    all.push_back(std::move(known));
  }
  return all;
}

absl::StatusOr<std::vector<KnownFailure>> ReadKnownFailures() {
  const absl::StatusOr<std::string> path = FindBuilt("conformance/known_failures.txt");
  if (!path.ok()) return path.status();
  std::ifstream in(*path, std::ios::binary);
  const std::string text((std::istreambuf_iterator<char>(in)), std::istreambuf_iterator<char>());
  absl::StatusOr<std::vector<KnownFailure>> known = ParseKnownFailures(text);
  if (!known.ok()) {
    return absl::Status(known.status().code(),
                        absl::StrCat("conformance/known_failures.txt: ", known.status().message()));
  }
  return known;
}

const KnownFailure* Find(const std::vector<KnownFailure>& known, absl::string_view system, absl::string_view method,
                         absl::string_view id) {
  for (const KnownFailure& entry : known) {
    if (entry.system == system && entry.method == method && entry.id == id) return &entry;
  }
  return nullptr;
}

std::optional<std::string> Surprise(const Verdict& verdict, const KnownFailure* known) {
  if (verdict.outcome == Outcome::kAbsent) return absl::StrCat("absent: ", verdict.Message());
  if (known == nullptr) {
    if (verdict.outcome == Outcome::kPassed) return std::nullopt;
    return verdict.Explanation();
  }
  if (verdict.outcome == Outcome::kPassed) {
    return absl::StrCat("it passes, though known to fail: take line ", known->line,
                        " out of conformance/known_failures.txt");
  }
  const std::string message = verdict.Message();
  if (message == known->message) return std::nullopt;
  return absl::StrCat("it fails in another way than line ", known->line,
                      " of conformance/known_failures.txt says.\nknown: ", known->message, "\nnow:   ", message, "\n",
                      verdict.Explanation());
}

}  // namespace regatta::conformance
