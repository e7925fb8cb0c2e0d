// Interrupts: SIGINT and SIGTERM are counted instead of ending the process, so that it can end in order.
//
// Waits    The signals end a wait in the kernel: its call returns EINTR.
// Threads  For a single-threaded program: signal handlers are the process's.
#ifndef REGATTA_TOOLS_PROGRAM_INTERRUPTS_H_
#define REGATTA_TOOLS_PROGRAM_INTERRUPTS_H_

#include <csignal>

namespace regatta {

// From construction to destruction. One at a time.
class Interrupts {
 public:
  // The signal number `last`, if it is above 0, ends the process all the same.
  explicit Interrupts(int last = 0);
  ~Interrupts();
  Interrupts(const Interrupts&) = delete;
  Interrupts& operator=(const Interrupts&) = delete;

  // How many came since the last construction.
  static int Count();

 private:
  struct sigaction outer_[2];
};

}  // namespace regatta

#endif  // REGATTA_TOOLS_PROGRAM_INTERRUPTS_H_
