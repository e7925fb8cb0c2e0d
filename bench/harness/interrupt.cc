#include "bench/harness/interrupt.h"

#include <csignal>

namespace regatta::bench {
namespace {

volatile std::sig_atomic_t g_interrupted = 0;

void Note(int) { g_interrupted = 1; }

}  // namespace

void NoteInterrupts() {
  struct sigaction action = {};
  action.sa_handler = Note;
  // Not SA_RESTART: a wait is to return. SA_RESETHAND: the second signal does what it always does.
  action.sa_flags = static_cast<int>(SA_RESETHAND);
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool Interrupted() { return g_interrupted != 0; }

}  // namespace regatta::bench
