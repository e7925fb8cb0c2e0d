// Calls a function of this program in a fresh process, and prints the build-id in the id of the function.
#include <cstdio>

#include "absl/status/statusor.h"
#include "absl/strings/str_format.h"
#include "core/process/call.h"
#include "core/process/function_id.h"
#include "core/process/process.h"
#include "core/process/runtime.h"

namespace {
int Twice(int x) { return 2 * x; }
}  // namespace

int main(int argc, char** argv) {
  regatta::Init(&argc, &argv);
  const absl::StatusOr<regatta::FunctionId> id = regatta::FunctionIdOf(&Twice);
  absl::StatusOr<regatta::Process> child = regatta::Process::Start({.method = regatta::StartMethod::kSpawn}, Twice, 21);
  if (!id.ok() || !child.ok()) {
    absl::FPrintF(stderr, "%s; %s\n", id.status().ToString(), child.status().ToString());
    return 1;
  }
  absl::PrintF("%016x %s\n", id->target_module, child->Join()->ToString());
}
