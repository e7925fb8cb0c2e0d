// Pool: worker processes that are made once and run functions for their owner.
//
//   absl::StatusOr<Pool> pool = Pool::Create({.workers = 4});
//   absl::StatusOr<int> three = pool->Apply([](int a, int b) { return a + b; }, 1, 2);
//   absl::StatusOr<std::vector<int>> squares = pool->Map([](int x) { return x * x; }, numbers);
//
// Functions  Pointers to functions and lambdas without captures (core/process/call.h); arguments and results cross by
//            the codec. Queues and locks may be arguments of Apply. What can't cross is refused when compiling.
// Processes  The owner only; a child of fork can't use its parent's pool. Workers are daemonic: they start no processes
//            and end with their owner. Init must have run.
// Threads    Thread-safe. Callbacks run on a thread of the pool's, one after another: a slow one delays the others, and
//            nothing else. A callback may use the pool, but neither join nor destroy it.
// User code  Codecs, callbacks, iterators and destructors run under no lock of the pool. What a codec or an iterator
//            throws is the error of its item (Unknown, ThrownType). What a callback throws is given to the task's error
//            callback; if there is none, or it throws as well, statistics() counts it.
// Order      Tasks begin in the order submitted, and end in any.
// Crash      A worker's death, at any instruction, fails the task that it held, with pid and signal (Aborted, DeathOf),
//            and no other; the pool starts another. With `retries` a task is run again instead: then at least once, not
//            at most once. Five workers in a row that die before their first task break the pool: everything then fails
//            with the reason.
// Nursery    Workers are made by small processes of the pool, its nursery (core/process/nursery.h). They may be killed,
//            too: no task notices, and dead workers are replaced as before. A fork pool has two such processes with the
//            memory that new workers begin with. If both are killed before one was replaced, which takes a millisecond,
//            no worker can be made any more: the pool goes on with those that live, and breaks when none is left. One
//            that is stopped is given up after ten seconds.
// Inherited  The workers of a fork pool have the memory and the descriptors of their owner as they were at Create, also
//            those that are made later; the core's own descriptors are left out. A log file or a self-pipe that was
//            open works in a task. Text that a stream held at Create is written once, by the owner; what a task prints
//            into a stream is written at the latest when its worker ends by Close and Join. A pipe that was open at
//            Create has no end of file before the pool has ended, for workers and nursery hold its write end: open it
//            after Create, or use spawn or forkserver. Descriptors opened after Create are not there: their numbers
//            fail with EBADF. Workers by spawn and forkserver inherit nothing but descriptors 0-2, the environment and
//            the working directory.
// Memory     Up to 4,096 tasks are in shared memory at once, more wait in the owner's. Arguments and results up to 1
//            GiB.
// Idle       No CPU; a worker looks once a second.
#ifndef REGATTA_CORE_POOL_POOL_H_
#define REGATTA_CORE_POOL_POOL_H_

#include <algorithm>
#include <deque>
#include <functional>
#include <iterator>
#include <memory>
#include <optional>
#include <ranges>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "core/codec/codec.h"
#include "core/os/deadline.h"
#include "core/os/memfd.h"
#include "core/pool/async_result.h"
#include "core/pool/chunk.h"
#include "core/pool/imap.h"
#include "core/pool/pool_core.h"
#include "core/pool/pool_options.h"
#include "core/process/call.h"

namespace regatta {

// How one task is to be run; R is what its function returns.
template <class R>
struct TaskOptions {
  // Called with the result, and with the error; by the pool's thread, before Join returns. One of the two is called for
  // each task. If `callback` throws, `error_callback` is then called with that exception.
  pool_internal::Callback<R> callback = nullptr;
  std::function<void(const absl::Status&)> error_callback = nullptr;
  // Times that it may be run again after its worker died.
  int retries = 0;
};

struct MapOptions {
  // Items that travel together, if all of them have less than 64 MiB. 0: a quarter of each worker's share (for Imap:
  // 1).
  int64_t chunk = 0;
  // As in TaskOptions; of whole chunks.
  int retries = 0;
};

class Pool {
 public:
  // Starts all workers. InvalidArgument: a number of workers or a processor that can't be. FailedPrecondition: Init has
  // not run, this process is daemonic, or (kFork) has foreign threads. ResourceExhausted: no processes, memory or
  // descriptors.
  static absl::StatusOr<Pool> Create(const PoolOptions& options = {}) {
    absl::StatusOr<std::shared_ptr<PoolCore>> core = PoolCore::Create(options);
    if (!core.ok()) return core.status();
    return Pool(*std::move(core));
  }
  Pool(Pool&&) = default;
  Pool& operator=(Pool&& other) noexcept {
    std::swap(core_, other.core_);
    return *this;
  }
  // Terminates.
  ~Pool() {
    // In a child of fork it isn't ours to terminate. What could not be ended was killed; a destructor has nobody to
    // tell.
    if (core_ != nullptr) core_->Terminate().IgnoreError();
  }

