#include "core/os/signal_mask.h"

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>

namespace regatta {
namespace {

constexpr int kSignals = 64;
constexpr int32_t kNobody = -1;
std::atomic<int32_t> g_watched_parent{kNobody};
std::atomic<int32_t> g_watcher{kNobody};  // A forked child inherits the handler, but watches no process.

void OnParentWatch(int) {
  const int32_t parent = g_watched_parent.load(std::memory_order_relaxed);
  if (parent == kNobody || IsParent(parent)) return;  // Only the thread that made this process has ended.
  if (g_watcher.load(std::memory_order_relaxed) == getpid()) kill(getpid(), SIGKILL);
}

}  // namespace

SignalSet BlockedSignals() {
  sigset_t mask;
  pthread_sigmask(SIG_SETMASK, nullptr, &mask);
  SignalSet blocked = 0;
  for (int signal = 1; signal <= kSignals; ++signal) {
    if (sigismember(&mask, signal) == 1) blocked |= SignalSet{1} << (signal - 1);
  }
  return blocked;
}

void SetBlockedSignals(SignalSet blocked) {
  sigset_t mask;
  sigemptyset(&mask);
  for (int signal = 1; signal <= kSignals; ++signal) {
    if ((blocked >> (signal - 1) & 1) != 0) sigaddset(&mask, signal);
  }
  pthread_sigmask(SIG_SETMASK, &mask, nullptr);
}

AllSignalsBlocked::AllSignalsBlocked() : before_(BlockedSignals()) { SetBlockedSignals(~SignalSet{0}); }

SignalSet WithoutParentWatch(SignalSet blocked) { return blocked & ~(SignalSet{1} << (ParentWatchSignal() - 1)); }

// The signal must be ignored by default, so that it does not kill after exec, which resets the handler but not the
// parent-death signal. Among such signals, programs handle this one least. Those that do (Go's runtime) accept it at
// any time.
int ParentWatchSignal() { return SIGURG; }

bool IsParent(int32_t pid) {
  const pid_t parent = getppid();
  return parent == pid || parent == 0;
}

bool DieWithParent(int32_t parent_pid) {
  g_watched_parent.store(parent_pid, std::memory_order_relaxed);
  g_watcher.store(getpid(), std::memory_order_relaxed);
  struct sigaction action {};
  action.sa_handler = OnParentWatch;
  action.sa_flags = SA_RESTART;
  sigfillset(&action.sa_mask);
  sigaction(ParentWatchSignal(), &action, nullptr);
  sigset_t watch;
  sigemptyset(&watch);
  sigaddset(&watch, ParentWatchSignal());
  prctl(PR_SET_PDEATHSIG, ParentWatchSignal());
  pthread_sigmask(SIG_UNBLOCK, &watch, nullptr);
  // A parent that died before prctl took effect sends no signal.
  return IsParent(parent_pid);
}

void LiveOnWithoutParent() {
  prctl(PR_SET_PDEATHSIG, 0);
  // A signal that is on its way still runs the handler, which must then do nothing.
  g_watched_parent.store(kNobody, std::memory_order_relaxed);
}

}  // namespace regatta
