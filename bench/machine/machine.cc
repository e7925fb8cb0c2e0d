#include "bench/machine/machine.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>
#include <limits>
#include <tuple>

#include "absl/status/statusor.h"
#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "core/topology/affinity.h"
#include "core/topology/read_file.h"
#include "core/topology/usable_cpus.h"

namespace regatta::bench {
namespace {

// x86 has a processor flag for it; elsewhere Xen and device trees name their hypervisor.
bool IsVirtual(const std::string& root) {
  const absl::StatusOr<std::string> cpuinfo = ReadFile(absl::StrCat(root, "/proc/cpuinfo"));
  if (cpuinfo.ok()) {
    for (absl::string_view line : absl::StrSplit(*cpuinfo, '\n')) {
      const std::pair<absl::string_view, absl::string_view> field = absl::StrSplit(line, absl::MaxSplits(':', 1));
      if (absl::StripAsciiWhitespace(field.first) != "flags") continue;
      const std::vector<absl::string_view> flags = absl::StrSplit(field.second, ' ');
      return std::find(flags.begin(), flags.end(), "hypervisor") != flags.end();
    }
  }
  return ReadFile(absl::StrCat(root, "/sys/hypervisor/type")).ok() ||
         ReadFile(absl::StrCat(root, "/proc/device-tree/hypervisor/compatible")).ok();
}

std::vector<Machine::CacheGroup> GroupCaches(const std::vector<Topology::Cache>& caches) {
  std::vector<Machine::CacheGroup> groups;
  const auto key = [](const Machine::CacheGroup& group) {
    return std::make_tuple(group.level, group.kind, group.bytes, group.cpus_each);
  };
  for (const Topology::Cache& cache : caches) {
    const Machine::CacheGroup one = {cache.level, cache.kind, cache.bytes, static_cast<int>(cache.cpus.size()), 1};
    const auto same =
        std::find_if(groups.begin(), groups.end(), [&](const auto& group) { return key(group) == key(one); });
    if (same == groups.end()) {
      groups.push_back(one);
    } else {
      ++same->count;
    }
  }
  std::sort(groups.begin(), groups.end(), [&](const auto& a, const auto& b) { return key(a) < key(b); });
  return groups;
}

// 0: not known.
int64_t MemoryBytes(const std::string& root) {
  const absl::StatusOr<std::string> meminfo = ReadFile(absl::StrCat(root, "/proc/meminfo"));
  if (!meminfo.ok()) return 0;
  for (absl::string_view line : absl::StrSplit(*meminfo, '\n')) {
    int64_t kibibytes = 0;
    if (absl::ConsumePrefix(&line, "MemTotal:") && absl::ConsumeSuffix(&line, "kB") &&
        absl::SimpleAtoi(line, &kibibytes)) {
      return kibibytes * 1024;
    }
  }
  return 0;
}

std::string OrUnknown(const std::string& text) { return text.empty() ? "unknown" : text; }

}  // namespace

std::string FormatBytes(int64_t bytes) {
  if (bytes == 0) return "unknown size";
  constexpr absl::string_view kUnits[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1024 && unit + 1 < std::size(kUnits)) {
    value /= 1024;
    ++unit;
  }
  if (value == std::floor(value)) return absl::StrFormat("%.0f %s", value, kUnits[unit]);
  return absl::StrFormat("%.1f %s", value, kUnits[unit]);
}

std::string CacheName(int level, Topology::Cache::Kind kind) {
  const char* suffix = kind == Topology::Cache::Kind::kData          ? "d"
                       : kind == Topology::Cache::Kind::kInstruction ? "i"
                                                                     : "";
  return absl::StrCat("L", level, suffix);
}

std::string CacheText(const Machine::CacheGroup& group) {
  return absl::StrCat(CacheName(group.level, group.kind), " ", FormatBytes(group.bytes), " x", group.count);
}

std::string NodeText(const Machine& machine, const Topology::Node& node) {
  if (machine.nodes.size() == 1) return absl::StrCat("node ", node.number);
  return absl::StrCat("node ", node.number, " ", FormatBytes(node.bytes));
}

Machine DescribeMachine(const Topology& topology, const std::string& root) {
  Machine machine;
  machine.model = OrUnknown(topology.model());
  machine.architecture = OrUnknown(topology.architecture());
  machine.kernel = OrUnknown(topology.kernel());
  machine.virtual_machine = IsVirtual(root);
  machine.memory_bytes = MemoryBytes(root);
  machine.sockets = static_cast<int>(topology.packages().size());
  machine.cores = static_cast<int>(topology.cores().size());
  machine.cpus = static_cast<int>(topology.processors().size());
  machine.allowed = topology.allowed();
  machine.cpu_quota = CpuQuota(root).value_or(std::numeric_limits<double>::infinity());
  machine.usable_cpus = UsableCpus(static_cast<int>(machine.allowed.size()), machine.cpu_quota);
  machine.caches = GroupCaches(topology.caches());
  machine.nodes = topology.nodes();
  machine.placements = topology.placements();
  return machine;
}

std::vector<std::pair<std::string, std::string>> Machine::Facts() const {
  const auto cache = [](std::string* out, const CacheGroup& group) { absl::StrAppend(out, CacheText(group)); };
  const auto node = [this](std::string* out, const Topology::Node& n) {
    absl::StrAppend(out, NodeText(*this, n), " cpus ", FormatCpus(n.cpus));
  };
  const auto placement = [](std::string* out, Placement p) { absl::StrAppend(out, PlacementName(p)); };
  return {{"cpu_model", model},
          {"architecture", architecture},
          {"kernel", kernel},
          {"virtual_machine", virtual_machine ? "yes" : "no"},
          {"memory", FormatBytes(memory_bytes)},
          {"sockets", absl::StrCat(sockets)},
          {"cores", absl::StrCat(cores)},
          {"cpus", absl::StrCat(cpus)},
          {"allowed_cpus", FormatCpus(allowed)},
          {"usable_cpus", absl::StrCat(usable_cpus)},
          {"cpu_quota", std::isinf(cpu_quota) ? "none" : absl::StrCat(cpu_quota)},
          {"caches", absl::StrJoin(caches, ", ", cache)},
          {"numa_nodes", absl::StrJoin(nodes, ", ", node)},
          {"placements", absl::StrJoin(placements, " ", placement)},
          {"machine_fingerprint", Fingerprint()}};
}

std::string Machine::Fingerprint() const {
  std::string text = absl::StrCat(architecture, "/", virtual_machine ? "virtual" : "bare", "/", model,
                                  "/sockets:", sockets, "/cores:", cores, "/cpus:", cpus, "/nodes:", nodes.size());
  for (const CacheGroup& group : caches) {
    absl::StrAppend(&text, "/", CacheName(group.level, group.kind), ":", FormatBytes(group.bytes), "*", group.count,
                    ":", group.cpus_each);
  }
  return absl::StrReplaceAll(text, {{" ", "_"}});
}

}  // namespace regatta::bench
