// Doctor: what spoils measurements on the machine, as `//tools/doctor -- --json` found it:
//   {"schema": "regatta.doctor", "version": 1,
//    "findings": [{"id": "turbo", "severity": "bad", "seen": "...", "spoils": "...", "remedy": "..."}]}

#ifndef REGATTA_REPORTS_RESULTS_DOCTOR_H_
#define REGATTA_REPORTS_RESULTS_DOCTOR_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace regatta::reports {

struct DoctorFinding {
  std::string id;
  std::string severity;  // "bad", "warn", "ok", "unknown"
  std::string seen;
  std::string spoils;
  std::string remedy;

  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("id", self.id, "severity", self.severity, "seen", self.seen, "spoils", self.spoils, "remedy", self.remedy);
  }
};

struct Doctor {
  std::vector<DoctorFinding> findings;
  std::string json;  // the whole object, on one line

  bool empty() const { return json.empty(); }
};

// Reads such an object. InvalidArgument, with `name`: it is none, or of another version.
absl::StatusOr<Doctor> ReadDoctor(std::string_view text, std::string_view name);

// The same from a file.
absl::StatusOr<Doctor> ReadDoctorFile(const std::string& path);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RESULTS_DOCTOR_H_
