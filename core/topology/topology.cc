#include "core/topology/topology.h"

#include <algorithm>
#include <cstddef>
#include <iterator>
#include <map>
#include <tuple>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "core/topology/affinity.h"

namespace regatta {
namespace {

using Processor = Topology::Processor;

Placement Class(const Processor& a, const Processor& b) {
  if (a.cpu == b.cpu) return Placement::kSameCpu;
  if (a.core == b.core) return Placement::kSmtSibling;
  if (a.l3 >= 0 && a.l3 == b.l3) return Placement::kSameL3;
  return a.package == b.package ? Placement::kSameSocket : Placement::kOtherSocket;
}

bool IsOtherCore(Placement placement) {
  return placement != Placement::kSameCpu && placement != Placement::kSmtSibling;
}

absl::Status CheckWorkers(int workers) {
  if (workers >= 1) return absl::OkStatus();
  return absl::InvalidArgumentError(absl::StrCat("processors for ", workers, " workers: ask for at least 1"));
}

// `count` elements of `order`, round and round.
std::vector<int> Repeat(const std::vector<int>& order, int count) {
  std::vector<int> result;
  result.reserve(static_cast<size_t>(count));
  for (int i = 0; i < count; ++i) result.push_back(order[static_cast<size_t>(i) % order.size()]);
  return result;
}

// One of each list in turn, until all are used up.
template <typename T>
std::vector<T> Interleave(const std::vector<std::vector<T>>& lists) {
  std::vector<T> result;
  bool any = true;
  for (size_t i = 0; any; ++i) {
    any = false;
    for (const std::vector<T>& list : lists) {
      if (i >= list.size()) continue;
      result.push_back(list[i]);
      any = true;
    }
  }
  return result;
}

// Members in groups by `key`, groups and members in their first order, but the group that `last` would be in at the
// end.
std::vector<std::vector<const Processor*>> GroupBy(int Processor::*key, const std::vector<const Processor*>& members,
                                                   const Processor* last) {
  std::vector<std::vector<const Processor*>> groups;
  std::map<int, size_t> places;
  for (const Processor* member : members) {
    const auto [place, added] = places.try_emplace(member->*key, groups.size());
    if (added) groups.emplace_back();
    groups[place->second].push_back(member);
  }
  if (last != nullptr) {
    std::stable_partition(groups.begin(), groups.end(),
                          [&](const auto& group) { return group.front()->*key != last->*key; });
  }
  return groups;
}

constexpr int Processor::*kLevels[] = {&Processor::package, &Processor::l3, &Processor::core, &Processor::cpu};

// Sockets in turn, in each its L3 caches in turn, in each their cores in turn, in each its siblings.
std::vector<const Processor*> Scatter(const std::vector<const Processor*>& members, const Processor* last,
                                      size_t level = 0) {
  if (level == std::size(kLevels)) return members;
  std::vector<std::vector<const Processor*>> groups = GroupBy(kLevels[level], members, last);
  for (std::vector<const Processor*>& group : groups) group = Scatter(group, last, level + 1);
  return Interleave(groups);
}

}  // namespace

absl::Status Topology::Finish() {
  for (const Processor& processor : processors_) {
    if (processor.allowed) allowed_.push_back(processor.cpu);
  }
  std::sort(allowed_.begin(), allowed_.end());
  if (allowed_.empty()) {
    return absl::InternalError("none of the processors that hwloc found is one that this process may run on");
  }

  bool exists[static_cast<size_t>(Placement::kOtherSocket) + 1] = {};
  std::map<int, const Processor*> of_core;  // one allowed processor each stands for all of its core
  for (const Processor& processor : processors_) {
    if (!processor.allowed) continue;
    const bool second = !of_core.try_emplace(processor.core, &processor).second;
    if (second) exists[static_cast<size_t>(Placement::kSmtSibling)] = true;
  }
  int classes = 0;
  for (auto a = of_core.begin(); a != of_core.end(); ++a) {
    for (auto b = std::next(a); b != of_core.end(); ++b) {
      bool& found = exists[static_cast<size_t>(Class(*a->second, *b->second))];
      classes += found ? 0 : 1;
      found = true;
    }
  }
  placements_.push_back(Placement::kSameCpu);
  if (exists[static_cast<size_t>(Placement::kSmtSibling)]) placements_.push_back(Placement::kSmtSibling);
  if (classes >= 1) placements_.push_back(Placement::kOtherCore);
  for (Placement placement : {Placement::kSameL3, Placement::kSameSocket, Placement::kOtherSocket}) {
    if (classes >= 2 && exists[static_cast<size_t>(placement)]) placements_.push_back(placement);
  }
  return absl::OkStatus();
}

absl::StatusOr<Placement> Topology::Between(int first, int second) const {
  const Processor* found[2] = {};
  for (const Processor& processor : processors_) {
    if (processor.cpu == first) found[0] = &processor;
    if (processor.cpu == second) found[1] = &processor;
  }
  if (found[0] == nullptr || found[1] == nullptr) {
    return absl::InvalidArgumentError(
        absl::StrCat("this machine has no processor ", found[0] == nullptr ? first : second));
  }
  return Class(*found[0], *found[1]);
}

absl::StatusOr<int> Topology::AllowedIndex(int cpu) const {
  for (size_t i = 0; i < processors_.size(); ++i) {
    if (processors_[i].cpu == cpu && processors_[i].allowed) return static_cast<int>(i);
  }
  return absl::InvalidArgumentError(
      absl::StrCat("processor ", cpu, " isn't allowed here; allowed: ", FormatCpus(allowed_)));
}

absl::StatusOr<std::pair<int, int>> Topology::CpusFor(Placement placement) const {
  if (std::find(placements_.begin(), placements_.end(), placement) != placements_.end()) {
    for (int first : allowed_) {
      const absl::StatusOr<std::vector<int>> second = CpusFor(placement, 1, first);
      if (second.ok()) return std::make_pair(first, second->front());
    }
  }
  const auto append_name = [](std::string* out, Placement p) { absl::StrAppend(out, PlacementName(p)); };
  return absl::NotFoundError(absl::StrCat("placement ", PlacementName(placement), " can't be told apart among the ",
                                          allowed_.size(), " processors allowed here (", FormatCpus(allowed_),
                                          "); there are: ", absl::StrJoin(placements_, ", ", append_name)));
}

absl::StatusOr<std::vector<int>> Topology::CpusFor(Placement placement, int workers, int submitter) const {
  absl::Status valid = CheckWorkers(workers);
  if (!valid.ok()) return valid;
  const absl::StatusOr<int> index = AllowedIndex(submitter);
  if (!index.ok()) return index.status();
  const Processor& from = processors_[static_cast<size_t>(*index)];

  std::vector<int> order;
  for (int cpu : Ordered(PinPolicy::kOnePerCore, submitter)) {
    const Placement between = *Between(from.cpu, cpu);
    if (between == placement || (placement == Placement::kOtherCore && IsOtherCore(between))) order.push_back(cpu);
  }
  if (order.empty()) {
    return absl::NotFoundError(absl::StrCat("no processor allowed here (", FormatCpus(allowed_), ") has placement ",
                                            PlacementName(placement), " to processor ", submitter));
  }
  return Repeat(order, workers);
}

absl::StatusOr<std::vector<int>> Topology::CpusFor(PinPolicy policy, int workers, std::optional<int> submitter) const {
  absl::Status valid = CheckWorkers(workers);
  if (!valid.ok()) return valid;
  if (submitter.has_value()) {
    const absl::StatusOr<int> index = AllowedIndex(*submitter);
    if (!index.ok()) return index.status();
  }
  if (policy == PinPolicy::kNone) return std::vector<int>();
  return Repeat(Ordered(policy, submitter), workers);
}

// All allowed processors; `submitter`, if given, is one of them.
std::vector<int> Topology::Ordered(PinPolicy policy, std::optional<int> submitter) const {
  const Processor* own = nullptr;
  std::vector<const Processor*> members;
  for (const Processor& processor : processors_) {
    if (!processor.allowed) continue;
    if (processor.cpu == submitter) {
      own = &processor;
    } else {
      members.push_back(&processor);
    }
  }
  if (own != nullptr) members.push_back(own);

  // A processor's turn among those of its core. Own comes after its siblings.
  std::map<const Processor*, int> turns;
  std::map<int, int> used;
  for (const Processor* member : members) turns[member] = used[member->core]++;

  const auto near_first = [&](const Processor* a, const Processor* b) {
    const auto key = [&](const Processor* p) {
      const Placement distance = own == nullptr ? Placement::kSameCpu : Class(*own, *p);
      if (policy == PinPolicy::kCompact) return std::make_tuple(0, false, distance);
      return std::make_tuple(turns[p], own != nullptr && p->core == own->core, distance);
    };
    return key(a) < key(b);
  };
  if (policy == PinPolicy::kScatter) {
    members = Scatter(members, own);
  } else {
    std::stable_sort(members.begin(), members.end(), near_first);
  }
  // Where cores or sockets have unequal numbers of allowed processors, it isn't last by itself.
  std::stable_partition(members.begin(), members.end(), [own](const Processor* p) { return p != own; });
  std::vector<int> cpus;
  cpus.reserve(members.size());
  for (const Processor* member : members) cpus.push_back(member->cpu);
  return cpus;
}

}  // namespace regatta
