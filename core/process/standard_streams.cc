#include "core/process/standard_streams.h"

#include <cstdio>
#include <iostream>

#include "core/os/proc.h"

namespace regatta {

void FlushStandardStreams() {
  std::cout.flush();
  std::cerr.flush();
  std::clog.flush();
  // These have a buffer of their own after std::ios::sync_with_stdio(false).
  std::wcout.flush();
  std::wcerr.flush();
  std::wclog.flush();
  fflush(stdout);
  fflush(stderr);
}

void FlushAllStreams() {
  FlushStandardStreams();
  if (IsSingleThreaded()) fflush(nullptr);
}

void FlushAllStreamsToFork() {
  FlushStandardStreams();
  fflush(nullptr);
}

}  // namespace regatta
