#include "bench/machine/drawing.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <map>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "core/topology/affinity.h"
#include "core/topology/placement.h"

namespace regatta::bench {
namespace {

// Leaves room for the frame: "| " and " |".
constexpr size_t kColumns = 76;

using Lines = std::vector<std::string>;

// Something with processors in it: a node or a cache that cores share.
struct Part {
  std::string label;
  std::vector<int> cpus;  // ascending
};

bool Holds(const std::vector<int>& outer, const std::vector<int>& inner) {
  return std::includes(outer.begin(), outer.end(), inner.begin(), inner.end());
}

std::string Counted(int count, absl::string_view noun) { return absl::StrCat(count, " ", noun, count == 1 ? "" : "s"); }

class Drawing {
 public:
  Drawing(const Topology& topology, const Machine& machine) : topology_(topology) {
    for (const Topology::Processor& processor : topology.processors()) {
      cpus_of_core_[processor.core].push_back(&processor);
    }
    for (const Topology::Node& node : topology.nodes()) parts_.push_back({NodeText(machine, node), node.cpus});
    for (const Topology::Cache& cache : topology.caches()) {
      if (CoresIn(cache.cpus).size() < 2) continue;
      const std::string name = CacheName(cache.level, cache.kind);
      parts_.push_back({absl::StrCat(name, " ", FormatBytes(cache.bytes)), cache.cpus});
    }
    // Outer before inner; of equals, in the order put in: nodes, then caches from the outermost inwards.
    std::stable_sort(parts_.begin(), parts_.end(),
                     [](const Part& a, const Part& b) { return a.cpus.size() > b.cpus.size(); });
  }

  Lines Sockets() const {
    Lines lines;
    for (const Part& part : parts_) {
      const auto& packages = topology_.packages();
      const bool inside = !part.cpus.empty() && std::any_of(packages.begin(), packages.end(), [&](const auto& package) {
        return Holds(package.cpus, part.cpus);
      });
      if (!inside) lines.push_back(absl::StrCat(part.label, ", processors ", FormatCpus(part.cpus)));
    }
    for (size_t i = 0; i < topology_.packages().size(); ++i) {
      const std::vector<int>& cpus = topology_.packages()[i].cpus;
      std::string title = absl::StrCat("socket ", i);
      std::vector<Part> inner;
      for (const Part& part : parts_) {
        if (part.cpus.empty() || !Holds(cpus, part.cpus)) continue;
        if (part.cpus == cpus && part.label[0] == 'n') {
          absl::StrAppend(&title, ", ", part.label);
        } else {
          inner.push_back(part);
        }
      }
      Frame(title, Inside(cpus, inner), &lines);
    }
    return lines;
  }

 private:
  // The cores that have a processor among `cpus`, in the order of the hardware.
  std::vector<int> CoresIn(const std::vector<int>& cpus) const {
    std::vector<int> cores;
    for (const Topology::Processor& processor : topology_.processors()) {
      const bool in = std::binary_search(cpus.begin(), cpus.end(), processor.cpu);
      if (in && std::find(cores.begin(), cores.end(), processor.core) == cores.end()) cores.push_back(processor.core);
    }
    return cores;
  }

  // "[0|4]", "(0|4)", or "[0](4)" where one of the siblings only is allowed.
  std::string CoreText(int core) const {
    std::string text;
    bool open_allowed = false;
    for (const Topology::Processor* processor : cpus_of_core_.at(core)) {
      const char* open = processor->allowed ? "[" : "(";
      if (text.empty()) {
        absl::StrAppend(&text, open, processor->cpu);
      } else if (processor->allowed == open_allowed) {
        absl::StrAppend(&text, "|", processor->cpu);
      } else {
        absl::StrAppend(&text, open_allowed ? "]" : ")", open, processor->cpu);
      }
      open_allowed = processor->allowed;
    }
    return absl::StrCat(text, open_allowed ? "]" : ")");
  }

  // The cores in a row behind `label`, wrapped.
  Lines Row(const std::string& label, const std::vector<int>& cores, size_t columns) const {
    const std::string first = label.empty() ? "" : absl::StrCat(label, " ");
    Lines lines = {first};
    for (int core : cores) {
      const std::string text = CoreText(core);
      const bool empty = lines.back().size() == first.size();
      if (!empty && lines.back().size() + 1 + text.size() > columns) lines.emplace_back(first.size(), ' ');
      absl::StrAppend(&lines.back(), lines.back().empty() ? "" : " ", text);
    }
    return lines;
  }

