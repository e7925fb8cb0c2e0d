#include <iostream>
#include <vector>

#include "core/pool/pool.h"
#include "core/process/runtime.h"

int main(int argc, char** argv) {
  regatta::Init(&argc, &argv);  // First: a process that the core starts begins here, too.
  const std::vector<int> numbers = {1, 2, 3, 4, 5};
  auto pool = regatta::Pool::Create({.workers = 2});
  auto squares = pool.ok() ? pool->Map([](int x) { return x * x; }, numbers) : pool.status();
  if (!squares.ok()) return std::cerr << squares.status() << "\n", 1;
  for (int square : *squares) std::cout << square << "\n";
}
