#include "reports/sections/names.h"

#include <map>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
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
  if (arm.system == "core") {
    if (arm.benchmark.starts_with("pool_")) return "Regatta pool";
    if (arm.benchmark.starts_with("process_")) return "Regatta";
    if (arm.benchmark.starts_with("lock_")) return "Regatta lock";
    return "Regatta queue";
  }
  if (arm.system == "cpython" && arm.benchmark.starts_with("pool_")) return "Python Pool";
  if (arm.system == "cpython" && arm.benchmark.starts_with("queue_")) return "Python Queue";
  if (arm.system == "cpython" && arm.benchmark.starts_with("process_")) return "Python";
  if (arm.system == "cpython" && arm.benchmark.starts_with("lock_")) return "Python Lock";
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
  static const auto& names = *new std::map<std::string, std::string>{
      {"count_loop", "the count loop (1, 2 and 10 units)"},
      {"count_loop_tenth", "the count loop with a tenth of the work"},
      {"folder_copy", "copying a folder"},
      {"grain_sweep", "tasks of one size"},
      {"waiting", "ten tasks that wait"},
  };
  return Look(names, workload);
}

int FieldNumber(const ArmInfo& arm, const std::string& field, int otherwise) {
  int number = 0;
  return absl::SimpleAtoi(arm.Field(field), &number) ? number : otherwise;
}

std::string BytesName(const ArmInfo& arm) { return Format(FieldNumber(arm, "bytes", 0), Unit::kBytes); }

}  // namespace regatta::reports