  // What lies in `cpus`: the parts, each inside the one that holds it, then the cores that are in none.
  Lines Inside(const std::vector<int>& cpus, std::vector<Part> parts, size_t columns = kColumns) const {
    Lines lines;
    std::vector<int> rest = CoresIn(cpus);
    while (!parts.empty()) {
      Part outer = parts.front();
      std::vector<Part> inner;
      std::vector<Part> others;
      for (size_t i = 1; i < parts.size(); ++i) {
        if (parts[i].cpus == outer.cpus) {
          absl::StrAppend(&outer.label, ", ", parts[i].label);
        } else {
          (Holds(outer.cpus, parts[i].cpus) ? inner : others).push_back(parts[i]);
        }
      }
      const std::vector<int> cores = CoresIn(outer.cpus);
      if (inner.empty()) {
        for (std::string& line : Row(outer.label, cores, columns)) lines.push_back(std::move(line));
      } else {
        lines.push_back(outer.label);
        for (const std::string& line : Inside(outer.cpus, inner, columns - 2)) {
          lines.push_back(absl::StrCat("  ", line));
        }
      }
      rest.erase(std::remove_if(rest.begin(), rest.end(),
                                [&](int core) { return std::find(cores.begin(), cores.end(), core) != cores.end(); }),
                 rest.end());
      parts = std::move(others);
    }
    if (!rest.empty()) {
      for (std::string& line : Row("", rest, columns)) lines.push_back(std::move(line));
    }
    return lines;
  }

  static void Frame(const std::string& title, const Lines& inside, Lines* lines) {
    size_t width = title.size() + 1;
    for (const std::string& line : inside) width = std::max(width, line.size());
    lines->push_back(absl::StrCat("+- ", title, " ", std::string(width - title.size() - 1, '-'), "+"));
    for (const std::string& line : inside) {
      lines->push_back(absl::StrCat("| ", line, std::string(width - line.size(), ' '), " |"));
    }
    lines->push_back(absl::StrCat("+", std::string(width + 2, '-'), "+"));
  }

  const Topology& topology_;
  std::map<int, std::vector<const Topology::Processor*>> cpus_of_core_;
  std::vector<Part> parts_;
};

// "<label>a, b, c", wrapped; nothing if there are no items.
void AppendList(absl::string_view label, const std::vector<std::string>& items, Lines* lines) {
  for (size_t i = 0; i < items.size(); ++i) {
    const std::string item = absl::StrCat(items[i], i + 1 < items.size() ? "," : "");
    if (i == 0) {
      lines->push_back(absl::StrCat(label, item));
    } else if (lines->back().size() + 1 + item.size() > kColumns + 4) {
      lines->push_back(absl::StrCat("  ", item));
    } else {
      absl::StrAppend(&lines->back(), " ", item);
    }
  }
}

// "same_cpu (0 and 0)", "other_core (0 and 1: same_l3)".
std::string PlacementText(const Topology& topology, Placement placement) {
  std::string name(PlacementName(placement));
  const absl::StatusOr<std::pair<int, int>> cpus = topology.CpusFor(placement);
  if (!cpus.ok()) return name;
  const absl::StatusOr<Placement> exact = topology.Between(cpus->first, cpus->second);
  const bool generic = exact.ok() && *exact != placement;
  return absl::StrCat(name, " (", cpus->first, " and ", cpus->second, generic ? ": " : "",
                      generic ? PlacementName(*exact) : "", ")");
}

void AppendPlacements(const Topology& topology, Lines* lines) {
  const std::vector<Placement>& offered = topology.placements();
  std::vector<std::string> here;
  std::vector<std::string> not_here;
  for (Placement placement : {Placement::kSameCpu, Placement::kSmtSibling, Placement::kOtherCore, Placement::kSameL3,
                              Placement::kSameSocket, Placement::kOtherSocket}) {
    if (std::find(offered.begin(), offered.end(), placement) != offered.end()) {
      here.push_back(PlacementText(topology, placement));
    } else {
      not_here.emplace_back(PlacementName(placement));
    }
  }
  AppendList("Placements: ", here, lines);
  AppendList("Can't be told apart here: ", not_here, lines);
}

}  // namespace

std::string DrawMachine(const Topology& topology, const Machine& machine) {
  std::string quota;
  if (!std::isinf(machine.cpu_quota)) absl::StrAppend(&quota, ", quota ", machine.cpu_quota);
  Lines lines = {
      absl::StrCat(machine.model, ", ", machine.architecture, machine.virtual_machine ? ", virtual machine" : "", ", ",
                   FormatBytes(machine.memory_bytes), " of memory, kernel ", machine.kernel),
      absl::StrCat(Counted(machine.sockets, "socket"), ", ", Counted(machine.cores, "core"), ", ",
                   Counted(machine.cpus, "processor"), "; allowed ", FormatCpus(machine.allowed), quota,
                   ", usable at once ", machine.usable_cpus)};
  for (std::string& line : Drawing(topology, machine).Sockets()) lines.push_back(std::move(line));
  lines.push_back("[n] a processor, (n) one not allowed here, [n|m] siblings of one core");
  std::vector<std::string> caches;
  for (const Machine::CacheGroup& group : machine.caches) caches.push_back(CacheText(group));
  AppendList("Caches: ", caches, &lines);
  AppendPlacements(topology, &lines);
  return absl::StrCat(absl::StrJoin(lines, "\n"), "\n");
}

}  // namespace regatta::bench
