#include "core/process/nursery.h"

#include <unistd.h>

#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/os/lifeline.h"
#include "core/os/local_socket.h"
#include "core/os/pidfd.h"
#include "core/os/program.h"
#include "core/process/boot.h"
#include "core/process/channel_child.h"
#include "core/process/fault_points.h"
#include "core/process/helper_thread.h"
#include "core/process/nursery_format.h"
#include "core/process/nursery_server.h"
#include "core/process/runtime_state.h"
#include "core/process/standard_streams.h"
#include "core/shm/family.h"
#include "core/shm/segment.h"

namespace regatta {
namespace {

constexpr size_t kServersOfFork = 2;
constexpr int kTries = 5;  // The number of servers in a row that may be killed at once.

NurseryPage& PageOf(const Mapping& page) { return *reinterpret_cast<NurseryPage*>(page.data()); }

// Copies this process into a nursery that serves over the second of `sockets`.
absl::StatusOr<Forked> ForkServer(LocalSocketPair& sockets, Fd& page_file, Fd& dependent_end) {
  const absl::StatusOr<std::unique_ptr<ForkGuard>> guard = ForkGuard::Enter();
  if (!guard.ok()) return guard.status();
  FlushAllStreamsToFork();
  const int32_t owner_pid = getpid();
  const Segment::NurseryFork a_copy_that_uses_nothing;
  absl::StatusOr<Forked> forked = ForkWithPidfd();
  if (!forked.ok() || forked->pid != 0) return forked;
  absl::StatusOr<Mapping> page = Mapping::Map(page_file, sizeof(NurseryPage));
  if (!page.ok()) _exit(1);  // The owner sees the end of file of the socket.
  sockets.first.Reset();
  page_file.Reset();
  ServeAsNursery({std::move(sockets.second), *std::move(page), std::move(dependent_end)}, owner_pid);
}

}  // namespace

Nursery::Nursery(Origin origin)
    : origin_(origin),
      owner_pid_(getpid()),
      blocked_signals_(origin == Origin::kFork ? BlockedSignals() : RuntimeState::Get().blocked_signals()) {
  fork_handler_ = RuntimeState::Get().AddForkHandler([this] {
    // In a child of a user's own fork(), another thread may have been changing the servers.
    if (!mutex_.TryLock()) return;
    for (const auto& server : servers_) {
      server->socket.Reset();
      server->process->CloseInForkedChild();
    }
    mutex_.Unlock();
  });
}

absl::StatusOr<std::unique_ptr<Nursery>> Nursery::Create(Origin origin) {
  if (absl::Status may = RuntimeState::Get().CheckMayStart(); !may.ok()) return may;
  // Make the family before the copy, so that the nursery's children belong to it.
  if (const absl::StatusOr<const Fd*> family = Family::Descriptor(); !family.ok()) return family.status();
  std::unique_ptr<Nursery> nursery(new Nursery(origin));
  const MutexLock lock(nursery->mutex_);
  absl::Status healed;
  for (int i = 0; i < kTries; ++i) {
    absl::StatusOr<std::unique_ptr<Server>> server =
        nursery->MakeServer(origin == Origin::kFork ? Way::kCopyOwner : Way::kAfresh);
    if (!server.ok()) return server.status();
    nursery->servers_.push_back(*std::move(server));
    healed = nursery->HealLocked();
    // The next Heal may find the resources that the standby lacked.
    if (!nursery->servers_.empty()) return nursery;
  }
  if (!healed.ok()) return healed;
  return absl::AbortedError(
      absl::StrCat("the nursery's process ended as often as it was made, the last time: ", nursery->last_loss_));
}

Nursery::~Nursery() {
  if (getpid() != owner_pid_) return;
  RuntimeState::Get().RemoveForkHandler(fork_handler_);
  const MutexLock lock(mutex_);
  for (const auto& server : servers_) server->socket.Reset();
  // A server holds nothing that could be lost. A server that can't be killed ends by itself, because its socket and its
  // lifeline are closed.
  for (const auto& server : servers_) server->process->End().IgnoreError();
  servers_.clear();
  // For the workers of a pool. Perhaps no later start follows that would reap them.
  RuntimeState::Get().ForgetEndedChildren();
}

absl::StatusOr<std::unique_ptr<Nursery::Server>> Nursery::MakeServer(Way way) {
  absl::StatusOr<Fd> page_file = CreateMemfd("regatta nursery");
  if (!page_file.ok()) return page_file.status();
  if (absl::Status grown = GrowMemfd(*page_file, 0, sizeof(NurseryPage)); !grown.ok()) return grown;
  absl::StatusOr<Mapping> page = Mapping::Map(*page_file, sizeof(NurseryPage));
  if (!page.ok()) return page.status();
  absl::StatusOr<LocalSocketPair> sockets = MakeLocalSocketPair();
  if (!sockets.ok()) return sockets.status();
  BootDescriptors descriptors;
  absl::StatusOr<Lifeline> lifeline = Lifeline::Create(&descriptors.lifeline);
  if (!lifeline.ok()) return lifeline.status();
  auto server = std::make_unique<Server>();
  server->page = *std::move(page);

  absl::StatusOr<Forked> made;
  {
    // The nursery must not die of a terminal's ^C, which could reach it from its first instruction on.
    const AllSignalsBlocked inherited_by_the_nursery;
    if (way == Way::kCopyOwner) {
      made = ForkServer(*sockets, *page_file, descriptors.lifeline);
    } else {
      made = way == Way::kCopyServer ? MakeSibling(sockets->second) : SpawnChannelChild(sockets->second);
    }
  }
  if (!made.ok()) return made.status();
  server->process = std::make_shared<Child>(made->pid, std::move(made->pidfd), *std::move(lifeline));
  server->socket = std::move(sockets->first);
  sockets->second.Reset();
  if (way == Way::kCopyOwner) return server;

  const Peer peer{.pidfd = &server->process->sentinel(), .deadline = Deadline::After(kTimeToAnswer)};
  BootOrder order;
  order.purpose = BootPurpose::kServe;
  order.creator_pid = owner_pid_;
  if (way == Way::kAfresh) {
    const absl::StatusOr<const Fd*> family = Family::Descriptor();
    if (!family.ok()) return UndoChannelChild(*server->process, std::move(server->socket), family.status());
    descriptors.family = *family;
  }
  descriptors.beside_arguments = {&*page_file};
  Transfer done = SendBootOrder(server->socket, order, {}, descriptors, peer);
  // The first request notices a server that has died already.
  if (way == Way::kAfresh && (done.ok() || done.end == TransferEnd::kPeerGone)) return server;
  // A standby gets no request for a long time. So make sure now that it serves.
  NurseryReply greeting;
  if (done.ok()) done = ReceiveAll(server->socket, std::as_writable_bytes(std::span(&greeting, 1)), nullptr, peer);
  if (done.ok()) return server;
  return UndoChannelChild(*server->process, std::move(server->socket), std::move(done.status));
}

int32_t Nursery::Bury(size_t index, const absl::Status& why) {
  const std::unique_ptr<Server> server = std::move(servers_[index]);
  servers_.erase(servers_.begin() + static_cast<ptrdiff_t>(index));
  server->socket.Reset();
  const absl::StatusOr<ExitStatus> end = server->process->End();
  last_loss_ = absl::StrCat("process ", server->process->pid(), " (",
                            end.ok() ? end->ToString() : end.status().ToString(), "): ", why.message());
  return PageOf(server->page).child.exchange(0);
}

absl::Status Nursery::HaveServer() {
  if (!servers_.empty()) return absl::OkStatus();
  if (origin_ == Origin::kFork) {
    return absl::AbortedError(
        absl::StrCat("the nursery is lost, for both of its processes were killed at once, the last: ", last_loss_,
                     "; nothing was started"));
  }
  absl::StatusOr<std::unique_ptr<Server>> server = MakeServer(Way::kAfresh);
  if (!server.ok()) return server.status();
  servers_.push_back(*std::move(server));
  return absl::OkStatus();
}

absl::Status Nursery::Heal() {
  const MutexLock lock(mutex_);
  return HealLocked();
}

absl::Status Nursery::HealLocked() {
  for (size_t i = servers_.size(); i-- > 0;) {
    if (servers_[i]->process->status().has_value()) Bury(i, absl::AbortedError("it has ended"));
  }
  if (origin_ == Origin::kExec) return absl::OkStatus();
  while (servers_.size() < kServersOfFork) {
    if (absl::Status there = HaveServer(); !there.ok()) return there;
    absl::StatusOr<std::unique_ptr<Server>> standby = MakeServer(Way::kCopyServer);
    if (!standby.ok()) return standby.status();
    servers_.push_back(*std::move(standby));
  }
  return absl::OkStatus();
}

bool Nursery::whole() const {
  const MutexLock lock(mutex_);
  return origin_ == Origin::kExec || servers_.empty() || servers_.size() == kServersOfFork;
}

std::vector<std::shared_ptr<Child>> Nursery::servers() const {
  const MutexLock lock(mutex_);
  std::vector<std::shared_ptr<Child>> processes;
  for (const auto& server : servers_) processes.push_back(server->process);
  return processes;
}

std::optional<absl::StatusOr<Forked>> Nursery::Ask(const Fd& channel) {
  Server& server = *servers_.front();
  PageOf(server.page).child.store(0);
  const NurseryRequest request{.number = ++server.requests};
  const Fd* const beside[] = {&channel};
  const Peer peer{.pidfd = &server.process->sentinel(), .deadline = Deadline::After(kTimeToAnswer)};
  const auto lost = [&](const absl::Status& why) -> std::optional<absl::StatusOr<Forked>> {
    mutex_.AssertHeld();
    const int32_t made = Bury(0, why);
    if (made == 0) return std::nullopt;
    // The sibling waits for its order, like one that was in a reply.
    absl::StatusOr<Fd> pidfd = OpenNewChild(made);
    if (!pidfd.ok()) return pidfd.status();
    return Forked{made, *std::move(pidfd)};
  };
  Transfer done = SendAll(server.socket, std::as_bytes(std::span(&request, 1)), beside, peer);
  if (done.end == TransferEnd::kFailed) return done.status;  // Nothing was sent.
  if (!done.ok()) return lost(done.status);
  FaultPointHere(fault::kProcessRequested);
  NurseryReply reply;
  std::vector<Fd> pidfd;
  do {
    done = ReceiveAll(server.socket, std::as_writable_bytes(std::span(&reply, 1)), &pidfd, peer);
  } while (done.ok() && reply.number == 0);       // Skip the greeting.
  if (done.end == TransferEnd::kNoDescriptors) {  // The answer itself has arrived.
    PageOf(server.page).child.store(0);
    KillAndReap(reply.pid);
    return done.status;
  }
  if (!done.ok()) return lost(done.status);
  if (reply.number != request.number) return lost(absl::DataLossError("it answered another request"));
  FaultPointHere(fault::kProcessReplied);
  if (reply.pid == 0) {
    std::string text(reply.text_bytes, '\0');
    done = ReceiveAll(server.socket, std::as_writable_bytes(std::span(text)), nullptr, peer);
    if (!done.ok()) return lost(done.status);
    return absl::Status(static_cast<absl::StatusCode>(reply.code), text);
  }
  if (pidfd.size() != 1) return lost(absl::DataLossError("it answered without a descriptor"));
  PageOf(server.page).child.store(0);
  return Forked{reply.pid, std::move(pidfd[0])};
}

absl::StatusOr<Forked> Nursery::MakeSibling(const Fd& channel) {
  for (int i = 0; i < kTries; ++i) {
    if (absl::Status there = HaveServer(); !there.ok()) return there;
    if (std::optional<absl::StatusOr<Forked>> sibling = Ask(channel)) return *std::move(sibling);
  }
  return absl::AbortedError(
      absl::StrCat("the nursery is killed again and again, the last time: ", last_loss_, "; nothing was started"));
}

absl::StatusOr<std::shared_ptr<Child>> Nursery::Start(const ChildSpec& spec) {
  if (getpid() != owner_pid_) {
    return absl::FailedPreconditionError(
        absl::StrCat("a nursery of process ", owner_pid_, " makes children for that process only"));
  }
  if (absl::Status may = RuntimeState::Get().CheckMayStart(); !may.ok()) return may;
  BootDescriptors descriptors;
  absl::StatusOr<std::vector<Fd>> standard = CopyStandardDescriptors();
  if (!standard.ok()) return standard.status();
  descriptors.standard = *std::move(standard);
  absl::StatusOr<Fd> directory = OpenWorkingDirectory();
  if (!directory.ok()) return directory.status();
  descriptors.directory = *std::move(directory);
  absl::StatusOr<LocalSocketPair> channel = MakeLocalSocketPair();
  if (!channel.ok()) return channel.status();

  absl::StatusOr<Lifeline> lifeline = MakeLifelineFor(spec, &descriptors);
  if (!lifeline.ok()) return lifeline.status();
  FlushStandardStreams();
  absl::StatusOr<Forked> made;
  {
    const MutexLock lock(mutex_);
    made = MakeSibling(channel->second);
  }
  if (!made.ok()) return made.status();
  auto child = std::make_shared<Child>(made->pid, std::move(made->pidfd), *std::move(lifeline));
  channel->second.Reset();
  absl::Status booted =
      BootChannelChild(*child, std::move(channel->first), spec, blocked_signals_, std::move(descriptors));
  if (!booted.ok()) return booted;
  RuntimeState::Get().AddChild(child);
  return child;
}

}  // namespace regatta
