#include "core/process/nursery.h"

#include <unistd.h>

#include <optional>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/os/fork.h"
#include "core/os/local_socket.h"
#include "core/os/pidfd.h"
#include "core/os/program.h"
#include "core/os/signal_mask.h"
#include "core/process/boot.h"
#include "core/process/channel_child.h"
#include "core/process/child_main.h"
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

// Copies this process into a nursery that serves over `theirs`.
absl::StatusOr<std::shared_ptr<Child>> ForkServer(Fd theirs, const Fd& page_file, Lifeline lifeline, Fd dependent_end) {
  const absl::StatusOr<std::unique_ptr<ForkGuard>> guard = ForkGuard::Enter();
  if (!guard.ok()) return guard.status();
  FlushAllStreamsToFork();
  const int32_t owner_pid = getpid();
  const Segment::NurseryFork a_copy_that_uses_nothing;
  absl::StatusOr<Forked> forked = ForkWithPidfd();
  if (!forked.ok()) return forked.status();
  if (forked->pid == 0) {
    absl::StatusOr<Mapping> page = Mapping::Map(page_file, sizeof(NurseryPage));
    if (!page.ok()) _exit(1);  // The owner sees the end of the socket.
    ServeAsNursery(std::move(theirs), *std::move(page), std::move(dependent_end), owner_pid);
  }
  return std::make_shared<Child>(forked->pid, std::move(forked->pidfd), std::move(lifeline));
}

// `ours` is closed on error.
absl::StatusOr<std::shared_ptr<Child>> SpawnServer(Fd* ours, const Fd& theirs, const Fd& page_file, const Fd& family,
                                                   Lifeline lifeline, Fd dependent_end) {
  absl::StatusOr<std::shared_ptr<Child>> server = SpawnChannelChild(theirs, std::move(lifeline));
  if (!server.ok()) return server.status();
  BootOrder order;
  order.purpose = BootPurpose::kServe;
  order.creator_pid = getpid();
  BootDescriptors descriptors;
  descriptors.family = &family;
  descriptors.lifeline = std::move(dependent_end);
  descriptors.beside_arguments = {&page_file};
  Transfer sent = SendBootOrder(*ours, order, {}, descriptors,
                                {.pidfd = &(*server)->sentinel(), .deadline = Deadline::After(Nursery::kTimeToAnswer)});
  // One that has died already is found out by the first Start.
  if (sent.ok() || sent.end == TransferEnd::kPeerGone) return server;
  return UndoChannelChild(**server, std::move(*ours), std::move(sent.status));
}

}  // namespace

absl::StatusOr<std::unique_ptr<Nursery>> Nursery::Create(Origin origin) {
  if (absl::Status may = RuntimeState::Get().CheckMayStart(); !may.ok()) return may;
  // Before the copy, so that the nursery's children belong to the same one.
  const absl::StatusOr<const Fd*> family = Family::Descriptor();
  if (!family.ok()) return family.status();
  const absl::StatusOr<Fd> page_file = CreateMemfd("regatta nursery");
  if (!page_file.ok()) return page_file.status();
  if (absl::Status grown = GrowMemfd(*page_file, 0, sizeof(NurseryPage)); !grown.ok()) return grown;
  absl::StatusOr<Mapping> page = Mapping::Map(*page_file, sizeof(NurseryPage));
  if (!page.ok()) return page.status();
  absl::StatusOr<LocalSocketPair> sockets = MakeLocalSocketPair();
  if (!sockets.ok()) return sockets.status();

  const SignalSet blocked = origin == Origin::kFork ? BlockedSignals() : RuntimeState::Get().blocked_signals();
  // A terminal's ^C is for those who handle it, and reaches the nursery from its first instruction on.
  Fd dependent_end;
  absl::StatusOr<Lifeline> lifeline = Lifeline::Create(&dependent_end);
  if (!lifeline.ok()) return lifeline.status();
  std::optional<AllSignalsBlocked> inherited_by_the_nursery(std::in_place);
  absl::StatusOr<std::shared_ptr<Child>> server =
      origin == Origin::kFork
          ? ForkServer(std::move(sockets->second), *page_file, *std::move(lifeline), std::move(dependent_end))
          : SpawnServer(&sockets->first, sockets->second, *page_file, **family, *std::move(lifeline),
                        std::move(dependent_end));
  inherited_by_the_nursery.reset();
  if (!server.ok()) return server.status();
  std::unique_ptr<Nursery> nursery(new Nursery);
  nursery->owner_pid_ = getpid();
  nursery->blocked_signals_ = blocked;
  nursery->socket_ = std::move(sockets->first);
  nursery->page_ = *std::move(page);
  nursery->server_ = *std::move(server);
  RuntimeState::Get().CloseInForkedChildren(&nursery->socket_);
  return nursery;
}

