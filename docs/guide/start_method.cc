#include "core/process/start_method.h"

#include <iostream>
#include <string>

#include "absl/status/status.h"
#include "core/process/process.h"
#include "core/process/runtime.h"

int g_setting = 1;

int ShowSetting(const std::string& method) {
  std::cout << method << ": the setting is " << g_setting << "\n";
  return 0;
}

absl::Status Run() {
  g_setting = 2;  // In this process, after it has started.
  for (regatta::StartMethod method : regatta::kAllStartMethods) {
    const std::string name(regatta::StartMethodName(method));
    auto process = regatta::Process::Start({.method = method}, ShowSetting, name);
    if (!process.ok()) return process.status();
    if (auto end = process->Join(); !end.ok()) return end.status();
  }
  return absl::OkStatus();
}

int main(int argc, char** argv) {
  regatta::Init(&argc,
                &argv);  // With spawn and forkserver the new process begins in main and does not return from here.
  const absl::Status status = Run();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
