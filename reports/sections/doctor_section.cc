#include "reports/sections/doctor_section.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace regatta::reports {
namespace {

Cell Severity(const std::string& severity) {
  if (severity == "bad") return Cell("disturbs measurements", Tone::kBad);
  if (severity == "warn") return Cell("may disturb measurements");
  return Cell("not known", Tone::kMuted);
}

int Rank(const DoctorFinding& finding) { return finding.severity == "bad" ? 0 : finding.severity == "warn" ? 1 : 2; }

}  // namespace

void AddDoctor(const Doctor& doctor, Section& section) {
  if (doctor.empty()) {
    section.Add(Paragraph{Text("What disturbs measurements on this machine, and what to do about it: run ")
                              .Code("./tools/bazel run //tools/doctor")
                              .Say(".")});
    return;
  }
  std::vector<const DoctorFinding*> found;
  std::vector<std::string> well;
  for (const DoctorFinding& finding : doctor.findings) {
    if (finding.severity == "ok") {
      well.push_back(finding.id);
    } else {
      found.push_back(&finding);
    }
  }
  std::stable_sort(found.begin(), found.end(),
                   [](const DoctorFinding* a, const DoctorFinding* b) { return Rank(*a) < Rank(*b); });
  if (!found.empty()) {
    Table table = {"What disturbs measurements on this machine",
                   {{"What"}, {"Severity"}, {"Seen"}, {"What it disturbs"}, {"What to do"}},
                   {}};
    for (const DoctorFinding* finding : found) {
      table.rows.push_back({finding->id, Severity(finding->severity), finding->seen, finding->spoils, finding->remedy});
    }
    section.Add(std::move(table));
  }
  if (!well.empty()) {
    section.Add(
        Paragraph{Text(absl::StrCat("The machine doctor found nothing wrong with: ", absl::StrJoin(well, ", "), "."))});
  }
}

}  // namespace regatta::reports