Nursery::~Nursery() {
  if (getpid() != owner_pid_) return;
  RuntimeState::Get().ForgetToClose(&socket_);
  socket_.Reset();
  // It keeps nothing that could be lost. One that can't be killed ends by itself, for its socket and its lifeline are closed.
  server_->End().IgnoreError();
  RuntimeState::Get().ForgetEndedChildren();  // A pool's workers: no later start may come that would.
}

absl::Status Nursery::Lost(const absl::Status& why) {
  lost_.store(true, std::memory_order_release);
  socket_.Reset();
  const absl::StatusOr<ExitStatus> end = server_->End();
  auto& page = *reinterpret_cast<NurseryPage*>(page_.data());
  if (const int32_t child = page.child.exchange(0); child != 0) KillAndReap(child);
  return absl::AbortedError(absl::StrCat("the nursery (pid ", server_->pid(), ") is lost (",
                                         end.ok() ? end->ToString() : end.status().ToString(), "): ", why.message(),
                                         "; nothing was started"));
}

absl::StatusOr<std::shared_ptr<Child>> Nursery::RequestChild(const Fd& channel, Lifeline lifeline) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (lost()) return absl::AbortedError("the nursery is lost; nothing was started");
  auto& page = *reinterpret_cast<NurseryPage*>(page_.data());
  page.child.store(0);
  const NurseryRequest request{.number = ++requests_};
  const Fd* const beside[] = {&channel};
  const Peer server{.pidfd = &server_->sentinel(), .deadline = Deadline::After(kTimeToAnswer)};
  Transfer done = SendAll(socket_, std::as_bytes(std::span(&request, 1)), beside, server);
  if (!done.ok()) return Lost(done.status);
  FaultPointHere(fault::kProcessRequested);
  NurseryReply reply;
  std::vector<Fd> pidfd;
  done = ReceiveAll(socket_, std::as_writable_bytes(std::span(&reply, 1)), &pidfd, server);
  if (done.end == TransferEnd::kNoDescriptors) {  // The answer itself has come.
    page.child.store(0);
    KillAndReap(reply.pid);
    return done.status;
  }
  if (!done.ok()) return Lost(done.status);
  if (reply.number != requests_) return Lost(absl::DataLossError("it answered another request"));
  FaultPointHere(fault::kProcessReplied);
  if (reply.pid == 0) {
    std::string text(reply.text_bytes, '\0');
    done = ReceiveAll(socket_, std::as_writable_bytes(std::span(text)), nullptr, server);
    if (!done.ok()) return Lost(done.status);
    return absl::Status(static_cast<absl::StatusCode>(reply.code), text);
  }
  if (pidfd.size() != 1) return Lost(absl::DataLossError("it answered without a descriptor"));
  page.child.store(0);
  return std::make_shared<Child>(reply.pid, std::move(pidfd[0]), std::move(lifeline));
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
  absl::StatusOr<std::shared_ptr<Child>> child = RequestChild(channel->second, *std::move(lifeline));
  if (!child.ok()) return child.status();
  channel->second.Reset();
  absl::Status booted =
      BootChannelChild(**child, std::move(channel->first), spec, blocked_signals_, std::move(descriptors));
  if (!booted.ok()) return booted;
  RuntimeState::Get().AddChild(*child);
  return child;
}

}  // namespace regatta
