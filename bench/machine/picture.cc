// Prints a picture of this machine as it is allowed to this process: try it under taskset.
#include <cstdio>
#include <string>

#include "absl/status/statusor.h"
#include "bench/machine/drawing.h"
#include "bench/machine/machine.h"
#include "core/topology/topology.h"

int main(int argc, char** argv) {
  if (argc > 1) {
    std::fprintf(stderr, "picture: unknown argument \"%s\"; it takes none and prints this machine\n", argv[1]);
    return 2;
  }
  const absl::StatusOr<regatta::Topology> topology = regatta::Topology::Load();
  if (!topology.ok()) {
    std::fprintf(stderr, "picture: %s\n", std::string(topology.status().message()).c_str());
    return 1;
  }
  const std::string text = regatta::bench::DrawMachine(*topology, regatta::bench::DescribeMachine(*topology));
  if (std::fputs(text.c_str(), stdout) < 0 || std::fflush(stdout) != 0) {
    std::perror("picture: standard output");
    return 1;
  }
  return 0;
}