  // Calls `function` on a worker, and waits for what it returns. Errors: as AsyncResult::Get, and those of ApplyAsync.
  template <class F, class... Args>
  auto Apply(F function, Args&&... arguments) {
    // The pool outlives this call, so the result does not share in its ownership: that spares two locked instructions.
    const std::shared_ptr<PoolCore> borrowed(std::shared_ptr<void>(), core_.get());
    return Finished(ApplyWith(borrowed, {}, function, std::forward<Args>(arguments)...));
  }

  // Returns at once. On error the arguments are as they were. FailedPrecondition: closed (IsClosed) or terminated.
  // InvalidArgument: an argument can't be encoded. ResourceExhausted: no memory.
  // Result: absl::StatusOr<AsyncResult<R>>.
  template <class F, class... Args>
  auto ApplyAsync(F function, Args&&... arguments) {
    return ApplyWith(core_, {}, function, std::forward<Args>(arguments)...);
  }
  // The same with a callback, retries...
  template <class R, class F, class... Args>
  absl::StatusOr<AsyncResult<R>> ApplyAsync(TaskOptions<R> options, F function, Args&&... arguments) {
    static_assert(std::is_same_v<R, typename Call<F, std::decay_t<Args>...>::Result>,
                  "TaskOptions<R> must name the type that the function returns");
    return ApplyWith(core_, std::move(options), function, std::forward<Args>(arguments)...);
  }

  // function(item) for each item; results in the items' order. An empty input returns an empty vector at once. If items
  // fail, Map waits for all chunks, then returns the error of the first failed item in input order.
  template <class F, std::ranges::input_range Items>
  auto Map(F function, Items&& items, MapOptions options = {}) {
    return Finished(MapAsync(function, std::forward<Items>(items), options));
  }
  template <class F, std::ranges::input_range Items>
  auto MapAsync(F function, Items&& items, MapOptions options = {}) {
    return MapWith<ItemCall<F, Items>>(function, Packed<ItemCall<F, Items>, false>(items), options, {});
  }
  // With callbacks of the whole: TaskOptions<std::vector<R>>.
  template <class F, std::ranges::input_range Items, class All>
  auto MapAsync(TaskOptions<All> whole, F function, Items&& items, MapOptions options = {}) {
    return MapWith<ItemCall<F, Items>>(function, Packed<ItemCall<F, Items>, false>(items), options, std::move(whole));
  }
  // function(a, b, ...) for each tuple (a, b, ...).
  template <class F, std::ranges::input_range Tuples>
  auto StarMap(F function, Tuples&& tuples, MapOptions options = {}) {
    return Finished(StarMapAsync(function, std::forward<Tuples>(tuples), options));
  }
  template <class F, std::ranges::input_range Tuples>
  auto StarMapAsync(F function, Tuples&& tuples, MapOptions options = {}) {
    return MapWith<TupleCall<F, Tuples>>(function, Packed<TupleCall<F, Tuples>, true>(tuples), options, {});
  }

  // Results one after another, in the items' order or as they end; `items` is read as they are taken (imap.h). A range
  // given as an rvalue is kept; one given by name must outlive the results.
  template <class F, std::ranges::input_range Items>
  auto Imap(F function, Items&& items, MapOptions options = {}) {
    return ImapWith<F, Items>(function, std::forward<Items>(items), options, /*ordered=*/true);
  }
  template <class F, std::ranges::input_range Items>
  auto ImapUnordered(F function, Items&& items, MapOptions options = {}) {
    return ImapWith<F, Items>(function, std::forward<Items>(items), options, /*ordered=*/false);
  }

  // No more tasks; those accepted are finished. Closing twice is fine.
  absl::Status Close() { return core_->Close(); }
  // Ends the workers at once; what is pending resolves as Cancelled. Twice is fine.
  absl::Status Terminate() { return core_->Terminate(); }
  // Waits until all tasks, callbacks and workers have ended. FailedPrecondition: the pool is open. DeadlineExceeded.
  absl::Status Join(Deadline deadline = Deadline::Never()) { return core_->Join(deadline); }

  int workers() const { return core_->workers(); }
  PoolStatistics statistics() const { return core_->statistics(); }

