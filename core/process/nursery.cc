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
absl::StatusOr<std::shared_ptr<Child>> ForkServer(Fd theirs, const Fd& page_file) {
  const absl::StatusOr<std::unique_ptr<ForkGuard>> guard = ForkGuard::Enter();
  if (!guard.ok()) return guard.status();
  FlushAllStreams();
  const int32_t owner_pid = getpid();
  const Segment::NurseryFork a_copy_that_uses_nothing;
  absl::StatusOr<Forked> forked = ForkWithPidfd();
  if (!forked.ok()) return forked.status();
  if (forked->pid == 0) {
    absl::StatusOr<Mapping> page = Mapping::Map(page_file, sizeof(NurseryPage));
    if (!page.ok()) _exit(1);  // The owner sees the end of the socket.
    ServeAsNursery(std::move(theirs), *std::move(page), owner_pid);
  }
  return std::make_shared<Child>(forked->pid, std::move(forked->pidfd), true);
}

absl::StatusOr<std::shared_ptr<Child>> SpawnServer(const Fd& ours, const Fd& theirs, const Fd& page_file,
                                                   const Fd& family) {
  absl::StatusOr<std::shared_ptr<Child>> server = SpawnChannelChild(theirs, true);
  if (!server.ok()) return server.status();
  BootOrder order;
  order.purpose = BootPurpose::kServe;
  order.creator_pid = getpid();
  BootDescriptors descriptors;
  descriptors.family = &family;
  descriptors.beside_arguments = {&page_file};
  if (absl::Status sent = SendBootOrder(ours, order, {}, descriptors); !sent.ok()) {
    (*server)->Kill().IgnoreError();
    (*server)->Wait().IgnoreError();
    return sent;
  }
  return server;
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
  std::optional<AllSignalsBlocked> inherited_by_the_nursery(std::in_place);
  absl::StatusOr<std::shared_ptr<Child>> server =
      origin == Origin::kFork ? ForkServer(std::move(sockets->second), *page_file)
                              : SpawnServer(sockets->first, sockets->second, *page_file, **family);
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
  // It keeps nothing that could be lost.
  server_->Kill().IgnoreError();
  server_->Wait().IgnoreError();
}

absl::Status Nursery::Lost(absl::Status why) {
  socket_.Reset();
  server_->Kill().IgnoreError();
  const absl::StatusOr<ExitStatus> end = server_->Wait();
  auto& page = *reinterpret_cast<NurseryPage*>(page_.data());
  if (const int32_t child = page.child.exchange(0); child != 0) KillAndReap(child);
  return absl::UnavailableError(absl::StrCat("the nursery (pid ", server_->pid(), ") is gone (",
                                             end.ok() ? end->ToString() : end.status().ToString(), "): ", why.message(),
                                             "; nothing was started"));
}

absl::StatusOr<std::shared_ptr<Child>> Nursery::RequestChild(const Fd& channel, bool daemon) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (!socket_.valid()) return absl::UnavailableError("the nursery is gone; nothing was started");
  auto& page = *reinterpret_cast<NurseryPage*>(page_.data());
  page.child.store(0);
  const NurseryRequest request{.number = ++requests_};
  const Fd* const beside[] = {&channel};
  absl::Status done = SendAll(socket_, std::as_bytes(std::span(&request, 1)), beside);
  if (!done.ok()) return Lost(std::move(done));
  FaultPointHere(fault::kProcessRequested);
  NurseryReply reply;
  std::vector<Fd> pidfd;
  done = ReceiveAll(socket_, std::as_writable_bytes(std::span(&reply, 1)), &pidfd);
  if (absl::IsResourceExhausted(done)) {  // Of descriptors, here: the answer itself has come.
    page.child.store(0);
    KillAndReap(reply.pid);
    return done;
  }
  if (!done.ok()) return Lost(std::move(done));
  if (reply.number != requests_) return Lost(absl::DataLossError("it answered another request"));
  FaultPointHere(fault::kProcessReplied);
  if (reply.pid == 0) {
    std::string text(reply.text_bytes, '\0');
    done = ReceiveAll(socket_, std::as_writable_bytes(std::span(text)));
    if (!done.ok()) return Lost(std::move(done));
    return absl::Status(static_cast<absl::StatusCode>(reply.code), text);
  }
  if (pidfd.size() != 1) return Lost(absl::DataLossError("it answered without a descriptor"));
  page.child.store(0);
  return std::make_shared<Child>(reply.pid, std::move(pidfd[0]), daemon);
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

  FlushStandardStreams();
  absl::StatusOr<std::shared_ptr<Child>> child = RequestChild(channel->second, spec.daemon);
  if (!child.ok()) return child.status();
  channel->second.Reset();
  absl::Status booted = BootChannelChild(**child, channel->first, spec, blocked_signals_, std::move(descriptors));
  if (!booted.ok()) return booted;
  RuntimeState::Get().AddChild(*child);
  return child;
}

}  // namespace regatta
