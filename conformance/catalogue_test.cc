// The catalogue, the scenarios, the faults and the known failures hold together.
#include "conformance/judge/catalogue.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "conformance/judge/known_failures.h"
#include "conformance/scenarios/scenario.h"
#include "conformance/systems/core/subject/fault.h"
#include "core/process/start_method.h"
#include "gtest/gtest.h"
#include "tools/program/paths.h"

namespace regatta::conformance {
namespace {

Catalogue TheCatalogue() {
  absl::StatusOr<Catalogue> catalogue = ReadCatalogue();
  EXPECT_TRUE(catalogue.ok()) << catalogue.status();
  return catalogue.ok() ? *std::move(catalogue) : Catalogue();
}

bool Contains(const std::vector<std::string>& list, const std::string& text) {
  return std::find(list.begin(), list.end(), text) != list.end();
}

TEST(Catalogue, HasOneRecordForEachScenarioAndNoOthers) {
  std::multiset<std::string> recorded;
  for (const Record& record : TheCatalogue().records) recorded.insert(record.id);
  std::multiset<std::string> written;
  for (const Scenario& scenario : AllScenarios()) written.insert(scenario.id);
  EXPECT_EQ(recorded, written);
  EXPECT_EQ(std::set(written.begin(), written.end()).size(), written.size()) << "a scenario is there twice";
  EXPECT_FALSE(written.empty());
}

TEST(Catalogue, RecordsNameDocumentsOraclesMethodsAndFaultsThatExist) {
  const Catalogue catalogue = TheCatalogue();
  std::set<std::string> documents;
  for (const Document& document : catalogue.documents) {
    EXPECT_FALSE(document.title.empty());
    EXPECT_TRUE(documents.insert(document.number).second) << document.number << " is there twice";
  }
  for (const Record& record : catalogue.records) {
    SCOPED_TRACE(record.id);
    for (const std::string& number : record.documents) EXPECT_TRUE(documents.contains(number)) << number;
    EXPECT_TRUE(Contains(Oracles(), record.oracle)) << record.oracle;
    EXPECT_FALSE(record.shows.empty());
    for (const std::string& method : record.methods) EXPECT_TRUE(StartMethodByName(method).has_value()) << method;
    for (const std::string& fault : record.faults) EXPECT_TRUE(subject::FaultByName(fault).has_value()) << fault;
    for (const std::vector<std::string>* list : {&record.documents, &record.methods, &record.faults}) {
      EXPECT_EQ(std::set(list->begin(), list->end()).size(), list->size()) << "something is there twice";
    }
  }
}

TEST(Catalogue, EachDocumentAndEachFaultIsNamedBySomeRecord) {
  const Catalogue catalogue = TheCatalogue();
  const auto named = [&](std::vector<std::string> Record::*list, const std::string& name) {
    return std::any_of(catalogue.records.begin(), catalogue.records.end(),
                       [&](const Record& record) { return Contains(record.*list, name); });
  };
  for (const Document& document : catalogue.documents) {
    EXPECT_TRUE(named(&Record::documents, document.number)) << document.number;
  }
  for (const subject::FaultEntry& entry : subject::Faults()) {
    EXPECT_TRUE(named(&Record::faults, std::string(entry.name))) << entry.name << " breaks no scenario";
    EXPECT_EQ(subject::FaultByName(entry.name), entry.fault);
    EXPECT_FALSE(entry.what.empty());
  }
}

TEST(Catalogue, SaysOfWhatIsNoScenarioWhichBenchmarksShowIt) {
  const Catalogue catalogue = TheCatalogue();
  const absl::StatusOr<std::string> results = FindBuilt("bench/RESULTS.md");
  ASSERT_TRUE(results.ok()) << results.status();
  std::ifstream file(*results);
  const std::string keys((std::istreambuf_iterator<char>(file)), std::istreambuf_iterator<char>());
  EXPECT_FALSE(catalogue.measured.empty());
  for (const Measured& measured : catalogue.measured) {
    SCOPED_TRACE(measured.id);
    EXPECT_FALSE(measured.shows.empty());
    for (const Record& record : catalogue.records) EXPECT_NE(record.id, measured.id);
    for (const std::string& number : measured.documents) {
      EXPECT_TRUE(std::any_of(catalogue.documents.begin(), catalogue.documents.end(), [&](const Document& document) {
        return document.number == number;
      })) << number;
    }
    for (const std::string& key : measured.benchmarks) {
      EXPECT_TRUE(absl::StrContains(keys, absl::StrCat("`", key))) << key << " is no key of bench/RESULTS.md";
    }
  }
}

TEST(KnownFailures, AreOfCasesThatThereAreAndNoneOfTheCore) {
  const absl::StatusOr<std::vector<KnownFailure>> known = ReadKnownFailures();
  ASSERT_TRUE(known.ok()) << known.status();
  const Catalogue catalogue = TheCatalogue();
  for (const KnownFailure& failure : *known) {
    EXPECT_EQ(failure.system, "cpython") << "line " << failure.line;
    EXPECT_TRUE(std::any_of(
        catalogue.records.begin(), catalogue.records.end(),
        [&](const Record& record) { return record.id == failure.id && Contains(record.methods, failure.method); }))
        << "line " << failure.line << " is stale: there is no " << failure.id << " with " << failure.method;
  }
}

}  // namespace
}  // namespace regatta::conformance
