// The main of tests that start processes: GoogleTest's, after Init.
#include "core/process/runtime.h"
#include "gtest/gtest.h"

int main(int argc, char** argv) {
  regatta::Init(&argc, &argv);
  testing::InitGoogleTest(&argc, argv);
  return RUN_ALL_TESTS();
}
