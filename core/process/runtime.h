// Init and the one runtime of a process: what it knows of itself, which children it has, what happens at its end.
//
//   int main(int argc, char** argv) {
//     regatta::Init(&argc, &argv);
//     ...
//
// Init       First in main. In a process started by spawn or as a server it runs what that process is for and never
//            returns. Without it nothing can be started: the error says so, also at static-initialisation time. Of
//            descriptors 0-2 it opens those that are closed, on /dev/null.
// Privilege  A program that has rights which its user lacks (set-user-ID, set-group-ID, file capabilities) never
//            becomes a child by its arguments, and starts by fork only: spawn and forkserver are FailedPrecondition. So
//            they are in a program that was run through the dynamic loader (ld.so PROGRAM).
// Ends       A parent's (return from main, exit): exit callbacks, newest first; then daemonic children are sent SIGTERM
//            (SIGKILL if they still run a second later), and the others are waited for.
//            A child's (its function returned or threw, exit): the same, stdio flushed, then _exit: no static
//            destructors and no output of a test framework from it.
//            A creator's death (kill -9) or exec: the kernel kills daemonic children at once, through a lifeline: a
//            pipe whose other end only the creator holds (core/os/lifeline.h). It holds whatever signals a child blocks
//            and whatever users both become, and costs each side a descriptor. A child that closes all its descriptors
//            is left with the kernel's parent-death signal, which is blind after a change of user and while all threads
//            of the child block SIGURG. Children that aren't daemonic live on.
// exec       A program that a daemonic process executes in its place is the same process to its creator: it ends with
//            the creator, by SIGKILL where the creator is killed. The end of the thread that started the process means
//            nothing.
// fork()     A child of your own fork() starts with no children of its own, and may start some.
#ifndef REGATTA_CORE_PROCESS_RUNTIME_H_
#define REGATTA_CORE_PROCESS_RUNTIME_H_

#include "core/process/this_process.h"

namespace regatta {

// A second call does nothing. The arguments stay as they are: only a process that the core started has one of the
// core's.
void Init(int* argc, char*** argv);

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_RUNTIME_H_
