// Init and the one runtime of a process: what it knows of itself, which children it has, what happens at its end.
//
//   int main(int argc, char** argv) {
//     regatta::Init(&argc, &argv);
//     ...
//
// Init       First in main. In a process started by spawn or as a server it runs what that process is for and never returns.
//            Without it nothing can be started: the error says so, also at static-initialisation time.
// Ends       A parent's (return from main, exit): exit callbacks, newest first; then daemonic children are sent SIGTERM
//            (SIGKILL if they still run a second later), and the others are waited for.
//            A child's (its function returned or threw, exit): the same, stdio flushed, then _exit: no static destructors
//            and no output of a test framework from it.
//            A creator's death (kill -9): daemonic children are killed at once by their own watch: the kernel's
//            parent-death signal, taken as a question only (a thread's end sends it too) and answered by getppid(). It
//            costs two system calls and no thread or descriptor. It takes the signal SIGRTMAX-2: leave that to the core;
//            while all threads of a child block it, and after it changed its user id, the watch is blind. Children that
//            aren't daemonic live on.
// fork()     A child of your own fork() starts with no children of its own, and may start some.
#ifndef REGATTA_CORE_PROCESS_RUNTIME_H_
#define REGATTA_CORE_PROCESS_RUNTIME_H_

#include "core/process/this_process.h"

namespace regatta {

// A second call does nothing. The arguments stay as they are: only a process that the core started has one of the core's.
void Init(int* argc, char*** argv);

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_RUNTIME_H_
