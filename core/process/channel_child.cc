#include "core/process/channel_child.h"

#include <unistd.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
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

// Nobody has heard of the child yet: it never was.
absl::Status Undo(Child& child, absl::Status why) {
  child.Kill().IgnoreError();
  child.Wait().IgnoreError();
  return why;
}

}  // namespace

absl::StatusOr<std::shared_ptr<Child>> SpawnChannelChild(const Fd& channel, bool daemon) {
  const std::vector<std::string> arguments = {RuntimeState::Get().program(), absl::StrCat(kChildArgument, getpid())};
  const absl::StatusOr<int32_t> pid = SpawnThisProgram(arguments, channel);
  if (!pid.ok()) return pid.status();
  FaultPointHere(fault::kProcessSpawned);
  absl::StatusOr<Fd> pidfd = OpenNewChild(*pid);
  if (!pidfd.ok()) return pidfd.status();
  return std::make_shared<Child>(*pid, *std::move(pidfd), daemon);
}

absl::Status BootChannelChild(Child& child, const Fd& channel, const ChildSpec& spec, SignalSet blocked_signals,
                              BootDescriptors descriptors) {
  if (!spec.cpus.empty()) {
    if (absl::Status pinned = PinProcess(child.pid(), spec.cpus); !pinned.ok()) return Undo(child, std::move(pinned));
  }
  const BootOrder order{.purpose = BootPurpose::kCall,
                        .daemon = spec.daemon,
                        .creator_pid = getpid(),
                        .name = spec.identity.name,
                        .number = spec.identity.number,
                        .function = spec.function,
                        .blocked_signals = blocked_signals};
  descriptors.beside_arguments = spec.descriptors;
  absl::Status sent = SendBootOrder(channel, order, spec.arguments, descriptors);
  // A child that has died takes no orders; that is its status, not an error of ours.
  if (!sent.ok() && !absl::IsOutOfRange(sent)) return Undo(child, std::move(sent));
  return absl::OkStatus();
}

absl::StatusOr<std::shared_ptr<Child>> StartFresh(const ChildSpec& spec) {
  if (absl::Status may = RuntimeState::Get().CheckMayStart(); !may.ok()) return may;
  const absl::StatusOr<const Fd*> family = Family::Descriptor();
  if (!family.ok()) return family.status();
  absl::StatusOr<LocalSocketPair> channel = MakeLocalSocketPair();
  if (!channel.ok()) return channel.status();
  FlushStandardStreams();
  absl::StatusOr<std::shared_ptr<Child>> child = SpawnChannelChild(channel->second, spec.daemon);
  if (!child.ok()) return child.status();
  channel->second.Reset();
  BootDescriptors descriptors;
  descriptors.family = *family;
  absl::Status booted =
      BootChannelChild(**child, channel->first, spec, RuntimeState::Get().blocked_signals(), std::move(descriptors));
  if (!booted.ok()) return booted;
  RuntimeState::Get().AddChild(*child);
  return child;
}

}  // namespace regatta
