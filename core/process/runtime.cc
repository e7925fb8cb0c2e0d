#include "core/process/runtime.h"

#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <string>
#include <utility>

#include "absl/strings/numbers.h"
#include "absl/strings/string_view.h"
#include "absl/strings/strip.h"
#include "core/os/local_socket.h"
#include "core/os/program.h"
#include "core/os/signal_mask.h"
#include "core/process/boot.h"
#include "core/process/channel_child.h"
#include "core/process/child_main.h"
#include "core/process/fault_points.h"
#include "core/process/nursery_server.h"
#include "core/process/runtime_state.h"
#include "core/shm/family.h"

namespace regatta {
namespace {

[[noreturn]] void RefuseToBeChild(const char* why) {
  fprintf(stderr, "%s is how regatta starts its own child processes, and not for other use: %s\n", kChildArgument, why);
  exit(2);
}

[[noreturn]] void EndUnready(const absl::Status& why) {
  ReportFailure(why);
  _exit(1);
}

// Called in a process that its creator made by running this program afresh.
[[noreturn]] void RunSpawned(int32_t creator_pid) {
  FaultPointHere(fault::kChildBegun);
  const AllSignalsBlocked until_under_way;
  Fd channel(kSpawnedChannel);
  if (!IsLocalSocket(channel)) RefuseToBeChild("descriptor 3 is not the channel to a creator");
  // Until it has its order it ends with its creator, whether it is daemonic or not.
  if (!DieWithParent(creator_pid)) _exit(1);
  absl::StatusOr<ReceivedBootOrder> boot = ReceiveBootOrder(channel, creator_pid);
  if (!boot.ok()) EndWithoutBoot(boot.status());
  if (const absl::Status joined = Family::Join(std::move(boot->family)); !joined.ok()) EndUnready(joined);
  if (boot->order.purpose == BootPurpose::kServe) {
    absl::StatusOr<NurseryPost> post = TakePost(std::move(channel), *std::move(boot));
    if (!post.ok()) EndUnready(post.status());
    ServeAsNursery(*std::move(post), creator_pid);
  }
  channel.Reset();
  RunOrderedChild(*std::move(boot));
}

}  // namespace

void Init(int* argc, char*** argv) {
  if (RuntimeState::Get().initialized()) return;
  // Do this before anything is opened. A file could otherwise get the number of stdout or stderr.
  if (absl::Status filled = FillStandardDescriptors(); !filled.ok()) {
    fprintf(stderr, "Descriptors 0 to 2 are not all open, and can't be opened: %s\n", filled.ToString().c_str());
  }
  RuntimeState::Get().Initialize(*argc > 0 ? (*argv)[0] : "");
  if (*argc != 2) return;
  absl::string_view argument = (*argv)[1];
  if (!absl::ConsumePrefix(&argument, kChildArgument)) return;
  if (HasMoreRightsThanItsUser()) {
    RefuseToBeChild(
        "this program has rights that its user lacks (set-user-ID, set-group-ID or file capabilities), and takes no "
        "orders "
        "from whoever runs it");
  }
  int32_t creator_pid = 0;
  if (!absl::SimpleAtoi(argument, &creator_pid)) RefuseToBeChild("it names no process");
  RunSpawned(creator_pid);
}

}  // namespace regatta
