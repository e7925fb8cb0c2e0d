#include "conformance/judge/results.h"

#include <algorithm>
#include <map>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/time/time.h"
#include "nlohmann/json.hpp"

namespace regatta::conformance {
namespace {

using Json = nlohmann::ordered_json;

void AppendLine(std::string& text, const Json& line) {
  absl::StrAppend(&text, line.dump(-1, ' ', false, Json::error_handler_t::replace), "\n");
}

// What stands in one place of the matrix.
struct Cell {
  std::map<Standing, int> count;
  int all = 0;
};

std::string Shown(const Cell& cell) {
  if (cell.all == 0) return "";
  if (cell.all == 1) return std::string(StandingName(cell.count.begin()->first));
  if (const auto surprises = cell.count.find(Standing::kSurprise); surprises != cell.count.end()) {
    return absl::StrCat("surprise ", surprises->second, "/", cell.all);
  }
  std::string shown;
  for (const auto& [standing, count] : cell.count) {
    absl::StrAppend(&shown, shown.empty() ? "" : " ", StandingName(standing), " ", count);
  }
  return shown;
}

}  // namespace

std::string ResultsAsJsonLines(const Catalogue& catalogue, const CaseResults& results) {
  std::string text;
  AppendLine(text, {{"kind", "conformance"}, {"version", 1}});
  for (const Document& document : catalogue.documents) {
    AppendLine(text,
               {{"kind", "document"}, {"number", document.number}, {"title", document.title}, {"date", document.date}});
  }
  for (const Record& record : catalogue.records) {
    AppendLine(text, {{"kind", "scenario"},
                      {"id", record.id},
                      {"documents", record.documents},
                      {"shows", record.shows},
                      {"oracle", record.oracle},
                      {"methods", record.methods},
                      {"faults", record.faults}});
  }
  for (const auto& [one, result] : results) {
    AppendLine(text, {{"kind", "case"},
                      {"scenario", one.scenario.id},
                      {"system", one.system.name},
                      {"method", one.method},
                      {"fault", one.fault},
                      {"standing", StandingName(result.standing)},
                      {"message", result.verdict.Message()},
                      {"why", result.why},
                      {"took_ns", absl::ToInt64Nanoseconds(result.verdict.took)}});
  }
  return text;
}

std::string ResultsAsMatrix(const CaseResults& results) {
  std::vector<std::string> rows;
  std::vector<std::string> columns;
  std::map<std::pair<std::string, std::string>, Cell> cells;
  const auto add_once = [](std::vector<std::string>& list, const std::string& name) {
    if (std::find(list.begin(), list.end(), name) == list.end()) list.push_back(name);
  };
  for (const auto& [one, result] : results) {
    add_once(rows, one.scenario.id);
    add_once(columns, one.suite());
    Cell& cell = cells[{one.scenario.id, one.suite()}];
    ++cell.count[result.standing];
    ++cell.all;
  }

  size_t first = 0;
  for (const std::string& row : rows) first = std::max(first, row.size());
  std::vector<size_t> widths;
  for (const std::string& column : columns) {
    size_t width = column.size();
    for (const std::string& row : rows) width = std::max(width, Shown(cells[{row, column}]).size());
    widths.push_back(width);
  }
  std::string text;
  const auto append_row = [&](const std::string& head, const auto& cell_of) {
    std::string line = absl::StrFormat("%-*s", static_cast<int>(first), head);
    for (size_t i = 0; i < columns.size(); ++i) {
      absl::StrAppendFormat(&line, "  %-*s", static_cast<int>(widths[i]), cell_of(columns[i]));
    }
    absl::StrAppend(&text, line.substr(0, line.find_last_not_of(' ') + 1), "\n");
  };
  append_row("", [](const std::string& column) { return column; });
  for (const std::string& row : rows) {
    append_row(row, [&](const std::string& column) { return Shown(cells[{row, column}]); });
  }
  return text;
}

}  // namespace regatta::conformance
