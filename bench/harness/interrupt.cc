#include "bench/harness/interrupt.h"

#include <csignal>

namespace regatta::bench {
namespace {

volatile std::sig_atomic_t g_interrupted = 0;

// One keystroke may arrive twice: from the terminal, and from the program that started this one.
constexpr int kEnough = 3;

void Note(int signal) {
  g_interrupted = g_interrupted + 1;
  if (g_interrupted < kEnough) return;
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

void NoteInterrupts() {
  struct sigaction action = {};
  action.sa_handler = Note;
  action.sa_flags = 0;  // Not SA_RESTART: a wait is to return.
  sigaction(SIGINT, &action, nullptr);
  sigaction(SIGTERM, &action, nullptr);
}

bool Interrupted() { return g_interrupted != 0; }

}  // namespace regatta::bench
