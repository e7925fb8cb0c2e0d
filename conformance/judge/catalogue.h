// The catalogue: what is known of each scenario besides its program. Data in conformance/catalogue/*.json, described in
// FORMAT.md.
#ifndef REGATTA_CONFORMANCE_JUDGE_CATALOGUE_H_
#define REGATTA_CONFORMANCE_JUDGE_CATALOGUE_H_

#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"

namespace regatta::conformance {

struct Document {
  std::string number;  // "002".
  std::string title;
  std::string date;  // "2020-07-17"; empty where the document has none.
};

struct Record {
  std::string id;                      // "queue/full".
  std::vector<std::string> documents;  // By number.
  std::string shows;                   // One sentence.
  std::string oracle;                  // One of Oracles().
  std::vector<std::string> methods;    // Start methods that make sense for it.
  std::vector<std::string> faults;     // Each of these must break it.
};

// Something of the documents that is no scenario but a matter of figures: benchmarks show it, and the report.
struct Measured {
  std::string id;
  std::vector<std::string> documents;
  std::string shows;
  std::vector<std::string> benchmarks;  // How their keys begin: "workload/count_loop/".
};

struct Catalogue {
  std::vector<Document> documents;
  std::vector<Record> records;  // By topic, in the order written.
  std::vector<Measured> measured;
};

// What a scenario is judged by, mainly: "values" (exactly these), "order" (a partial order), "invariant" (what the
// scheduler may not choose), "error" (a kind of error), "time" (not sooner).
const std::vector<std::string>& Oracles();

// From the texts of the documents' file, of one topic's and of the benchmarks'. DataLoss: what is wrong, and where.
absl::StatusOr<std::vector<Document>> ParseDocuments(absl::string_view json);
absl::StatusOr<std::vector<Record>> ParseRecords(absl::string_view json);
absl::StatusOr<std::vector<Measured>> ParseMeasured(absl::string_view json);

// All files beside this program.
absl::StatusOr<Catalogue> ReadCatalogue();

}  // namespace regatta::conformance

#endif  // REGATTA_CONFORMANCE_JUDGE_CATALOGUE_H_
