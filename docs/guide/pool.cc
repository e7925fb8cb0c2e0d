#include "core/pool/pool.h"

#include <csignal>
#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/os/error.h"
#include "core/process/runtime.h"

int CountVowels(const std::string& word) {
  if (word == "crash") raise(SIGKILL);  // As the kernel's out-of-memory killer would end this worker.
  int vowels = 0;
  for (char letter : word) vowels += std::string("aeiou").find(letter) != std::string::npos;
  return vowels;
}

absl::Status Run() {
  auto pool = regatta::Pool::Create({.workers = 2});
  if (!pool.ok()) return pool.status();

  // All results at once, in the order of the items.
  auto vowels = pool->Map(CountVowels, std::vector<std::string>{"boat", "lake", "regatta"});
  if (!vowels.ok()) return vowels.status();
  for (int count : *vowels) std::cout << count << "\n";

  // One after another. An item that fails is an error of its own, and the pool goes on with the next one.
  auto results = pool->Imap(CountVowels, std::vector<std::string>{"oar", "crash", "sail"});
  if (!results.ok()) return results.status();
  for (;;) {
    absl::StatusOr<int> item;
    absl::StatusOr<bool> more = results->Next(&item);
    if (!more.ok()) return more.status();
    if (!*more) return absl::OkStatus();
    if (item.ok()) {
      std::cout << *item << "\n";
    } else if (auto death = regatta::DeathOf(item.status())) {
      std::cout << "a worker died by " << regatta::SignalName(death->signal) << "\n";
    } else {
      return item.status();
    }
  }
}

int main(int argc, char** argv) {
  regatta::Init(&argc, &argv);
  const absl::Status status = Run();
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
