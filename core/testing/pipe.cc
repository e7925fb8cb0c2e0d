#include "core/testing/pipe.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>

namespace regatta {

TestingPipe::TestingPipe() {
  int ends[2];
  if (pipe2(ends, O_CLOEXEC) != 0) {
    perror("pipe2");
    abort();
  }
  read = Fd(ends[0]);
  write = Fd(ends[1]);
}

void WriteText(const Fd& to, absl::string_view text) {
  while (!text.empty()) {
    const ssize_t written = ::write(to.get(), text.data(), text.size());
    if (written < 0) abort();
    text.remove_prefix(static_cast<size_t>(written));
  }
}

std::string ReadToEnd(const Fd& from) {
  std::string text;
  char buffer[4096];
  for (;;) {
    const ssize_t size = ::read(from.get(), buffer, sizeof(buffer));
    if (size < 0 && errno == EINTR) continue;
    if (size <= 0) return text;
    text.append(buffer, static_cast<size_t>(size));
  }
}

bool ReadByte(const Fd& from) {
  char byte;
  ssize_t size;
  do {
    size = ::read(from.get(), &byte, 1);
  } while (size < 0 && errno == EINTR);
  return size == 1;
}

std::string ReadLine(const Fd& from) {
  std::string line;
  for (char byte; ::read(from.get(), &byte, 1) == 1 && byte != '\n';) line += byte;
  return line;
}

}  // namespace regatta
