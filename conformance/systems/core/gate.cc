#include "conformance/systems/core/gate.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace regatta::conformance {
namespace {

constexpr int kNoGate = 71;

[[noreturn]] void GiveUp(const char* call) {
  fprintf(stderr, "testee: a gate's %s: %s\n", call, strerror(errno));
  _exit(kNoGate);
}

int MakeEvent() {
  const int event = eventfd(0, EFD_SEMAPHORE | EFD_CLOEXEC);
  if (event < 0) GiveUp("eventfd");
  return event;
}

}  // namespace

Gate::Gate() : Gate(Fd(MakeEvent())) {}

void Gate::Open(int times) const {
  if (eventfd_write(event_->get(), static_cast<eventfd_t>(times)) != 0) GiveUp("write");
}

void Gate::Pass(int times) const {
  for (int i = 0; i < times;) {
    eventfd_t one = 0;
    if (eventfd_read(event_->get(), &one) == 0) {
      ++i;
    } else if (errno != EINTR) {
      GiveUp("read");
    }
  }
}

}  // namespace regatta::conformance