 private:
  explicit Pool(std::shared_ptr<PoolCore> core) : core_(std::move(core)) {}

  template <class Tuple>
  struct IsTuple : std::false_type {};
  template <class... Ts>
  struct IsTuple<std::tuple<Ts...>> : std::true_type {};
  template <class A, class B>
  struct IsTuple<std::pair<A, B>> : std::true_type {};

  template <class F, class Item>
  static constexpr bool TakesOne() {
    if constexpr (IsTuple<Item>::value && !std::is_invocable_v<F, Item>) {
      static_assert(!IsTuple<Item>::value, "the function doesn't take a tuple: use StarMap, which unpacks it");
    }
    return true;
  }
  template <class F, class Items, bool = TakesOne<F, std::ranges::range_value_t<Items>>()>
  using ItemCall = Call<F, std::ranges::range_value_t<Items>>;
  template <class F, class Tuple>
  struct CallOf;
  template <class F, class... Ts>
  struct CallOf<F, std::tuple<Ts...>> {
    using Type = Call<F, Ts...>;
  };
  template <class F, class A, class B>
  struct CallOf<F, std::pair<A, B>> {
    using Type = Call<F, A, B>;
  };
  template <class F, class Tuples>
  using TupleCall = typename CallOf<F, std::ranges::range_value_t<Tuples>>::Type;

  // False of what can't cross at all: of that the codec says why.
  template <class Arguments>
  static constexpr bool CarriesDescriptors() {
    if constexpr (Encodable<Arguments>) return kCarriesDescriptors<Arguments>;
    return false;
  }

  template <class C, bool kUnpack, class Items>
  static absl::StatusOr<std::vector<typename C::Arguments>> Packed(Items& items) {
    static_assert(!CarriesDescriptors<typename C::Arguments>(),
                  "items of a map can't hold queues, locks or descriptors: pass them with ApplyAsync");
    std::vector<typename C::Arguments> all;
    const absl::Status thrown = call_internal::WithoutExceptions([&] {
      if constexpr (std::ranges::sized_range<Items>) all.reserve(std::ranges::size(items));
      for (auto&& item : items) {
        if constexpr (kUnpack) {
          all.push_back(std::apply([](auto&&... parts) { return C::Pack(std::forward<decltype(parts)>(parts)...); },
                                   std::forward<decltype(item)>(item)));
        } else {
          all.push_back(C::Pack(std::forward<decltype(item)>(item)));
        }
      }
      return absl::OkStatus();
    });
    if (!thrown.ok()) return thrown;
    return all;
  }

  template <class R>
  static Outcome<R> Finished(absl::StatusOr<AsyncResult<R>> result) {
    if (!result.ok()) return result.status();
    return (*std::move(result)).Get();
  }

  // The part of a task that does not depend on its arguments.
  template <class C, class F>
  static absl::StatusOr<TaskSpec> SpecFor(F function, int retries, int64_t chunk = 0) {
    const absl::StatusOr<FunctionId> id = C::Id(function);
    if (!id.ok()) return id.status();
    // A slot counts attempts in eight bits.
    if (retries < 0 || retries > 254) return absl::InvalidArgumentError("retries must be between 0 and 254");
    if (chunk < 0) return absl::InvalidArgumentError("a chunk must have 1 item or more; 0 is the default");
    return TaskSpec{.function = *id, .retries = static_cast<uint32_t>(retries)};
  }

  template <class F, class... Args>
  static auto ApplyWith(std::shared_ptr<PoolCore> core,
                        TaskOptions<typename Call<F, std::decay_t<Args>...>::Result> options, F function,
                        Args&&... arguments)
      -> absl::StatusOr<AsyncResult<typename Call<F, std::decay_t<Args>...>::Result>> {
    static_assert(
        (!std::is_same_v<std::remove_const_t<std::remove_pointer_t<std::decay_t<Args>>>, Pool> && ...),
        "a pool can't be given to a task, as only its owner may use it: let the task return what is to be run "
        "next, or put it into a queue that the owner reads");
    using C = Call<F, std::decay_t<Args>...>;
    using R = typename C::Result;
    const absl::StatusOr<TaskSpec> spec = SpecFor<C>(function, options.retries);
    if (!spec.ok()) return spec.status();
    std::shared_ptr<pool_internal::ResultState<R>> state;
    absl::Status accepted = call_internal::WithoutExceptions([&]() -> absl::Status {
      state = std::make_shared<pool_internal::ResultState<R>>();
      if (options.callback || options.error_callback) {
        state->SetCallbacks(std::move(options.callback), std::move(options.error_callback));
      }
      typename C::Arguments packed = C::Pack(std::forward<Args>(arguments)...);
      absl::Status submitted = SubmitPacked(*core, *spec, packed, state);
      if (!submitted.ok()) GiveBack<Args&&...>(packed, std::index_sequence_for<Args...>(), arguments...);
      return submitted;
    });
    if (!accepted.ok()) return accepted;
    return AsyncResult<R>(std::move(core), std::move(state));
  }

