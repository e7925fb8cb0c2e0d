#include "core/process/channel_child.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/time.h"
#include "core/os/deadline.h"
#include "core/os/local_socket.h"
#include "core/os/pidfd.h"
#include "core/os/program.h"
#include "core/process/fault_points.h"
#include "core/process/runtime_state.h"
#include "core/process/standard_streams.h"
#include "core/shm/family.h"
#include "core/topology/affinity.h"

namespace regatta {
namespace {

// A child that needs longer to take an order is stopped or broken.
constexpr absl::Duration kTimeToBoot = absl::Seconds(30);

}  // namespace

absl::Status UndoChannelChild(Child& child, Fd channel, absl::Status why) {
  channel.Reset();  // The child then ends by itself, even if it can't be killed.
  const absl::StatusOr<ExitStatus> ended = child.End();
  if (ended.ok()) return why;
  return absl::Status(why.code(), absl::StrCat(why.message(), "; and ", ended.status().message()));
}

absl::StatusOr<Forked> SpawnChannelChild(const Fd& channel) {
  const std::vector<std::string> arguments = {RuntimeState::Get().program(), absl::StrCat(kChildArgument, getpid())};
  const absl::StatusOr<int32_t> pid = SpawnThisProgram(arguments, channel);
  if (!pid.ok()) return pid.status();
  FaultPointHere(fault::kProcessSpawned);
  absl::StatusOr<Fd> pidfd = OpenNewChild(*pid);
  if (!pidfd.ok()) return pidfd.status();
  return Forked{*pid, *std::move(pidfd)};
}

absl::Status BootChannelChild(Child& child, Fd channel, const ChildSpec& spec, SignalSet blocked_signals,
                              BootDescriptors descriptors) {
  if (!spec.cpus.empty()) {
    if (absl::Status pinned = PinProcess(child.pid(), spec.cpus); !pinned.ok()) {
      return UndoChannelChild(child, std::move(channel), std::move(pinned));
    }
  }
  const BootOrder order{.purpose = BootPurpose::kCall,
                        .daemon = spec.daemon,
                        .creator_pid = getpid(),
                        .name = spec.identity.name,
                        .number = spec.identity.number,
                        .function = spec.function,
                        .blocked_signals = blocked_signals};
  descriptors.beside_arguments = spec.descriptors;
  Transfer sent = SendBootOrder(channel, order, spec.arguments, descriptors,
                                {.pidfd = &child.sentinel(), .deadline = Deadline::After(kTimeToBoot)});
  switch (sent.end) {
    case TransferEnd::kDone:
    case TransferEnd::kPeerGone:  // A child that has died takes no orders; that is its status, not an error of ours.
      return absl::OkStatus();
    case TransferEnd::kLate:
      sent.status = absl::AbortedError(absl::StrCat("the new process ", child.pid(), " didn't take its order within ",
                                                    absl::FormatDuration(kTimeToBoot), " and was killed"));
      break;
    case TransferEnd::kNoDescriptors:
    case TransferEnd::kFailed:
      break;
  }
  return UndoChannelChild(child, std::move(channel), std::move(sent.status));
}

absl::StatusOr<Lifeline> MakeLifelineFor(const ChildSpec& spec, BootDescriptors* descriptors) {
  if (!spec.daemon) return Lifeline();
  return Lifeline::Create(&descriptors->lifeline);
}

absl::StatusOr<std::shared_ptr<Child>> StartFresh(const ChildSpec& spec) {
  if (absl::Status may = RuntimeState::Get().CheckMayStart(); !may.ok()) return may;
  const absl::StatusOr<const Fd*> family = Family::Descriptor();
  if (!family.ok()) return family.status();
  absl::StatusOr<LocalSocketPair> channel = MakeLocalSocketPair();
  if (!channel.ok()) return channel.status();
  BootDescriptors descriptors;
  descriptors.family = *family;
  absl::StatusOr<Lifeline> lifeline = MakeLifelineFor(spec, &descriptors);
  if (!lifeline.ok()) return lifeline.status();
  FlushStandardStreams();
  absl::StatusOr<Forked> made = SpawnChannelChild(channel->second);
  if (!made.ok()) return made.status();
  auto child = std::make_shared<Child>(made->pid, std::move(made->pidfd), *std::move(lifeline));
  channel->second.Reset();
  absl::Status booted = BootChannelChild(*child, std::move(channel->first), spec, RuntimeState::Get().blocked_signals(),
                                         std::move(descriptors));
  if (!booted.ok()) return booted;
  RuntimeState::Get().AddChild(child);
  return child;
}

}  // namespace regatta
