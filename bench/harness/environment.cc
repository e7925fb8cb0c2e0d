#include "bench/harness/environment.h"

#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "core/topology/drawing.h"
#include "core/topology/machine.h"

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

}  // namespace

Environment ReadEnvironment(const Configuration& configuration) {
  const Topology& topology = configuration.topology();
  const Machine machine = DescribeMachine(topology);
  Environment environment;
  environment.date_utc = absl::FormatTime("%Y-%m-%dT%H:%M:%SZ", absl::Now(), absl::UTCTimeZone());
  utsname system;
  if (uname(&system) == 0) environment.kernel = absl::StrCat(system.sysname, " ", system.release);
  environment.cpu_model = machine.model;
  environment.memory_bytes = sysconf(_SC_PHYS_PAGES) * sysconf(_SC_PAGESIZE);
  environment.huge_pages = FirstLine("/sys/kernel/mm/transparent_hugepage/enabled");
  environment.clock_source = FirstLine("/sys/devices/system/clocksource/clocksource0/current_clocksource");
  environment.compiler = Compiler();
  environment.optimised = Optimised();
  environment.sanitizer = Sanitizer();
  environment.fingerprint = machine.Fingerprint();
  environment.topology = DrawMachine(topology, machine);
  environment.machine = topology.processors();
  environment.caches = topology.caches();
  environment.processors = machine.cpus;
  environment.cores = machine.cores;
  environment.l3_caches =
      static_cast<int>(std::count_if(topology.caches().begin(), topology.caches().end(),
                                     [](const Topology::Cache& cache) { return cache.level == 3; }));
  environment.sockets = machine.sockets;
  environment.nodes = static_cast<int>(machine.nodes.size());
  environment.allowed_cpus = topology.allowed();
  environment.peers = configuration.peers();
  environment.folder = configuration.options().folder;
  environment.pin_refused = configuration.options().pin_refused;
  return environment;
}

}  // namespace regatta::bench
