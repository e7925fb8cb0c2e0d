#include "reports/sections/machine_section.h"

#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "reports/charts/quantity.h"
#include "reports/sections/conformance_section.h"
#include "reports/sections/names.h"

namespace regatta::reports {
namespace {

Table Facts(const Context& context, const Results& results) {
  Table table = {"", {{"Fact"}, {"Value"}}, {}};
  const auto add = [&](const std::string& name, const std::string& value) {
    if (!value.empty()) table.rows.push_back({name, value});
  };
  add("Processor", context.cpu_model);
  add("Processors, cores, L3 caches, sockets, memory nodes",
      absl::StrCat(context.processors, ", ", context.cores, ", ", context.l3_caches, ", ", context.sockets, ", ",
                   context.nodes));
  add("Processors this run may use", absl::StrJoin(context.allowed_cpus, ", "));
  if (context.memory_bytes) add("Memory", Format(*context.memory_bytes, Unit::kBytes));
  add("Kernel", context.kernel);
  add("Compiler", absl::StrCat(context.compiler, context.optimised ? "" : ", not optimised",
                               context.sanitizer.empty() ? "" : absl::StrCat(", ", context.sanitizer)));
  for (const auto& [state, cachelines] : CachelineByState(results)) {
    add(absl::StrCat("A cache line there and back, ", state, " state"),
        absl::StrCat(Format(Median(cachelines), Unit::kNanoseconds), " (quartiles ",
                     Format(Quantile(cachelines, 0.25), Unit::kNanoseconds), " and ",
                     Format(Quantile(cachelines, 0.75), Unit::kNanoseconds), ", measured ",
                     Counted(static_cast<int>(cachelines.size()), "time", "times"), ")"));
  }
  add("Folder copied", context.folder);
  add("Measured at", context.date_utc);
  add("Fingerprint", context.fingerprint);
  return table;
}

Table Peers(const Context& context, const Conformance& conformance) {
  Table table = {"What it was raced against", {{"Peer"}, {"Version"}}, {}};
  if (!conformance.empty()) table.columns.push_back({"Conformance"});
  for (const Peer& peer : context.peers) {
    ArmInfo arm;
    arm.system = peer.system;
    table.rows.push_back({SystemName(arm), peer.present ? Cell(peer.version.empty() ? "present" : peer.version)
                                                        : Cell(absl::StrCat("absent: ", peer.reason), Tone::kMuted)});
    if (!conformance.empty()) table.rows.back().push_back(ConformanceOf(conformance, peer.system));
  }
  return table;
}

}  // namespace

Section MachineSection(const Analysis& analysis) {
  Section section = {"machine", "The machine", {}};
  const Results& results = analysis.view().results();
  if (results.invocations.empty()) return section;
  const Context& context = results.invocations.front().context;
  if (!context.topology.empty()) section.Add(Listing{context.topology});
  section.Add(Facts(context, results));
  if (CachelineByState(results).size() > 1) {
    section.Add(Paragraph{Text(
        "The machine has two states: a cache line travels between the cores either fast (near) or slowly (far), and "
        "changes while the run goes on. Figures of one state are never compared with figures of the other.")});
  }
  if (!context.peers.empty()) section.Add(Peers(context, results.conformance));
  return section;
}

Section ReproduceSection(const Analysis& analysis) {
  Section section = {"reproduce", "How to repeat it", {}};
  const Results& results = analysis.view().results();
  section.Add(Paragraph{Text("The whole report, measured anew:")});
  section.Add(Listing{absl::StrCat("./tools/bazel run //reports -- --out=DIR", results.quick ? " --quick" : "", "\n")});
  section.Add(Paragraph{Text("The same report from its raw data, which lie in ").Code("results.json").Say(":")});
  section.Add(Listing{"./tools/bazel run //reports -- --out=DIR --from=results.json\n"});
  std::set<std::string> runs;
  std::string commands;
  for (const Invocation& invocation : results.invocations) {
    const std::string flags = absl::StrJoin(invocation.flags, " ", [](std::string* out, std::string flag) {
      if (flag.starts_with("--regatta_out=")) flag = "--regatta_out=results.jsonl";
      // Quoted for a shell wherever a character might mean something to it.
      const bool plain =
          flag.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_=/.,:+@%") ==
          std::string::npos;
      absl::StrAppend(out, plain ? flag : absl::StrCat("'", flag, "'"));
    });
    if (runs.insert(flags).second) absl::StrAppend(&commands, "./tools/bazel run //bench -- ", flags, "\n");
  }
  section.Add(Paragraph{Text("One comparison alone, with the seed and order that it had here:")});
  section.Add(Listing{commands});
  return section;
}

}  // namespace regatta::reports
