#include "core/process/process.h"

#include <unistd.h>

#include <iostream>
#include <string>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "core/os/deadline.h"
#include "core/process/runtime.h"
#include "core/process/this_process.h"

// Runs in the new process. What it returns is the exit code.
int Greet(const std::string& whom) {
  std::cout << "hello, " << whom << ", from " << regatta::this_process::name() << "\n";
  return 3;
}

absl::Status Run() {
  auto greeter = regatta::Process::Start({.name = "Greeter"}, Greet, "world");
  if (!greeter.ok()) return greeter.status();
  absl::StatusOr<regatta::ExitStatus> end = greeter->Join();
  if (!end.ok()) return end.status();
  std::cout << greeter->name() << ": " << end->ToString() << "\n";

  // A deadline limits how long Join waits. It does not end the process.
  auto sleeper = regatta::Process::Start({.name = "Sleeper"}, [] { sleep(1000); });
  if (!sleeper.ok()) return sleeper.status();
  end = sleeper->Join(regatta::Deadline::After(absl::Milliseconds(10)));
  if (!absl::IsDeadlineExceeded(end.status())) return absl::InternalError("the sleeper has ended");
  if (absl::Status killed = sleeper->Kill(); !killed.ok()) return killed;
  end = sleeper->Join();
  if (!end.ok()) return end.status();
  std::cout << sleeper->name() << ": " << end->ToString() << "\n";

  // Another program, in the place of a copy of this one. Fork takes a lambda with captures, too.
  const std::string text = "hello from a program";
  auto program = regatta::Process::Fork({.name = "Program"}, [&] {
    execlp("echo", "echo", text.c_str(), nullptr);
    return 127;  // Only reached if there is no such program.
  });
  if (!program.ok()) return program.status();
  end = program->Join();
  if (!end.ok()) return end.status();
  std::cout << program->name() << ": " << end->ToString() << "\n";
  return absl::OkStatus();
}

int main(int argc, char** argv) {
  regatta::Init(&argc, &argv);
  const absl::Status status = Run();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
