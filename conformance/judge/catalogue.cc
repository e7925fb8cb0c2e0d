#include "conformance/judge/catalogue.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <utility>

#include "absl/status/status.h"
#include "absl/strings/str_cat.h"
#include "nlohmann/json.hpp"
#include "tools/program/paths.h"

namespace regatta::conformance {
namespace {

using Json = nlohmann::json;

constexpr absl::string_view kTopics[] = {"process", "lock", "event", "value", "array", "queue", "pipe", "pool"};

// The object's members are these and no others.
absl::Status CheckKeys(const Json& object, const std::vector<std::string>& keys, absl::string_view where) {
  if (!object.is_object()) return absl::DataLossError(absl::StrCat(where, ": not an object"));
  for (const std::string& key : keys) {
    if (!object.contains(key)) return absl::DataLossError(absl::StrCat(where, ": \"", key, "\" is missing"));
  }
  for (const auto& [key, unused] : object.items()) {
    if (std::find(keys.begin(), keys.end(), key) == keys.end()) {
      return absl::DataLossError(absl::StrCat(where, ": nobody knows \"", key, "\""));
    }
  }
  return absl::OkStatus();
}

absl::Status ReadText(const Json& object, const char* key, std::string& text, absl::string_view where) {
  if (!object[key].is_string()) return absl::DataLossError(absl::StrCat(where, ": \"", key, "\" is not a text"));
  text = object[key].get<std::string>();
  return absl::OkStatus();
}

absl::Status ReadTexts(const Json& object, const char* key, std::vector<std::string>& texts, absl::string_view where) {
  const Json& list = object[key];
  const bool texts_only =
      list.is_array() && std::all_of(list.begin(), list.end(), [](const Json& element) { return element.is_string(); });
  if (!texts_only || list.empty()) {
    return absl::DataLossError(absl::StrCat(where, ": \"", key, "\" is not a list of texts with something in it"));
  }
  texts = list.get<std::vector<std::string>>();
  return absl::OkStatus();
}

absl::StatusOr<Json> ParseList(absl::string_view text) {
  Json list = Json::parse(text.begin(), text.end(), nullptr, /*allow_exceptions=*/false);
  if (!list.is_array()) return absl::DataLossError("not a JSON list");
  return list;
}

absl::StatusOr<std::string> Text(absl::string_view path) {
  const absl::StatusOr<std::string> file = FindBuilt(path);
  if (!file.ok()) return file.status();
  std::ifstream in(*file, std::ios::binary);
  return std::string(std::istreambuf_iterator<char>(in), std::istreambuf_iterator<char>());
}

absl::Status In(absl::string_view path, const absl::Status& status) {
  return absl::Status(status.code(), absl::StrCat(path, ": ", status.message()));
}

}  // namespace

const std::vector<std::string>& Oracles() {
  static const auto& oracles = *new std::vector<std::string>{"values", "order", "invariant", "error", "time"};
  return oracles;
}

absl::StatusOr<std::vector<Document>> ParseDocuments(absl::string_view json) {
  const absl::StatusOr<Json> list = ParseList(json);
  if (!list.ok()) return list.status();
  std::vector<Document> documents;
  for (const Json& element : *list) {
    const std::string where = absl::StrCat("document ", documents.size() + 1);
    Document document;
    absl::Status read = CheckKeys(element, {"number", "title", "date"}, where);
    if (!read.ok()) return read;
    read.Update(ReadText(element, "number", document.number, where));
    read.Update(ReadText(element, "title", document.title, where));
    read.Update(ReadText(element, "date", document.date, where));
    if (!read.ok()) return read;
    documents.push_back(std::move(document));
  }
  return documents;
}

absl::StatusOr<std::vector<Record>> ParseRecords(absl::string_view json) {
  const absl::StatusOr<Json> list = ParseList(json);
  if (!list.ok()) return list.status();
  std::vector<Record> records;
  for (const Json& element : *list) {
    std::string where = absl::StrCat("record ", records.size() + 1);
    if (element.is_object() && element.contains("id")) absl::StrAppend(&where, " (", element["id"].dump(), ")");
    Record record;
    absl::Status read = CheckKeys(element, {"id", "documents", "shows", "oracle", "methods", "faults"}, where);
    if (!read.ok()) return read;
    read.Update(ReadText(element, "id", record.id, where));
    read.Update(ReadTexts(element, "documents", record.documents, where));
    read.Update(ReadText(element, "shows", record.shows, where));
    read.Update(ReadText(element, "oracle", record.oracle, where));
    read.Update(ReadTexts(element, "methods", record.methods, where));
    read.Update(ReadTexts(element, "faults", record.faults, where));
    if (!read.ok()) return read;
    records.push_back(std::move(record));
  }
  return records;
}

absl::StatusOr<std::vector<Measured>> ParseMeasured(absl::string_view json) {
  const absl::StatusOr<Json> list = ParseList(json);
  if (!list.ok()) return list.status();
  std::vector<Measured> all;
  for (const Json& element : *list) {
    const std::string where = absl::StrCat("measured ", all.size() + 1);
    Measured measured;
    absl::Status read = CheckKeys(element, {"id", "documents", "shows", "benchmarks"}, where);
    if (!read.ok()) return read;
    read.Update(ReadText(element, "id", measured.id, where));
    read.Update(ReadTexts(element, "documents", measured.documents, where));
    read.Update(ReadText(element, "shows", measured.shows, where));
    read.Update(ReadTexts(element, "benchmarks", measured.benchmarks, where));
    if (!read.ok()) return read;
    all.push_back(std::move(measured));
  }
  return all;
}

absl::StatusOr<Catalogue> ReadCatalogue() {
  Catalogue catalogue;
  constexpr absl::string_view kDocuments = "conformance/catalogue/documents.json";
  const absl::StatusOr<std::string> text = Text(kDocuments);
  if (!text.ok()) return text.status();
  absl::StatusOr<std::vector<Document>> documents = ParseDocuments(*text);
  if (!documents.ok()) return In(kDocuments, documents.status());
  catalogue.documents = *std::move(documents);
  constexpr absl::string_view kBenchmarks = "conformance/catalogue/benchmarks.json";
  const absl::StatusOr<std::string> benchmarks = Text(kBenchmarks);
  if (!benchmarks.ok()) return benchmarks.status();
  absl::StatusOr<std::vector<Measured>> measured = ParseMeasured(*benchmarks);
  if (!measured.ok()) return In(kBenchmarks, measured.status());
  catalogue.measured = *std::move(measured);
  for (const absl::string_view topic : kTopics) {
    const std::string path = absl::StrCat("conformance/catalogue/", topic, ".json");
    const absl::StatusOr<std::string> topic_text = Text(path);
    if (!topic_text.ok()) return topic_text.status();
    absl::StatusOr<std::vector<Record>> records = ParseRecords(*topic_text);
    if (!records.ok()) return In(path, records.status());
    catalogue.records.insert(catalogue.records.end(), std::make_move_iterator(records->begin()),
                             std::make_move_iterator(records->end()));
  }
  return catalogue;
}

}  // namespace regatta::conformance