  // What was moved out of the caller's arguments goes back to them: the task was not accepted.
  template <class... Args, class Arguments, size_t... I>
  static void GiveBack(Arguments& packed, std::index_sequence<I...>, std::remove_reference_t<Args>&... arguments) {
    (GiveBackOne<Args>(std::get<I>(packed), arguments), ...);
  }
  template <class Arg, class Carried>
  static void GiveBackOne([[maybe_unused]] Carried& packed, [[maybe_unused]] std::remove_reference_t<Arg>& argument) {
    if constexpr (std::is_rvalue_reference_v<Arg> && std::is_same_v<std::remove_reference_t<Arg>, Carried> &&
                  std::is_move_assignable_v<Carried>) {
      argument = std::move(packed);
    }
  }

  template <class Arguments>
  static absl::Status SubmitPacked(PoolCore& core, const TaskSpec& spec, const Arguments& packed,
                                   const std::shared_ptr<TaskState>& state) {
    if constexpr (CarriesDescriptors<Arguments>()) {
      DescriptorSink sink;
      absl::StatusOr<std::string> bytes = EncodeToString(packed, &sink);
      if (!bytes.ok()) return bytes.status();
      auto descriptors = std::make_unique<std::vector<Fd>>();
      for (const Fd* fd : sink.descriptors()) {
        absl::StatusOr<Fd> copy = fd->Duplicate();
        if (!copy.ok()) return copy.status();
        const uint64_t key = MemfdIdentity(*copy);
        bytes->append(reinterpret_cast<const char*>(&key), sizeof(key));
        descriptors->push_back(*std::move(copy));
      }
      const auto encode = [&](absl::Span<std::byte> out) {
        std::copy_n(AsBytes(*bytes).begin(), out.size(), out.begin());
        return absl::OkStatus();
      };
      return core.Submit(spec, bytes->size(), encode, state, std::move(descriptors)).status;
    } else {
      return pool_internal::SubmitSome(core, spec, absl::MakeConstSpan(&packed, 1), state).second.status;
    }
  }

  template <class C, class F>
  auto MapWith(F function, absl::StatusOr<std::vector<typename C::Arguments>> packed, const MapOptions& options,
               TaskOptions<pool_internal::MapOf<typename C::Result>> whole)
      -> absl::StatusOr<AsyncResult<pool_internal::MapOf<typename C::Result>>> {
    using R = typename C::Result;
    if (!packed.ok()) return packed.status();
    absl::StatusOr<TaskSpec> made = SpecFor<C>(function, options.retries, options.chunk);
    if (!made.ok()) return made.status();
    TaskSpec& spec = *made;
    const auto items = absl::MakeConstSpan(*packed);
    const size_t share = 4 * static_cast<size_t>(core_->workers());
    const size_t chunk = options.chunk > 0 ? static_cast<size_t>(options.chunk)
                                           : std::max<size_t>(1, (items.size() + share - 1) / share);
    std::shared_ptr<pool_internal::MapState<R>> map;
    absl::Status refused = call_internal::WithoutExceptions([&] {
      map = std::make_shared<pool_internal::MapState<R>>(items.size());
      // The callback of a map of nothing isn't called, as in CPython.
      if (!items.empty()) map->SetCallbacks(std::move(whole.callback), std::move(whole.error_callback));
      return absl::OkStatus();
    });
    if (!refused.ok()) return refused;
    for (size_t at = 0, apart = 0, count = 0; at < items.size(); at += count) {
      const auto rest = items.subspan(at, at < apart ? apart - at : items.size());
      const bool one_each = chunk == 1 || at < apart;
      count = one_each ? 1 : pool_internal::CountForChunk(rest.first(std::min(chunk, rest.size())));
      spec.first = at;
      absl::Status failed = refused;
      if (refused.ok()) {
        Submitted submitted;
        if (one_each) {
          std::tie(count, submitted) = pool_internal::SubmitSome(*core_, spec, rest, map);
        } else {
          submitted = pool_internal::SubmitChunk(*core_, spec, rest.first(count), map);
        }
        if (submitted.kind == Submitted::Kind::kNotEncoded && count > 1) {
          apart = at + count;  // Each item by itself, so that only some fail.
          count = 0;
          continue;
        }
        if (submitted.kind == Submitted::Kind::kRefused) {
          if (at == 0) return submitted.status;
          refused = submitted.status;
        }
        failed = submitted.status;
      }
      if (failed.ok()) continue;
      TaskSpec lost = spec;
      lost.items = static_cast<uint32_t>(count);
      core_->Fail(lost, map, failed);
    }
    return AsyncResult<pool_internal::MapOf<R>>(core_, std::move(map));
  }

