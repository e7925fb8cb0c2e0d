// Topology's loading: hwloc's tree of objects becomes our lists. Nothing of hwloc's is kept.
#include <hwloc.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/str_cat.h"
#include "core/os/error.h"
#include "core/topology/affinity.h"
#include "core/topology/topology.h"

namespace regatta {
namespace {

struct Destroy {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
};
using Hwloc = std::unique_ptr<hwloc_topology, Destroy>;

std::vector<int> Cpus(hwloc_const_bitmap_t set) {
  std::vector<int> cpus;
  for (int cpu = hwloc_bitmap_first(set); cpu >= 0; cpu = hwloc_bitmap_next(set, cpu)) cpus.push_back(cpu);
  return cpus;
}

std::vector<hwloc_obj_t> Objects(hwloc_topology_t hwloc, hwloc_obj_type_t type) {
  std::vector<hwloc_obj_t> objects;
  for (hwloc_obj_t object = hwloc_get_next_obj_by_type(hwloc, type, nullptr); object != nullptr;
       object = hwloc_get_next_obj_by_type(hwloc, type, object)) {
    objects.push_back(object);
  }
  return objects;
}

// hwloc's name for it, without surrounding blanks; empty if hwloc doesn't know.
std::string Info(hwloc_obj_t object, const char* name) {
  const char* text = object == nullptr ? nullptr : hwloc_obj_get_info_by_name(object, name);
  return text == nullptr ? "" : std::string(absl::StripAsciiWhitespace(text));
}

Topology::Cache ReadCache(hwloc_obj_t object) {
  const hwloc_obj_attr_u::hwloc_cache_attr_s& attributes = object->attr->cache;
  Topology::Cache cache;
  cache.level = static_cast<int>(attributes.depth);
  cache.kind = attributes.type == HWLOC_OBJ_CACHE_DATA          ? Topology::Cache::Kind::kData
               : attributes.type == HWLOC_OBJ_CACHE_INSTRUCTION ? Topology::Cache::Kind::kInstruction
                                                                : Topology::Cache::Kind::kUnified;
  cache.bytes = static_cast<int64_t>(attributes.size);
  cache.line_bytes = static_cast<int>(attributes.linesize);
  cache.cpus = Cpus(object->cpuset);
  return cache;
}

// The position in `list` of the element that holds `cpu`; -1 if none does.
template <typename T>
int Holder(const std::vector<T>& list, int cpu) {
  const auto holder = std::find_if(list.begin(), list.end(), [cpu](const T& element) {
    return std::binary_search(element.cpus.begin(), element.cpus.end(), cpu);
  });
  return holder == list.end() ? -1 : static_cast<int>(holder - list.begin());
}

int L3Of(const std::vector<Topology::Cache>& caches, int cpu) {
  for (size_t i = 0; i < caches.size(); ++i) {
    const Topology::Cache& cache = caches[i];
    if (cache.level == 3 && std::binary_search(cache.cpus.begin(), cache.cpus.end(), cpu)) return static_cast<int>(i);
  }
  return -1;
}

int NodeOf(const std::vector<Topology::Node>& nodes, hwloc_obj_t processor) {
  const int number = hwloc_bitmap_first(processor->nodeset);
  const auto node =
      std::find_if(nodes.begin(), nodes.end(), [number](const Topology::Node& n) { return n.number == number; });
  return node == nodes.end() ? -1 : static_cast<int>(node - nodes.begin());
}

}  // namespace

absl::StatusOr<Topology> Topology::Load() {
  // Before hwloc looks around, so that it's the caller's own.
  absl::StatusOr<std::vector<int>> affinity = CurrentAffinity();
  if (!affinity.ok()) return affinity.status();
  return LoadFrom({.synthetic = "", .xml = "", .allowed = *std::move(affinity)});
}

absl::StatusOr<Topology> Topology::LoadFrom(const Source& source) {
  const bool real = source.synthetic.empty() && source.xml.empty();
  hwloc_topology_t raw = nullptr;
  if (hwloc_topology_init(&raw) != 0) return ErrnoError("hwloc_topology_init");
  const Hwloc hwloc(raw);
  // Moving this thread about, as hwloc otherwise may in order to ask each processor, would disturb others'
  // measurements.
  if (hwloc_topology_set_flags(raw, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED | HWLOC_TOPOLOGY_FLAG_DONT_CHANGE_BINDING) !=
      0) {
    return ErrnoError("hwloc_topology_set_flags");
  }
  // By default hwloc leaves them out.
  if (hwloc_topology_set_icache_types_filter(raw, HWLOC_TYPE_FILTER_KEEP_ALL) != 0) {
    return ErrnoError("hwloc_topology_set_icache_types_filter");
  }
  if (!source.synthetic.empty() && hwloc_topology_set_synthetic(raw, source.synthetic.c_str()) != 0) {
    return absl::InvalidArgumentError(absl::StrCat("hwloc can't read the description \"", source.synthetic, "\""));
  }
  if (!source.xml.empty() &&
      hwloc_topology_set_xmlbuffer(raw, source.xml.c_str(), static_cast<int>(source.xml.size()) + 1) != 0) {
    return absl::InvalidArgumentError("hwloc can't read its XML");
  }
  if (hwloc_topology_load(raw) != 0) return ErrnoError("hwloc_topology_load");
  if (real && hwloc_topology_is_thissystem(raw) == 0) {
    return absl::FailedPreconditionError(
        "hwloc shows another machine than this one: unset HWLOC_SYNTHETIC, HWLOC_XMLFILE, HWLOC_FSROOT and "
        "HWLOC_COMPONENTS");
  }

  Topology topology;
  hwloc_obj_t root = hwloc_get_root_obj(raw);
  topology.model_ = Info(hwloc_get_obj_by_type(raw, HWLOC_OBJ_PACKAGE, 0), "CPUModel");
  if (topology.model_.empty()) topology.model_ = Info(root, "CPUModel");
  topology.architecture_ = Info(root, "Architecture");
  topology.kernel_ = Info(root, "OSRelease");
  for (hwloc_obj_t object : Objects(raw, HWLOC_OBJ_PACKAGE)) topology.packages_.push_back({Cpus(object->cpuset)});
  for (hwloc_obj_t object : Objects(raw, HWLOC_OBJ_CORE)) topology.cores_.push_back({Cpus(object->cpuset)});
  for (hwloc_obj_t object : Objects(raw, HWLOC_OBJ_NUMANODE)) {
    topology.nodes_.push_back({static_cast<int>(object->os_index),
                               static_cast<int64_t>(object->attr->numanode.local_memory), Cpus(object->cpuset)});
  }
  for (hwloc_obj_type_t type : {HWLOC_OBJ_L5CACHE, HWLOC_OBJ_L4CACHE, HWLOC_OBJ_L3CACHE, HWLOC_OBJ_L3ICACHE,
                                HWLOC_OBJ_L2CACHE, HWLOC_OBJ_L2ICACHE, HWLOC_OBJ_L1CACHE, HWLOC_OBJ_L1ICACHE}) {
    for (hwloc_obj_t object : Objects(raw, type)) topology.caches_.push_back(ReadCache(object));
  }
  // Some virtual machines and some architectures show processors only: then each is a core, in one socket.
  if (topology.packages_.empty()) topology.packages_.push_back({Cpus(root->cpuset)});
  for (hwloc_obj_t object : Objects(raw, HWLOC_OBJ_PU)) {
    Processor processor;
    processor.cpu = static_cast<int>(object->os_index);
    processor.package = Holder(topology.packages_, processor.cpu);
    processor.core = Holder(topology.cores_, processor.cpu);
    if (processor.core < 0) {
      processor.core = static_cast<int>(topology.cores_.size());
      topology.cores_.push_back({{processor.cpu}});
    }
    processor.l3 = L3Of(topology.caches_, processor.cpu);
    processor.node = NodeOf(topology.nodes_, object);
    processor.allowed = !source.allowed.has_value() || std::find(source.allowed->begin(), source.allowed->end(),
                                                                 processor.cpu) != source.allowed->end();
    topology.processors_.push_back(processor);
  }
  if (topology.processors_.empty()) return absl::InternalError("hwloc found no processors on this machine");
  absl::Status finished = topology.Finish();
  if (!finished.ok()) return finished;
  return topology;
}

}  // namespace regatta
