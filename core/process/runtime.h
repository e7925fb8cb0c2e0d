// Init, and the one runtime of a process: its identity, its children, and what happens at its end.
//
//   int main(int argc, char** argv) {
//     regatta::Init(&argc, &argv);
//     ...
//
// Init       Call it first in main. In a process that was started by spawn, or as a server, Init does that process's
//            work and never returns. Without Init nothing can be started, not even during static initialisation; the
//            error says so. If one of the descriptors 0-2 is closed, Init opens /dev/null in its place.
// Privilege  A program with rights that its user lacks (set-user-ID, set-group-ID, file capabilities) never becomes a
//            child because of its arguments, and starts processes by fork only: spawn and forkserver return
//            FailedPrecondition. The same holds for a program that was run through the dynamic loader (ld.so PROGRAM).
// Ends       A parent ends by a return from main or by exit: its exit callbacks run, newest first. Then its daemonic
//            children get SIGTERM (and SIGKILL if they still run a second later), and it waits for the other children.
//            A child ends when its function returns or throws, or by exit: it does the same, flushes stdio and calls
//            _exit. No static destructors run, and the test framework prints nothing.
//            If a creator is killed (kill -9) or execs, the kernel kills its daemonic children at once through a
//            lifeline, a pipe whose other end only the creator holds (core/os/lifeline.h). A lifeline works whatever
//            signals a child blocks and whatever users both become. It costs each side a descriptor. A child that
//            closes all its descriptors is left with the kernel's parent-death signal, which has no effect after a
//            change of user, or while all threads of the child block SIGURG. Children that aren't daemonic live on.
// exec       A program that a daemonic process executes in its place is still the same process to its creator: it ends
//            with the creator, by SIGKILL if the creator is killed. The end of the thread that started a process has no
//            effect on the process.
// fork()     A child of your own fork() begins without children, and may start some.
#ifndef REGATTA_CORE_PROCESS_RUNTIME_H_
#define REGATTA_CORE_PROCESS_RUNTIME_H_

#include "core/process/this_process.h"

namespace regatta {

// A second call does nothing. The arguments stay as they are: the core passes an argument of its own only to processes
// that it starts.
void Init(int* argc, char*** argv);

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_RUNTIME_H_
