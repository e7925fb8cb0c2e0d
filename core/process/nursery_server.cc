#include "core/process/nursery_server.h"

#include <unistd.h>

#include <optional>
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
#include "core/shm/segment.h"

namespace regatta {
namespace {

// Called in a sibling that was just made. Returns the post if the sibling must serve. Otherwise runs the child and does
// not return.
NurseryPost BecomeSibling(Fd channel, int32_t owner_pid) {
  FaultPointHere(fault::kChildBegun);
  Segment::AdoptInherited();
  // Until it has its order it ends with its creator, whether it is daemonic or not.
  if (!DieWithParent(owner_pid)) _exit(1);
  absl::StatusOr<ReceivedBootOrder> boot = ReceiveBootOrder(channel, owner_pid);
  if (!boot.ok()) EndWithoutBoot(boot.status());
  if (boot->order.purpose == BootPurpose::kServe) {
    absl::StatusOr<NurseryPost> post = TakePost(std::move(channel), *std::move(boot));
    if (!post.ok()) EndWithoutBoot(post.status());
    return *std::move(post);
  }
  channel.Reset();
  RunOrderedChild(*std::move(boot));
}

// Returns false if the owner is gone.
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

// Makes siblings. Returns in each of them, with its channel.
Fd Serve(const NurseryPost& post, const Peer& owner) {
  auto& page = *reinterpret_cast<NurseryPage*>(post.page.data());
  for (;;) {
    NurseryRequest request;
    std::vector<Fd> beside;
    const Transfer asked = ReceiveAll(post.socket, std::as_writable_bytes(std::span(&request, 1)), &beside, owner);
    if (!asked.ok() || beside.size() != 1) _exit(0);  // The owner is gone: no owner sends anything else.
    FaultPointHere(fault::kNurseryRequested);
    const absl::StatusOr<Forked> sibling = CloneSibling(&page.child);
    if (sibling.ok() && sibling->pid == 0) return std::move(beside[0]);
    FaultPointHere(fault::kNurseryCloned);
    if (!Reply(post.socket, request.number, sibling, owner)) _exit(0);
    FaultPointHere(fault::kNurseryReplied);
  }
}

}  // namespace

absl::StatusOr<NurseryPost> TakePost(Fd channel, ReceivedBootOrder boot) {
  const std::optional<Fd> file = boot.beside_arguments.Take(0);
  if (!file.has_value()) return absl::DataLossError("no page came with the order to be a nursery");
  absl::StatusOr<Mapping> page = Mapping::Map(*file, sizeof(NurseryPage));
  if (!page.ok()) return page.status();
  return NurseryPost{std::move(channel), *std::move(page), std::move(boot.lifeline)};
}

void ServeAsNursery(NurseryPost post, int32_t owner_pid) noexcept {
  for (;;) {
    // These would hide an end of file as long as the nursery lives. Its children get the owner's. stderr stays open for
    // the reports of a sanitizer.
    close(STDIN_FILENO);
    close(STDOUT_FILENO);
    if (!FillStandardDescriptors().ok()) _exit(1);
    DependOnCreator(std::move(post.lifeline));
    // A copy of the owner may hold the socket open. So the owner itself is watched, too.
    absl::StatusOr<Fd> owner = OpenPidfd(owner_pid);
    if (!owner.ok() || getppid() != owner_pid) _exit(1);
    const Peer peer{.pidfd = &*owner};
    const NurseryReply greeting;
    if (!SendAll(post.socket, std::as_bytes(std::span(&greeting, 1)), {}, peer).ok()) _exit(0);
    Fd channel = Serve(post, peer);
    // From here on this process is a sibling.
    post.socket.Reset();
    owner->Reset();
    post = BecomeSibling(std::move(channel), owner_pid);
  }
}

}  // namespace regatta
