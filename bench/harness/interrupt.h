// Ctrl-C and SIGTERM: noted, so that a driver ends in order, with its file whole. The third ends the process at once.
#ifndef REGATTA_BENCH_HARNESS_INTERRUPT_H_
#define REGATTA_BENCH_HARNESS_INTERRUPT_H_

namespace regatta::bench {

// Installs the handlers; for the driver only.
void NoteInterrupts();
bool Interrupted();

}  // namespace regatta::bench

#endif  // REGATTA_BENCH_HARNESS_INTERRUPT_H_