  // The input of an Imap.
  template <class Items, class Arguments>
  struct Input {
    Items range;
    std::optional<std::ranges::iterator_t<Items>> at = std::nullopt;
    bool ended = false;
    absl::Status thrown = absl::OkStatus();  // What ended it, if that was an exception.
    std::vector<Arguments> read = {};
    size_t posted = 0;   // Of these.
    bool apart = false;  // One item by itself after another, as they could not be encoded together.

    // Reads up to `chunk` items into `read`.
    template <class C>
    void Read(size_t chunk) {
      thrown = call_internal::WithoutExceptions([&] {
        ended = true;  // Until it is known to go on: after an exception it is not touched again.
        if (!at.has_value()) at = std::ranges::begin(range);
        size_t bytes = 0;
        for (; read.size() < chunk && bytes < kChunkPiece; ++*at) {
          if (*at == std::ranges::end(range)) return absl::OkStatus();
          read.push_back(C::Pack(**at));
          if (chunk > 1) bytes += SizeOf(read.back());
        }
        ended = false;
        return absl::OkStatus();
      });
    }
    static size_t SizeOf(const Arguments& item) {
      size_t size = 0;
      // What throws here throws again when it is encoded, and is told then.
      call_internal::WithoutExceptions([&] {
        size = EncodedSize(item);
        return absl::OkStatus();
      }).IgnoreError();
      return size;
    }
  };

  // `Items` is a reference for a range given by name, which is then used in place.
  template <class F, class Items>
  auto ImapWith(F function, Items&& items, const MapOptions& options, bool ordered)
      -> absl::StatusOr<ImapResults<typename ItemCall<F, Items>::Result>> {
    using C = ItemCall<F, Items>;
    using R = typename C::Result;
    using State = pool_internal::ChunkState<R>;
    static_assert(!CarriesDescriptors<typename C::Arguments>(),
                  "items of a map can't hold queues, locks or descriptors: pass them with ApplyAsync");
    const absl::StatusOr<TaskSpec> spec = SpecFor<C>(function, options.retries, options.chunk);
    if (!spec.ok()) return spec.status();
    using ItsInput = Input<Items, typename C::Arguments>;
    std::shared_ptr<ItsInput> input;
    const absl::Status thrown = call_internal::WithoutExceptions([&] {
      input.reset(new ItsInput{std::forward<Items>(items)});
      return absl::OkStatus();
    });
    if (!thrown.ok()) return thrown;
    const size_t chunk = options.chunk > 0 ? static_cast<size_t>(options.chunk) : 1;
    // Whichever chunk ends first is wanted: one place to sleep for all.
    auto shared = ordered ? nullptr : std::make_shared<ResultWaiters::List>();
    const auto reader = [input, chunk, spec = *spec, shared,
                         core = core_](std::deque<std::shared_ptr<State>>& chunks) -> absl::StatusOr<bool> {
      if (input->read.empty() && !input->ended) input->template Read<C>(chunk);
      if (input->read.empty()) {
        if (!input->thrown.ok()) return input->thrown;
        return false;
      }
      for (;;) {
        const size_t count = input->apart ? 1 : input->read.size();
        TaskSpec task = spec;
        task.items = static_cast<uint32_t>(count);
        const auto state = std::make_shared<State>(count, shared);
        Submitted submitted = pool_internal::SubmitChunk(
            *core, task, absl::MakeConstSpan(input->read).subspan(input->posted, count), state);
        if (submitted.kind == Submitted::Kind::kRefused) return submitted.status;
        if (submitted.kind == Submitted::Kind::kNotEncoded && count > 1) {
          input->apart = true;
          continue;
        }
        if (submitted.kind == Submitted::Kind::kNotEncoded) core->Fail(task, state, submitted.status);
        chunks.push_back(state);
        input->posted += count;
        if (input->posted == input->read.size()) {
          input->read.clear();
          input->posted = 0;
          input->apart = false;
        }
        return true;
      }
    };
    return ImapResults<R>(core_, ordered, reader);
  }

  std::shared_ptr<PoolCore> core_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_POOL_POOL_H_
