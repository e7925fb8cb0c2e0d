#include "tools/program/interrupts.h"

namespace regatta {
namespace {

constexpr int kSignals[] = {SIGINT, SIGTERM};

volatile std::sig_atomic_t g_count = 0;
volatile std::sig_atomic_t g_last = 0;

void Note(int signal) {
  g_count = g_count + 1;
  if (g_count != g_last) return;
  std::signal(signal, SIG_DFL);
  std::raise(signal);
}

}  // namespace

Interrupts::Interrupts(int last) {
  g_count = 0;
  g_last = last;
  struct sigaction action = {};
  action.sa_handler = Note;  // Without SA_RESTART.
  for (int i = 0; i < 2; ++i) sigaction(kSignals[i], &action, &outer_[i]);
}

Interrupts::~Interrupts() {
  for (int i = 0; i < 2; ++i) sigaction(kSignals[i], &outer_[i], nullptr);
}

int Interrupts::Count() { return g_count; }

}  // namespace regatta
