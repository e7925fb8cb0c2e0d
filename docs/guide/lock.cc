#include "core/sync/lock.h"

#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "core/process/process.h"
#include "core/process/runtime.h"

int ReadCount(const std::string& file) {
  int count = 0;
  std::ifstream(file) >> count;
  return count;
}

// Adds 1 to the number in a file. Without the lock, two processes would read the same number, and one addition would be
// lost.
absl::Status AddOne(regatta::Lock lock, std::string file, int times) {
  for (int i = 0; i < times; ++i) {
    auto held = regatta::ScopedLock::Acquire(lock);  // Released at the end of the scope.
    if (!held.ok()) return held.status();
    const int count = ReadCount(file);
    if (!(std::ofstream(file) << count + 1 << std::flush)) return absl::InternalError("can't write " + file);
  }
  return absl::OkStatus();
}

absl::Status DieWithTheLock(regatta::Lock lock) {
  if (auto held = lock.Acquire(); !held.ok()) return held.status();
  raise(SIGKILL);
  return absl::OkStatus();
}

absl::Status RunWith(const std::string& file) {
  auto lock = regatta::Lock::Create();
  if (!lock.ok()) return lock.status();

  std::vector<regatta::Process> adders;
  for (int i = 0; i < 2; ++i) {
    auto adder = regatta::Process::Start({}, AddOne, *lock, file, 100);
    if (!adder.ok()) return adder.status();
    adders.push_back(*std::move(adder));
  }
  for (regatta::Process& adder : adders) {
    if (auto end = adder.Join(); !end.ok()) return end.status();
  }
  std::cout << "counted to " << ReadCount(file) << "\n";

  // A lock whose holder was killed does not block for ever: the next process acquires it, and is told.
  auto victim = regatta::Process::Start({}, DieWithTheLock, *lock);
  if (!victim.ok()) return victim.status();
  if (auto end = victim->Join(); !end.ok()) return end.status();
  auto held = regatta::ScopedLock::Acquire(*lock);
  if (!held.ok()) return held.status();
  if (held->how().previous_owner_died == victim->pid()) std::cout << "the previous owner died; check the file\n";
  return absl::OkStatus();
}

int main(int argc, char** argv) {
  regatta::Init(&argc, &argv);
  const std::string file = std::filesystem::temp_directory_path() / ("regatta_count." + std::to_string(getpid()));
  const absl::Status status = RunWith(file);
  std::filesystem::remove(file);
  if (!status.ok()) std::cerr << status << "\n";
  return status.ok() ? 0 : 1;
}
