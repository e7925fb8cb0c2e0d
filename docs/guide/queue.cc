#include "core/ipc/queue.h"

#include <iostream>
#include <string>

#include "absl/status/status.h"
#include "core/os/error.h"
#include "core/process/process.h"
#include "core/process/runtime.h"

// Runs in a process of its own. The queue is an argument like any other.
absl::Status Produce(regatta::Queue<std::string> queue) {
  for (std::string text : {"one", "two", "three"}) {
    if (absl::Status put = queue.Put(text); !put.ok()) return put;
  }
  return queue.Close();  // For everyone: getters take what is left, then Get returns an error.
}

absl::Status Run() {
  // At most two items: a Put into a full queue blocks until there is room.
  auto queue = regatta::Queue<std::string>::Create(2);
  if (!queue.ok()) return queue.status();
  auto producer = regatta::Process::Start({}, Produce, *queue);
  if (!producer.ok()) return producer.status();

  for (;;) {
    absl::StatusOr<std::string> text = queue->Get();
    if (regatta::IsClosed(text.status())) break;
    if (!text.ok()) return text.status();
    std::cout << *text << "\n";
  }
  absl::StatusOr<regatta::ExitStatus> end = producer->Join();
  if (!end.ok()) return end.status();
  std::cout << "the producer ended with " << end->ToString() << "\n";
  return absl::OkStatus();
}

int main(int argc, char** argv) {
  regatta::Init(&argc, &argv);
  const absl::Status status = Run();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
