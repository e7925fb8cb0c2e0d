#include "bench/harness/read_context.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <fstream>
#include <optional>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "bench/machine/drawing.h"
#include "bench/machine/machine.h"

namespace regatta::bench {
namespace {

// The first line of a file of the kernel's; empty where it isn't.
std::string FirstLine(const char* path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string Compiler() {
#if defined(__clang__)
  return absl::StrCat("clang ", __clang_major__, ".", __clang_minor__, ".", __clang_patchlevel__);
#else
  return absl::StrCat("gcc ", __GNUC__, ".", __GNUC_MINOR__, ".", __GNUC_PATCHLEVEL__);
#endif
}

std::string Sanitizer() {
#if defined(__SANITIZE_ADDRESS__)
  return "address";
#elif defined(__SANITIZE_THREAD__)
  return "thread";
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
  return "address";
#elif __has_feature(thread_sanitizer)
  return "thread";
#endif
#endif
  return "";
}

bool Optimised() {
#if defined(__OPTIMIZE__)
  return true;
#else
  return false;
#endif
}

const char* KindName(Topology::Cache::Kind kind) {
  switch (kind) {
    case Topology::Cache::Kind::kData:
      return "data";
    case Topology::Cache::Kind::kInstruction:
      return "instruction";
    case Topology::Cache::Kind::kUnified:
      break;
  }
  return "unified";
}

}  // namespace

Context ReadContext(const Configuration& configuration) {
  const Topology& topology = configuration.topology();
  const Machine machine = DescribeMachine(topology);
  Context context;
  context.date_utc = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone());
  utsname system;
  if (uname(&system) == 0) context.kernel = absl::StrCat(system.sysname, " ", system.release);
  context.cpu_model = machine.model;
  context.memory_bytes = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGESIZE));
  context.huge_pages = FirstLine("/sys/kernel/mm/transparent_hugepage/enabled");
  context.clock_source = FirstLine("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  context.compiler = Compiler();
  context.optimised = Optimised();
  context.sanitizer = Sanitizer();
  context.fingerprint = machine.Fingerprint();
  context.topology = DrawMachine(topology, machine);
  for (const Topology::Processor& processor : topology.processors()) {
    context.machine.push_back({processor.cpu, processor.core, processor.package, processor.l3, processor.node});
  }
  for (const Topology::Cache& cache : topology.caches()) {
    if (cache.level == 3) ++context.l3_caches;
    const std::optional<double> bytes = cache.bytes > 0 ? std::optional<double>(cache.bytes) : std::nullopt;
    context.caches.push_back({cache.level, KindName(cache.kind), bytes, cache.cpus});
  }
  context.processors = machine.cpus;
  context.cores = machine.cores;
  context.sockets = machine.sockets;
  context.nodes = static_cast<int>(machine.nodes.size());
  context.allowed_cpus = topology.allowed();
  context.peers = configuration.peers();
  context.folder = configuration.options().folder;
  context.pin_refused = configuration.options().pin_refused;
  return context;
}

}  // namespace regatta::bench
