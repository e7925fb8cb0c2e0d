#include "core/process/nursery_server.h"

#include <unistd.h>

#include <span>
#include <string>
#include <utility>
#include <vector>

#include "core/os/fork.h"
#include "core/os/local_socket.h"
#include "core/os/pidfd.h"
#include "core/os/program.h"
#include "core/os/signal_mask.h"
#include "core/process/boot.h"
#include "core/process/child_main.h"
#include "core/process/fault_points.h"
#include "core/process/nursery_format.h"
#include "core/shm/family.h"
#include "core/shm/segment.h"

namespace regatta {
namespace {

// Closes what this process inherited, but for `keep`, the family's table, which children hand on to what they start, and the memory of
// objects that the owner had: its functions find these in globals.
void CloseInherited(std::vector<int> keep) {
  if (const absl::StatusOr<const Fd*> family = Family::Descriptor(); family.ok()) keep.push_back((*family)->get());
  for (const int fd : Segment::Descriptors()) keep.push_back(fd);
  CloseAllBut(keep);
}

[[noreturn]] void BecomeChild(Fd channel, int32_t owner_pid) noexcept {
  FaultPointHere(fault::kChildBegun);
  Segment::AdoptInherited();
  // Until it is under way it belongs to its creator, daemonic or not.
  if (!DieWithParent(owner_pid)) _exit(1);
  CloseInherited({STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO, channel.get()});
  absl::StatusOr<ReceivedBootOrder> boot = ReceiveBootOrder(channel, owner_pid);
  if (!boot.ok()) EndWithoutBoot(boot.status());
  channel.Reset();
  RunOrderedChild(*std::move(boot));
}

// False: the owner is gone.
bool Reply(const Fd& socket, uint64_t number, const absl::StatusOr<Forked>& child, const Peer& owner) {
  NurseryReply reply{.number = number};
  std::vector<const Fd*> beside;
  std::string text;
  if (child.ok()) {
    reply.pid = child->pid;
    beside.push_back(&child->pidfd);
  } else {
    text = std::string(child.status().message());
    reply.code = static_cast<int32_t>(child.status().code());
    reply.text_bytes = static_cast<uint32_t>(text.size());
  }
  return SendAll(socket, std::as_bytes(std::span(&reply, 1)), beside, owner).ok() &&
         SendAll(socket, std::as_bytes(std::span(text)), {}, owner).ok();
}

// Waits for one request. False: the owner is gone.
bool ServeOne(const Fd& socket, NurseryPage& page, int32_t owner_pid, const Peer& owner) {
  NurseryRequest request;
  std::vector<Fd> beside;
  if (!ReceiveAll(socket, std::as_writable_bytes(std::span(&request, 1)), &beside, owner).ok()) return false;
  if (beside.size() != 1) return false;  // No owner sends that.
  FaultPointHere(fault::kNurseryRequested);
  const absl::StatusOr<Forked> child = CloneSibling(&page.child);
  if (child.ok() && child->pid == 0) BecomeChild(std::move(beside[0]), owner_pid);
  FaultPointHere(fault::kNurseryCloned);
  const bool replied = Reply(socket, request.number, child, owner);
  FaultPointHere(fault::kNurseryReplied);
  return replied;
}

}  // namespace

void ServeAsNursery(Fd socket, Mapping page, Fd lifeline, int32_t owner_pid) noexcept {
  // What others left open here would hide end-of-file from them for as long as the nursery lives. Its stderr stays, for
  // what a sanitizer may have to say.
  CloseInherited({STDERR_FILENO, socket.get(), lifeline.get()});
  if (!FillStandardDescriptors().ok()) _exit(1);
  DependOnCreator(std::move(lifeline));
  // The socket may be held open by a copy of the owner; the owner itself is another question.
  const absl::StatusOr<Fd> owner = OpenPidfd(owner_pid);
  if (!owner.ok() || getppid() != owner_pid) _exit(1);
  auto& shared = *reinterpret_cast<NurseryPage*>(page.data());
  while (ServeOne(socket, shared, owner_pid, {.pidfd = &*owner})) {
  }
  _exit(0);
}

}  // namespace regatta
