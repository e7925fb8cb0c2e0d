#include "reports/sections/names.h"

#include <algorithm>
#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "reports/charts/quantity.h"

namespace regatta::reports {
namespace {

std::string Look(const std::map<std::string, std::string>& names, const std::string& name) {
  const auto known = names.find(name);
  return known == names.end() ? name : known->second;
}

}  // namespace

std::string SystemName(const ArmInfo& arm) {
  static const auto& names = *new std::map<std::string, std::string>{
      {"core_by_reference", "Regatta queue, by reference"},
      {"ring", "bare ring (the limit)"},
      {"pipe", "pipe"},
      {"boost_message_queue", "Boost message_queue"},
      {"zeromq", "ZeroMQ PAIR"},
      {"threads", "oneTBB threads"},
      {"cpython", "Python multiprocessing"},
      {"fork", "bare calls"},
      {"memcpy", "four memcpys, one process"},
      {"pthread", "pthread mutex, shared"},
      {"pthread_robust", "pthread mutex, robust"},
      {"serial", "one process"},
      {"serial_again", "one process, again"},
      {"pool", "Regatta pool"},
      {"cpython_serial", "Python, one process"},
      {"cpython_pool", "Python Pool"},
  };
  const bench::Benchmark* row = RowOf(arm);
  if (arm.system == "core") return row == nullptr ? "Regatta" : row->subject.ours;
  if (arm.system == "cpython" && row != nullptr) return row->subject.python;
  return Look(names, arm.system);
}

bool IsOurs(const ArmInfo& arm) {
  return arm.system == "core" || arm.system == "core_by_reference" || arm.system == "pool";
}

std::string PlacementName(const std::string& placement, const std::string& state) {
  static const auto& names = *new std::map<std::string, std::string>{
      {"same_cpu", "both on one processor"},
      {"smt_sibling", "on two threads of one core"},
      {"other_core", "on two cores"},
      {"same_l3", "on two cores that share an L3 cache"},
      {"same_socket", "on two cores with different L3 caches"},
      {"other_socket", "on two sockets"},
      {"spread", "spread over the processors"},
      {"unpinned", "not pinned"},
  };
  const std::string name = Look(names, placement);
  if (state.empty()) return name;
  return absl::StrCat(name, name.empty() ? "" : ", ", state, " state");
}

std::string WorkloadName(const std::string& workload) {
  const bench::Benchmark* row = bench::FindRow(absl::StrCat("workload/", workload));
  return row == nullptr ? workload : row->title;
}

std::string WorkloadOf(const bench::Benchmark& row) { return std::string(absl::StripPrefix(row.key, "workload/")); }

int FieldNumber(const ArmInfo& arm, const std::string& field, int otherwise) {
  int number = 0;
  return absl::SimpleAtoi(arm.Field(field), &number) ? number : otherwise;
}

std::string BytesName(const ArmInfo& arm) { return Format(FieldNumber(arm, "bytes", 0), Unit::kBytes); }

std::string FieldWords(const std::string& field, const std::string& value) {
  int number = 0;
  if (field == "chunk") return value == "auto" ? "automatic chunks" : absl::StrCat("chunk ", value);
  if (!absl::SimpleAtoi(value, &number)) return value;
  if (field == "bytes") return Format(number, Unit::kBytes);
  if (field == "parent_mib") {
    return number == 0 ? "small parent" : absl::StrCat("parent holding ", Format(number * 1048576.0, Unit::kBytes));
  }
  // "workers:2" is "2 workers".
  if (field.ends_with("s")) return Counted(number, field.substr(0, field.size() - 1), field);
  return value;
}

std::string FillIn(std::string_view text, const ArmInfo& arm) {
  std::string filled(text);
  for (const std::string& field : FieldsIn(text)) {
    filled = absl::StrReplaceAll(filled, {{absl::StrCat("{", field, "}"), FieldWords(field, arm.Field(field))}});
  }
  return filled;
}

std::vector<std::string> FieldsIn(std::string_view text) {
  std::vector<std::string> fields;
  for (size_t open = text.find('{'); open != std::string_view::npos; open = text.find('{', open + 1)) {
    fields.emplace_back(text.substr(open + 1, text.find('}', open) - open - 1));
  }
  return fields;
}

std::string InState(const std::string& state) { return state.empty() ? "" : absl::StrCat(", ", state, " state"); }

Text KeyInState(const std::string& key, const std::string& state) { return Text().Code(key).Say(InState(state)); }

Metric FigureOf(const bench::Benchmark& row) {
  if (row.unit == bench::Unit::kPerSecond) return Counter("items_per_second");
  return row.median ? Counter("p50_ns") : TimePerOperation();
}

Unit UnitOf(const bench::Benchmark& row) {
  return row.unit == bench::Unit::kPerSecond ? Unit::kPerSecond : Unit::kNanoseconds;
}

std::vector<std::string> PlacementsOf(const std::vector<const ArmInfo*>& arms) {
  std::vector<std::string> placements;
  for (const ArmInfo* arm : arms) {
    const std::string placement = arm->Field("placement");
    if (std::find(placements.begin(), placements.end(), placement) == placements.end()) placements.push_back(placement);
  }
  return placements;
}

std::vector<const ArmInfo*> ArmsOf(const View& view, const bench::Benchmark& row, std::string_view pattern) {
  return view.Select([&](const ArmInfo& arm) { return RowOf(arm) == &row && Matches(arm, pattern); });
}

}  // namespace regatta::reports
