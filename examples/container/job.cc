// A job for a container or a service: one process puts numbers into a queue, a pool squares them, and their sum is
// printed.
#include <cstdint>
#include <iostream>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "core/ipc/queue.h"
#include "core/os/deadline.h"
#include "core/pool/pool.h"
#include "core/process/process.h"
#include "core/process/runtime.h"

namespace {

constexpr int kNumbers = 10'000;

absl::Status PutNumbers(regatta::Queue<int> numbers) {
  for (int i = 1; i <= kNumbers; ++i) {
    if (absl::Status put = numbers.Put(i % 100); !put.ok()) return put;
  }
  return absl::OkStatus();
}

absl::StatusOr<int64_t> SumOfSquares() {
  auto numbers = regatta::Queue<int>::Create();
  if (!numbers.ok()) return numbers.status();
  auto pool = regatta::Pool::Create({.workers = 2});
  if (!pool.ok()) return pool.status();
  auto producer = regatta::Process::Start({.method = regatta::StartMethod::kSpawn}, PutNumbers, *numbers);
  if (!producer.ok()) return producer.status();
  std::vector<int> got;
  for (int i = 0; i < kNumbers; ++i) {
    // A producer that dies must not hang the job.
    const auto number = numbers->Get(regatta::Deadline::After(absl::Seconds(30)));
    if (!number.ok()) return number.status();
    got.push_back(*number);
  }
  const auto squares = pool->Map([](int x) { return x * x; }, got);
  if (!squares.ok()) return squares.status();
  int64_t sum = 0;
  for (const int square : *squares) sum += square;
  return sum;
}

}  // namespace

int main(int argc, char** argv) {
  regatta::Init(&argc, &argv);
  const absl::StatusOr<int64_t> sum = SumOfSquares();
  if (!sum.ok()) return std::cerr << sum.status() << "\n", 1;
  std::cout << *sum << "\n";
}
