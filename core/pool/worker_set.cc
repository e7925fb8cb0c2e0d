#include "core/pool/worker_set.h"

#include <algorithm>
#include <span>
#include <utility>

#include "absl/strings/str_cat.h"
#include "core/codec/codec.h"
#include "core/os/error.h"
#include "core/os/event_fd.h"
#include "core/os/local_socket.h"
#include "core/os/peer_wait.h"
#include "core/os/poll.h"
#include "core/pool/worker.h"
#include "core/process/call.h"
#include "core/process/runtime_state.h"
#include "core/process/this_process.h"

namespace regatta {
namespace {

constexpr uint32_t kStartupFailures = 5;  // In a row: then it isn't bad luck.
constexpr absl::Duration kStartAgain = absl::Milliseconds(100);
constexpr absl::Duration kTidyAfter = absl::Seconds(1);
constexpr absl::Duration kGrace = absl::Seconds(1);  // Between SIGTERM and SIGKILL.
// For a question: a worker sends it at once. And for its answer: the worker waits for it.
constexpr absl::Duration kAnswerTime = absl::Seconds(1);

using WorkerCall = Call<decltype(&RunWorker)>;

}  // namespace

absl::StatusOr<std::unique_ptr<WorkerSet>> WorkerSet::Create(const PoolOptions& options, uint32_t count,
                                                             std::shared_ptr<Board> board, TaskTable* tasks) {
  absl::StatusOr<Fd> control = CreateEventFd();
  if (!control.ok()) return control.status();
  absl::StatusOr<std::unique_ptr<Nursery>> nursery =
      Nursery::Create(options.method == StartMethod::kFork ? Nursery::Origin::kFork : Nursery::Origin::kExec);
  if (!nursery.ok()) return nursery.status();
  return std::unique_ptr<WorkerSet>(
      new WorkerSet(options, count, std::move(board), tasks, *std::move(nursery), *std::move(control)));
}

WorkerSet::WorkerSet(const PoolOptions& options, uint32_t count, std::shared_ptr<Board> board, TaskTable* tasks,
                     std::unique_ptr<Nursery> nursery, Fd control)
    : options_(options),
      count_(count),
      board_(std::move(board)),
      tasks_(tasks),
      control_(std::move(control)),
      nursery_(std::move(nursery)),
      fork_handler_(RuntimeState::Get().AddForkHandler([this] {
        control_.Reset();
        // After a fork of other people's another thread may have been changing them.
        if (!mutex_.TryLock()) return;
        for (const Place& place : places_) {
          if (place.socket != nullptr) place.socket->Reset();
          if (place.child != nullptr) place.child->CloseInForkedChild();
        }
        mutex_.Unlock();
      })),
      places_(count) {}

WorkerSet::~WorkerSet() { RuntimeState::Get().RemoveForkHandler(fork_handler_); }

absl::Status WorkerSet::Start() {
  for (uint32_t i = 0; i < count_; ++i) {
    if (absl::Status started = StartOne(i); !started.ok()) return started;
  }
  return absl::OkStatus();
}

absl::Status WorkerSet::StartOne(uint32_t index) {
  absl::StatusOr<LocalSocketPair> pair = MakeLocalSocketPair();
  if (!pair.ok()) return pair.status();
  WorkerStart start;
  start.index = index;
  start.workers = count_;
  absl::StatusOr<Fd> board = board_->file().Duplicate();
  if (!board.ok()) return board.status();
  start.board = *std::move(board);
  start.socket = std::move(pair->second);
  const WorkerCall::Arguments arguments = WorkerCall::Pack(std::move(start));
  DescriptorSink descriptors;
  const absl::StatusOr<std::string> encoded = EncodeToString(arguments, &descriptors);
  if (!encoded.ok()) return encoded.status();
  absl::StatusOr<FunctionId> function = WorkerCall::Id(&RunWorker);
  if (!function.ok()) return function.status();
  ChildSpec spec;
  spec.identity = NextChildIdentity("PoolWorker");
  spec.function = *function;
  spec.arguments = std::as_bytes(std::span(encoded->data(), encoded->size()));
  spec.descriptors = descriptors.descriptors();
  if (!options_.cpus.empty()) spec.cpus = {options_.cpus[index % options_.cpus.size()]};
  tasks_->ResetWorker(index);
  absl::StatusOr<std::shared_ptr<Child>> child = nursery_->Start(spec);
  if (!child.ok()) return child.status();
  started_.fetch_add(1, std::memory_order_relaxed);
  MutexLock lock(mutex_);
  places_[index] = {*std::move(child), std::make_shared<Fd>(std::move(pair->first)), spec.identity.name};
  return absl::OkStatus();
}

std::vector<WorkerSet::Place> WorkerSet::Places() const {
  MutexLock lock(mutex_);
  return places_;
}

std::vector<std::shared_ptr<Child>> WorkerSet::Children() const {
  std::vector<std::shared_ptr<Child>> children;
  for (const Place& place : Places()) {
    if (place.child != nullptr) children.push_back(place.child);
  }
  return children;
}

std::vector<int32_t> WorkerSet::pids() const {
  std::vector<int32_t> pids;
  for (const auto& child : Children()) {
    if (!child->status().has_value()) pids.push_back(child->pid());
  }
  return pids;
}

// A worker asks for the descriptors that its task was given.
bool WorkerSet::Answer(const Place& place) {
  const Peer worker{.pidfd = &place.child->sentinel(), .deadline = Deadline::After(kAnswerTime)};
  DescriptorsRequest request;
  if (!ReceiveAll(*place.socket, std::as_writable_bytes(std::span(&request, 1)), nullptr, worker).ok()) return false;
  const absl::StatusOr<std::vector<Fd>> copies = tasks_->DescriptorsOf(request.slot, request.serial);
  DescriptorsAnswer answer{.serial = request.serial, .code = static_cast<uint32_t>(copies.status().code())};
  std::vector<const Fd*> descriptors;
  if (copies.ok()) {
    for (const Fd& fd : *copies) descriptors.push_back(&fd);
    answer.count = static_cast<uint32_t>(copies->size());
  }
  return SendAll(*place.socket, std::as_bytes(std::span(&answer, 1)), descriptors, worker).ok();
}

void WorkerSet::Bury(uint32_t index, const Place& place, const ExitStatus& status) {
  Death death{place.child->pid(), status.signal().value_or(0), status.exit_code().value_or(0)};
  // How it ended isn't known if other code reaped it; that it did is.
  if (status.unknown()) death.exit_code = -1;
  const absl::Status error = DeathError(place.name, death);
  died_.fetch_add(1, std::memory_order_relaxed);
  {
    MutexLock lock(mutex_);
    places_[index] = {};
  }
  const bool was_ready = tasks_->Bury(index, error);
  startup_failures_ = was_ready ? 0 : startup_failures_ + 1;
  if (!was_ready) start_error_ = error;
}

absl::Status WorkerSet::StartMissing() {
  bool alive = false;
  absl::Status failed;
  const std::vector<Place> places = Places();
  for (uint32_t i = 0; i < count_; ++i) {
    const absl::Status started = places[i].child == nullptr ? StartOne(i) : absl::OkStatus();
    alive = alive || started.ok();
    failed.Update(started);
  }
  // What is short now may be there again soon, but no caller is to wait for ever.
  starts_in_vain_ = alive ? 0 : starts_in_vain_ + 1;
  if (starts_in_vain_ < kStartupFailures) return absl::OkStatus();
  return absl::AbortedError(
      absl::StrCat("no worker of the pool is left, and none can be started; make another pool: ", failed.message()));
}

absl::Status WorkerSet::Step() {
  const std::vector<Place> places = Places();
  const std::vector<std::shared_ptr<Child>> nursery = nursery_->servers();
  std::vector<PollEntry> entries(1 + 2 * count_ + nursery.size());
  entries[0].fd = &control_;
  bool missing = false;
  for (uint32_t i = 0; i < count_; ++i) {
    missing = missing || places[i].child == nullptr;
    if (places[i].child != nullptr) entries[1 + 2 * i].fd = &places[i].child->sentinel();
    entries[2 + 2 * i].fd = places[i].socket.get();
  }
  const auto of_nursery = std::span(entries).last(nursery.size());
  for (size_t i = 0; i < nursery.size(); ++i) of_nursery[i].fd = &nursery[i]->sentinel();
  const bool untidy = tasks_->untidy();
  const bool hurt = !nursery_->whole();
  Deadline until = missing && !stopping() ? Deadline::After(kStartAgain)
                   : untidy               ? Deadline::After(kTidyAfter)
                                          : Deadline::Never();
  if (hurt) until = Deadline::Earlier(until, heal_again_);
  const absl::StatusOr<int> ready = PollReadable(std::span(entries), until);
  if (!ready.ok()) return ready.status();
  if (entries[0].ready) ClearEventFd(control_);
  if (*ready == 0 && untidy) {
    const uint64_t done = tasks_->tasks_done();
    if (std::exchange(done_before_, done) == done && tasks_->outstanding() == 0) tasks_->Tidy();
  }
  for (uint32_t i = 0; i < count_ && !stopping(); ++i) {
    if (entries[2 + 2 * i].ready && !Answer(places[i])) {
      // It has died, which its sentinel tells; or it gets the end of file as its answer.
      MutexLock lock(mutex_);
      places_[i].socket.reset();
    }
    if (!entries[1 + 2 * i].ready) continue;
    const absl::StatusOr<ExitStatus> status = places[i].child->Wait(Deadline::Now());
    if (status.ok()) Bury(i, places[i], *status);
  }
  if (stopping()) return absl::OkStatus();
  if (std::ranges::any_of(of_nursery, &PollEntry::ready) || (hurt && heal_again_.passed())) {
    // What is short now may be there again in a second. A lost nursery is an error of Start.
    if (!nursery_->Heal().ok()) heal_again_ = Deadline::After(kTidyAfter);
  }
  if (startup_failures_ >= kStartupFailures) {
    return absl::AbortedError(
        absl::StrCat("the pool's workers don't start: ", kStartupFailures,
                     " in a row ended before their first task, the last: ", start_error_.message()));
  }
  return StartMissing();
}

absl::Status WorkerSet::AwaitWake() {
  const absl::StatusOr<bool> woken = PollReadable(control_, Deadline::Never());
  ClearEventFd(control_);
  return woken.status();
}

void WorkerSet::Wake() { SignalEventFd(control_); }

void WorkerSet::Stop() {
  stopping_.store(true, std::memory_order_release);
  board_->header().stop.store(1, std::memory_order_release);
  board_->header().tasks.NotifyAll();
}

absl::Status WorkerSet::Join(Deadline deadline) {
  for (const auto& child : Children()) {
    const absl::StatusOr<ExitStatus> ended = child->Wait(deadline);
    if (!ended.ok()) return ended.status();
  }
  return absl::OkStatus();
}

absl::Status WorkerSet::End() {
  const std::vector<std::shared_ptr<Child>> children = Children();
  for (const auto& child : children) child->Terminate().IgnoreError();  // Child::End follows, and has the last word.
  const Deadline grace = Deadline::After(kGrace);
  absl::Status all;
  for (const auto& child : children) {
    if (!child->Wait(grace).ok()) all.Update(child->End().status());
  }
  return all;
}

}  // namespace regatta
