#include <algorithm>
#include <map>
#include <set>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "reports/charts/quantity.h"
#include "reports/sections/conformance_section.h"
#include "reports/sections/names.h"
#include "reports/sections/sections.h"

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
  Table table = {"Compared systems", {{"Peer"}, {"Version"}}, {}};
  if (!conformance.empty()) table.columns.push_back({"Conformance"});
  for (const bench::Availability& peer : context.peers) {
    ArmInfo arm;
    arm.system = peer.system;
    table.rows.push_back({SystemName(arm), peer.present ? Cell(peer.version.empty() ? "present" : peer.version)
                                                        : Cell(absl::StrCat("absent: ", peer.reason), Tone::kMuted)});
    if (!conformance.empty()) table.rows.back().push_back(ConformanceOf(conformance, peer.system));
  }
  return table;
}

// "32 MiB", or "" where the size isn't known.
std::string SizeOf(const bench::Cache& cache) { return cache.bytes ? Format(*cache.bytes, Unit::kBytes) : ""; }

// "L1d 32 KiB, L2 1 MiB": the caches that one processor has for its core.
std::string OwnCaches(const Context& context) {
  std::string words;
  for (const bench::Cache& cache : context.caches) {
    if (cache.level >= 3 || context.machine.empty() ||
        std::find(cache.cpus.begin(), cache.cpus.end(), context.machine.front().cpu) == cache.cpus.end()) {
      continue;
    }
    absl::StrAppend(&words, words.empty() ? "" : ", ", "L", cache.level,
                    cache.kind == "data"          ? "d"
                    : cache.kind == "instruction" ? "i"
                                                  : "",
                    " ", SizeOf(cache));
  }
  return words;
}

MachineMap MapOf(const Context& context) {
  MachineMap map;
  const std::string own = OwnCaches(context);
  map.text = {"The machine", absl::StrCat(context.cpu_model, own.empty() ? "" : absl::StrCat("; each core: ", own)),
              absl::StrCat(Counted(context.sockets, "socket", "sockets"), ", ", Counted(context.cores, "core", "cores"),
                           ", ", Counted(context.processors, "processor", "processors"), ", ",
                           Counted(context.nodes, "memory node", "memory nodes"),
                           ". The table below the picture has the same facts.")};
  for (const bench::Processor& processor : context.machine) {
    const bool allowed = std::find(context.allowed_cpus.begin(), context.allowed_cpus.end(), processor.cpu) !=
                         context.allowed_cpus.end();
    map.processors.push_back({processor.cpu, processor.core, processor.socket, processor.l3, processor.node, allowed});
    for (const bench::Cache& cache : context.caches) {
      const bool holds = std::find(cache.cpus.begin(), cache.cpus.end(), processor.cpu) != cache.cpus.end();
      if (cache.level == 3 && holds && processor.l3 >= 0) map.l3_sizes[processor.l3] = SizeOf(cache);
    }
  }
  return map;
}

}  // namespace

Section MachineSection(const Analysis& analysis) {
  Section section = {"machine", "The machine", {}};
  const Results& results = analysis.view().results();
  if (results.invocations.empty()) return section;
  const Context& context = results.invocations.front().context;
  if (!context.machine.empty()) {
    std::string trips;
    for (const auto& [state, cachelines] : CachelineByState(results)) {
      absl::StrAppend(&trips, trips.empty() ? "Between two cores a cache line goes there and back in " : ", or in ",
                      Format(Median(cachelines), Unit::kNanoseconds), " (", state, " state)");
    }
    section.Add(Figure{"machine-map", MapOf(context),
                       Text("Outer boxes are sockets, inner ones share an L3 cache, the smallest are cores with their "
                            "processors. This run was not allowed to use the pale processors. ")
                           .Say(trips.empty() ? "" : trips + ".")});
  } else if (!context.topology.empty()) {
    section.Add(Listing{context.topology});
  }
  section.Add(Facts(context, results));
  if (CachelineByState(results).size() > 1) {
    section.Add(Paragraph{Text(
        "The machine has two states: a cache line travels between the cores either fast (near) or slowly (far), and "
        "the state changes during the run. Figures of one state are never compared with figures of the other.")});
  }
  if (!context.peers.empty()) section.Add(Peers(context, results.conformance));
  return section;
}

Section ReproduceSection(const Analysis& analysis) {
  Section section = {"reproduce", "How to repeat it", {}};
  const Results& results = analysis.view().results();
  section.Add(Paragraph{Text("To measure the whole report again, in the same orders:")});
  section.Add(Listing{absl::StrCat("./tools/bazel run //reports -- --out=DIR", results.quick ? " --quick" : "",
                                   results.seed == 0 ? "" : absl::StrCat(" --seed=", results.seed), "\n")});
  section.Add(Paragraph{Text("To draw the same report from its raw data, ").Code("results.json").Say(":")});
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
  section.Add(Paragraph{Text("To measure one comparison alone, with the seed and order of this run:")});
  section.Add(Listing{commands});
  return section;
}

}  // namespace regatta::reports
