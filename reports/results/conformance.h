// Conformance: what the judge found, read from the file that `//conformance -- --results=FILE` writes
// (conformance/RESULTS.md). A speed is worth little from a system that doesn't hold what it promises.

#ifndef REGATTA_REPORTS_RESULTS_CONFORMANCE_H_
#define REGATTA_REPORTS_RESULTS_CONFORMANCE_H_

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace regatta::reports {

struct ConformanceScenario {
  std::string id;
  std::vector<std::string> documents;  // by number
  std::string shows;

  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("id", self.id, "documents", self.documents, "shows", self.shows);
  }
};

// A scenario as one system played it with one start method.
struct ConformanceCase {
  std::string scenario;
  std::string system;
  std::string method;
  std::string fault;     // seeded into the core; "" but for the system "broken"
  std::string standing;  // "passed", "known", "caught", "absent", "surprise"
  std::string message;
  std::string why;

  template <class Self, class Visit>
  static void Members(Self& self, Visit visit) {
    visit("scenario", self.scenario, "system", self.system, "method", self.method, "fault", self.fault, "standing",
          self.standing, "message", self.message, "why", self.why);
  }
};

struct Conformance {
  std::vector<ConformanceScenario> scenarios;
  std::vector<ConformanceCase> cases;
  std::vector<std::string> lines;  // the file's lines, verbatim

  bool empty() const { return cases.empty(); }
};

// Reads the lines of such a file. InvalidArgument, with `name`: it is none, or of another version.
absl::StatusOr<Conformance> ReadConformance(const std::vector<std::string>& lines, std::string_view name);

// The same from a file.
absl::StatusOr<Conformance> ReadConformanceFile(const std::string& path);

}  // namespace regatta::reports

#endif  // REGATTA_REPORTS_RESULTS_CONFORMANCE_H_
