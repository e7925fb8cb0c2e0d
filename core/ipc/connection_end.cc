#include "core/ipc/connection_end.h"

#include <pthread.h>

#include <algorithm>
#include <cstring>
#include <span>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "core/ipc/fault_points.h"
#include "core/os/cpu.h"
#include "core/os/error.h"
#include "core/os/local_socket.h"
#include "core/os/mutex.h"

namespace regatta {
namespace {

constexpr uint64_t kWordBytes = sizeof(uint64_t);
// A message over 4 KiB that finds the ring full for this long crosses as a file: the receiver may be sending, too.
constexpr absl::Duration kSpillAfter = absl::Milliseconds(1);
constexpr uint64_t kSmallestSpilled = 4096;
constexpr absl::Duration kTick = absl::Milliseconds(50);
// Of the ring, asked for while a message is written: a receiver has these lines in its cache.
constexpr uint64_t kWriteAhead = 512;

// Guards registering.
constinit PerProcess<Mutex> g_mutex;
// How often this process has copied itself.
constinit std::atomic<uint64_t> g_forks{0};

absl::Status EndOfFileError() {
  return absl::OutOfRangeError("the other end of the connection is closed: nobody holds it any more");
}
absl::Status OverwrittenError() { return absl::DataLossError("the connection's memory was overwritten"); }

std::span<std::byte> BytesOf(ConnectionPacket& packet) {
  return {reinterpret_cast<std::byte*>(&packet), sizeof(packet)};
}

void NoteProcessor(std::atomic<uint32_t>& noted) {
  const uint32_t here = CurrentProcessor() + 1;
  if (noted.load(std::memory_order_relaxed) != here) noted.store(here, std::memory_order_relaxed);
}
bool IsHere(const std::atomic<uint32_t>& noted) {
  return noted.load(std::memory_order_relaxed) == CurrentProcessor() + 1;
}

}  // namespace

ConnectionEnd::ConnectionEnd(std::shared_ptr<Segment> segment, Fd socket, uint32_t side)
    : segment_(std::move(segment)),
      header_(*segment_->Get<ConnectionHeader>(0)),
      side_(side),
      mine_(header_.sides[side]),
      peer_(header_.sides[1 - side]),
      out_(header_.lanes[side]),
      in_(header_.lanes[1 - side]),
      out_ring_(side == 1 || header_.duplex != 0 ? segment_->At(RingOffset(side), kConnectionRing) : nullptr),
      in_ring_(side == 0 || header_.duplex != 0 ? segment_->At(RingOffset(1 - side), kConnectionRing) : nullptr),
      socket_(std::move(socket)) {}

ConnectionEnd::~ConnectionEnd() {
  if (IsForkGeneration(registered_.load(std::memory_order_relaxed)) && user_ < kConnectionUsers) {
    // Where this process has forked, a child may have the handle, and may begin to use it.
    const bool alone = forks_before_ == g_forks.load(std::memory_order_relaxed);
    mine_.users[user_].store(alone ? ConnectionSide::kLeft : kNobody, std::memory_order_release);
    FaultPointHere(fault::kConnectionLeft);
  }
  RingBell();
  socket_.Reset();
  out_.items.NotifyAll();
  in_.space.NotifyAll();
}

absl::StatusOr<Member> ConnectionEnd::Register() {
  static const int handlers = pthread_atfork(
      nullptr, [] { g_forks.fetch_add(1, std::memory_order_relaxed); }, nullptr);
  if (handlers != 0) return ErrnoError("pthread_atfork", handlers);
  absl::StatusOr<Member> self = Family::Self();
  if (!self.ok()) return self;
  const MutexLock lock(g_mutex.Get());
  if (IsForkGeneration(registered_.load(std::memory_order_relaxed))) return self;
  user_ = kConnectionUsers;
  for (uint32_t i = 0; i < kConnectionUsers; ++i) {
    uint32_t seen = mine_.users[i].load(std::memory_order_acquire);
    if (seen == kNobody && user_ < kConnectionUsers) continue;
    if (seen != kNobody && (seen & ConnectionSide::kLeft) == 0 && Family::IsAlive(seen)) continue;
    // The first free place; from now on nothing is left of those who have gone.
    const uint32_t next = user_ < kConnectionUsers ? kNobody : *self;
    if (mine_.users[i].compare_exchange_strong(seen, next, std::memory_order_acq_rel) && next == *self) user_ = i;
  }
  if (user_ == kConnectionUsers) mine_.uncounted.store(1, std::memory_order_release);
  FaultPointHere(fault::kConnectionRegistered);
  forks_before_ = g_forks.load(std::memory_order_relaxed);
  registered_.store(ForkGeneration(), std::memory_order_release);
  return self;
}

absl::Status ConnectionEnd::BeginTransfer() {
  if (absl::Status same = segment_->CheckFile(); !same.ok()) return same;
  if (!IsLocalSocket(socket_)) {
    return absl::FailedPreconditionError("code of this process has closed the socket of a connection");
  }
  mine_.encoded.fetch_add(1, std::memory_order_acq_rel);
  return absl::OkStatus();
}

absl::Status ConnectionEnd::EndTransfer() {
  if (const absl::StatusOr<Member> self = Register(); !self.ok()) return self.status();
  // Bytes may be decoded more often than once.
  uint32_t decoded = mine_.decoded.load(std::memory_order_relaxed);
  while (decoded != mine_.encoded.load(std::memory_order_relaxed) &&
         !mine_.decoded.compare_exchange_weak(decoded, decoded + 1, std::memory_order_acq_rel)) {
  }
  return absl::OkStatus();
}

Member ConnectionEnd::PeerMember() const {
  for (const std::atomic<uint32_t>& user : peer_.users) {
    const uint32_t member = user.load(std::memory_order_acquire);
    if (member != kNobody && (member & ConnectionSide::kLeft) == 0 && Family::IsAlive(member)) return member;
  }
  return kNobody;
}

bool ConnectionEnd::PeerGone() const {
  if (PeerMember() != kNobody) return false;
  const auto is_used = [](const std::atomic<uint32_t>& user) { return user.load() != kNobody; };
  if (std::any_of(std::begin(peer_.users), std::end(peer_.users), is_used) && peer_.uncounted.load() == 0 &&
      peer_.encoded.load() == peer_.decoded.load()) {
    return PeerMember() == kNobody;  // One may have come between the two looks.
  }
  return IsPeerClosed(socket_);
}

void ConnectionEnd::RecheckPeer() const {
  for (const std::atomic<uint32_t>& user : peer_.users) {
    const uint32_t member = user.load(std::memory_order_acquire);
    if (member != kNobody && (member & ConnectionSide::kLeft) == 0) Family::Recheck(member);
  }
}

void ConnectionEnd::CopyIn(std::byte* ring, uint64_t at, std::span<const std::byte> bytes) {
  const uint64_t begin = at & (kConnectionRing - 1);
  const uint64_t first = std::min<uint64_t>(bytes.size(), kConnectionRing - begin);
  if (first > 0) std::memcpy(ring + begin, bytes.data(), first);
  if (first < bytes.size()) std::memcpy(ring, bytes.data() + first, bytes.size() - first);
}

void ConnectionEnd::CopyOut(const std::byte* ring, uint64_t at, std::span<std::byte> bytes) {
  const uint64_t begin = at & (kConnectionRing - 1);
  const uint64_t first = std::min<uint64_t>(bytes.size(), kConnectionRing - begin);
  if (first > 0) std::memcpy(bytes.data(), ring + begin, first);
  if (first < bytes.size()) std::memcpy(bytes.data() + first, ring, bytes.size() - first);
}

bool ConnectionEnd::HasRoom(uint64_t length) const {
  const uint64_t tail = out_.tail.load(std::memory_order_acquire);
  const uint64_t used = tail - out_.head.load(std::memory_order_acquire);
  // The word behind the record is zeroed, too. The head is beyond the tail where a sender died before it moved that.
  return used + length + kRecordAlignment <= kConnectionRing || static_cast<int64_t>(used) < 0;
}

ConnectionEnd::Step ConnectionEnd::Put(absl::Span<const std::byte> bytes, bool in_file,
                                       absl::Span<const Fd* const> descriptors, Deadline deadline,
                                       absl::Status* error) {
  uint64_t tail = out_.tail.load(std::memory_order_relaxed);
  // A sender died after it had published its record.
  if (const uint64_t word = WordAt(out_ring_, tail).load(std::memory_order_acquire); word != 0) [[unlikely]] {
    tail += ConnectionRecord::Length(word & ConnectionRecord::kSizeMask);
    out_.tail.store(tail, std::memory_order_release);
  }
  const bool beside = !descriptors.empty();
  const uint64_t size = (beside ? sizeof(ConnectionPacket) : 0) + (in_file ? 0 : bytes.size());
  const uint64_t length = ConnectionRecord::Length(size);
  if (tail - out_.seen_head.load(std::memory_order_relaxed) + length + kRecordAlignment > kConnectionRing) {
    out_.seen_head.store(out_.head.load(std::memory_order_acquire), std::memory_order_relaxed);
    if (!HasRoom(length)) return Step::kNothing;
  }
  uint64_t at = tail + kWordBytes;
  if (beside) {
    ConnectionPacket packet{out_.packets.load(std::memory_order_relaxed) + 1,
                            bytes.size() | (in_file ? ConnectionPacket::kHasFile : 0)};
    out_.packets.store(packet.number, std::memory_order_relaxed);
    Transfer sent;
    do {
      sent = SendAll(socket_, BytesOf(packet), descriptors,
                     {.deadline = Deadline::Earlier(deadline, Deadline::After(kTick))});
    } while (sent.end == TransferEnd::kLate && !deadline.passed() && !PeerGone());
    if (!sent.ok()) {
      *error = sent.end == TransferEnd::kPeerGone || PeerGone() ? EndOfFileError()
               : sent.end == TransferEnd::kLate                 ? FullError("the connection", !deadline.is_now())
                                                                : sent.status;
      return Step::kFailed;
    }
    FaultPointHere(fault::kConnectionPacketSent);
    CopyIn(out_ring_, at, BytesOf(packet));
    at += sizeof(packet);
  }
  if (!in_file) CopyIn(out_ring_, at, bytes);
  const std::byte* soon = out_ring_ + ((tail + length + kWriteAhead) & (kConnectionRing - 1));
  PrefetchForWrite(soon);
  PrefetchForWrite(soon + kRecordAlignment);
  WordAt(out_ring_, tail + length).store(0, std::memory_order_relaxed);
  FaultPointHere(fault::kConnectionWritten);
  WordAt(out_ring_, tail)
      .store(ConnectionRecord::kPublished | (beside ? ConnectionRecord::kBeside : 0) | size, std::memory_order_release);
  FaultPointHere(fault::kConnectionPublished);
  out_.tail.store(tail + length, std::memory_order_release);
  NoteProcessor(out_.sender_processor);
  return Step::kDone;
}

absl::Status ConnectionEnd::Send(absl::Span<const std::byte> bytes, ConnectionMessage* message,
                                 absl::Span<const Fd* const> descriptors, Deadline deadline) {
  if (out_ring_ == nullptr) {
    return absl::FailedPreconditionError("this end of a one-way pipe receives: send through the second end");
  }
  if (descriptors.size() > kMostDescriptors) {
    return absl::InvalidArgumentError(absl::StrCat("a message with ", descriptors.size(), " descriptors: at most ",
                                                   kMostDescriptors, " cross beside one, send several"));
  }
  const absl::StatusOr<Member> self = Enter();
  if (!self.ok()) return self.status();
  if (PeerGone()) return EndOfFileError();
  std::vector<const Fd*> beside(descriptors.begin(), descriptors.end());
  if (message != nullptr) bytes = message->bytes();
  bool in_file = message != nullptr && message->file_.valid();
  if (in_file) beside.insert(beside.begin(), &message->file_);
  ConnectionMessage moved;
  const auto move_to_file = [&]() -> absl::Status {
    if (absl::Status made = moved.ResizeInFile(bytes.size()); !made.ok()) return made;
    std::memcpy(moved.room().data(), bytes.data(), bytes.size());
    beside.insert(beside.begin(), &moved.file_);
    in_file = true;
    return absl::OkStatus();
  };
  if (bytes.size() > kLargestMessage) return ConnectionMessage().Resize(bytes.size());
  if (!in_file && bytes.size() > kLargestInRing) {
    if (absl::Status made = move_to_file(); !made.ok()) return made;
  }
  for (bool waited = false;;) {
    if (!out_.send_lock.Acquire(*self, deadline).acquired) return FullError("the connection", !deadline.is_now());
    absl::Status error;
    const Step step = Put(bytes, in_file, beside, deadline, &error);
    out_.send_lock.Release();
    if (step == Step::kDone) [[likely]] {
      out_.items.Notify();
      RingBell();
      // A wake-up meant for another sender may have been left to this one.
      if (waited && out_.space.anybody_sleeps()) out_.space.Notify();
      return error;
    }
    if (step == Step::kFailed) return error;
    const bool may_spill = !in_file && bytes.size() >= kSmallestSpilled;
    if (may_spill && (waited || deadline.is_now()) && HasRoom(kRecordAlignment)) {
      if (absl::Status made = move_to_file(); !made.ok()) return made;
      continue;
    }
    if (deadline.is_now()) return FullError("the connection", false);
    const uint64_t length = ConnectionRecord::Length((in_file ? 0 : bytes.size()) + sizeof(ConnectionPacket));
    const Deadline until = may_spill ? Deadline::Earlier(deadline, Deadline::After(kSpillAfter)) : deadline;
    const bool room = out_.space.Await([&] { return HasRoom(length) || PeerGone(); }, until,
                                       [&] { return IsHere(out_.receiver_processor); }, *self, [&] { RecheckPeer(); },
                                       [&] { return PeerMember(); });
    if (PeerGone()) return EndOfFileError();
    if (!room && deadline.passed()) return FullError("the connection", true);
    waited = true;
  }
}

void ConnectionEnd::RingBell() {
  AsymmetricFenceLight();
  if (out_.bell.load(std::memory_order_relaxed) == 0) [[likely]]
    return;
  ConnectionPacket bell{};
  // Where the socket is full it is readable, and where the receiver is gone nobody waits.
  static_cast<void>(SendAll(socket_, BytesOf(bell), {}, {.deadline = Deadline::Now()}));
  out_.bell.store(0, std::memory_order_relaxed);
}

void ConnectionEnd::Arm() {
  const absl::StatusOr<Member> self = Enter();
  // With both locks held, packets that are there although no message is belong to none.
  if (self.ok() && in_.receive_lock.Acquire(*self, Deadline::After(kSpillAfter)).acquired) {
    if (in_.send_lock.Acquire(*self, Deadline::After(kSpillAfter)).acquired) {
      ConnectionPacket packet;
      while (!HasMessage() && PeekAll(socket_, BytesOf(packet))) {
        static_cast<void>(ReceiveAll(socket_, BytesOf(packet), nullptr, {.deadline = Deadline::Now()}));
      }
      in_.send_lock.Release();
    }
    in_.receive_lock.Release();
  }
  in_.bell.store(1, std::memory_order_relaxed);
  AsymmetricFenceHeavy();
}

ConnectionEnd::Step ConnectionEnd::TakePacket(const ConnectionPacket& packet, ConnectionMessage* message,
                                              absl::Status* error) {
  ConnectionPacket there;
  while (PeekAll(socket_, BytesOf(there)) && there.number <= packet.number) {
    const bool wanted = there.number == packet.number;
    std::vector<Fd> descriptors;
    const Transfer received =
        ReceiveAll(socket_, BytesOf(there), wanted ? &descriptors : nullptr, {.deadline = Deadline::Now()});
    // A bell, or what a sender left that died before it published its record.
    if (!wanted) continue;
    FaultPointHere(fault::kConnectionPacketTaken);
    *error = received.status;
    if (error->ok() && (packet.size & ConnectionPacket::kHasFile) != 0) {
      Fd file;
      if (!descriptors.empty()) {
        file = std::move(descriptors.front());
        descriptors.erase(descriptors.begin());
      }
      *error = message->TakeFile(std::move(file), packet.size & ~ConnectionPacket::kHasFile);
    }
    if (!error->ok()) return Step::kFailed;
    message->descriptors_ = std::move(descriptors);
    return Step::kDone;
  }
  return Step::kNothing;
}

ConnectionEnd::Step ConnectionEnd::Take(ConnectionMessage* message, absl::Status* error) {
  const uint64_t head = in_.head.load(std::memory_order_relaxed);
  const uint64_t word = WordAt(in_ring_, head).load(std::memory_order_acquire);
  if (word == 0) return Step::kNothing;
  const uint64_t size = word & ConnectionRecord::kSizeMask;
  const bool beside = (word & ConnectionRecord::kBeside) != 0;
  const uint64_t before = beside ? sizeof(ConnectionPacket) : 0;
  if (size < before || size - before > kLargestInRing) {
    *error = OverwrittenError();
    return Step::kFailed;
  }
  *error = message->Resize(size - before);
  if (!error->ok()) return Step::kFailed;
  CopyOut(in_ring_, head + kWordBytes + before, {message->room().data(), size - before});
  FaultPointHere(fault::kConnectionCopied);
  Step step = Step::kDone;
  if (beside) {
    ConnectionPacket packet;
    CopyOut(in_ring_, head + kWordBytes, BytesOf(packet));
    step = TakePacket(packet, message, error);
  }
  in_.head.store(head + ConnectionRecord::Length(size), std::memory_order_release);
  FaultPointHere(fault::kConnectionTaken);
  NoteProcessor(in_.receiver_processor);
  return step;
}

absl::Status ConnectionEnd::CheckReceives() const {
  if (in_ring_ != nullptr) [[likely]]
    return absl::OkStatus();
  return absl::FailedPreconditionError("this end of a one-way pipe sends: receive from the first end");
}

bool ConnectionEnd::AwaitMessage(Member self, Deadline deadline) {
  return in_.items.Await([&] { return Ready(); }, deadline, [&] { return IsHere(in_.sender_processor); }, self,
                         [&] { RecheckPeer(); }, [&] { return PeerMember(); });
}

absl::Status ConnectionEnd::Receive(ConnectionMessage* message, Deadline deadline) {
  if (absl::Status receives = CheckReceives(); !receives.ok()) return receives;
  const absl::StatusOr<Member> self = Enter();
  if (!self.ok()) return self.status();
  for (;;) {
    if (HasMessage()) {
      if (!in_.receive_lock.Acquire(*self, deadline).acquired) return EmptyError("the connection", !deadline.is_now());
      absl::Status error;
      const Step step = Take(message, &error);
      in_.receive_lock.Release();
      in_.space.Notify();
      if (step == Step::kNothing) continue;
      if (in_.items.anybody_sleeps() && HasMessage()) in_.items.Notify();
      return error;
    }
    if (PeerGone()) {
      // What was sent before it went is seen now.
      if (HasMessage()) continue;
      return EndOfFileError();
    }
    if (deadline.is_now()) return EmptyError("the connection", false);
    if (!AwaitMessage(*self, deadline)) return EmptyError("the connection", true);
  }
}

absl::StatusOr<bool> ConnectionEnd::Poll(Deadline deadline) {
  if (absl::Status receives = CheckReceives(); !receives.ok()) return receives;
  const absl::StatusOr<Member> self = Enter();
  if (!self.ok()) return self.status();
  if (Ready()) return true;
  return !deadline.is_now() && AwaitMessage(*self, deadline);
}

}  // namespace regatta
