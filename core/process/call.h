// Calls that cross to another process: which functions are allowed, what is sent, and the trampolines that make the
// call there.
//
// Functions  Function pointers, and lambdas without captures (or other classes without state and with one operator()).
//            Anything else fails to compile with a message that says what to do.
// Arguments  The caller converts the arguments to the function's parameter types, as in a plain call. They travel as a
//            tuple of these types without const and &; a string_view travels as a std::string, and a span as a
//            std::vector. The codec must know all types. Parameters `T&` are refused, because no caller would see the
//            change. For a generic lambda the arguments' own types travel.
// Results    T is encoded, and so is the T of a StatusOr<T>. For void and absl::Status nothing is encoded.
//
//   using C = Call<decltype(&Work)>;
//   C::Arguments arguments = C::Pack(17, "seventeen");   // The codec encodes these.
//   absl::StatusOr<FunctionId> id = C::Id(&Work);        // A function pointer costs a table look-up, a lambda a load.
#ifndef REGATTA_CORE_PROCESS_CALL_H_
#define REGATTA_CORE_PROCESS_CALL_H_

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "core/codec/codec.h"
#include "core/os/thrown.h"
#include "core/process/function_id.h"

namespace regatta {
namespace call_internal {

// R (*)(P...) for a function pointer or for the type of a class's operator().
template <class R, class... P>
struct Signature {};
template <class F>
struct SignatureOf {
  using Type = void;
};
template <class R, class... P>
struct SignatureOf<R (*)(P...)> {
  using Type = Signature<R, P...>;
};
template <class R, class... P>
struct SignatureOf<R (*)(P...) noexcept> : SignatureOf<R (*)(P...)> {};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...) const> : SignatureOf<R (*)(P...)> {};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...) const noexcept> : SignatureOf<R (*)(P...)> {};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...)> : SignatureOf<R (*)(P...)> {};
template <class R, class C, class... P>
struct SignatureOf<R (C::*)(P...) noexcept> : SignatureOf<R (*)(P...)> {};

template <class F>
inline constexpr bool kIsFunctionPointer = std::is_pointer_v<F>&& std::is_function_v<std::remove_pointer_t<F>>;
template <class F>
inline constexpr bool kIsStateless = std::is_class_v<F>&& std::is_empty_v<F>&& std::is_default_constructible_v<F>;
template <class F>
inline constexpr bool kHasOneSignature = requires {
  &F::operator();
};

template <class F, class... Args>
constexpr auto FindSignature() {
  if constexpr (kIsFunctionPointer<F>) {
    return typename SignatureOf<F>::Type{};
  } else if constexpr (kHasOneSignature<F>) {
    return typename SignatureOf<decltype(&F::operator())>::Type{};
  } else {
    return Signature<std::invoke_result_t<F, std::decay_t<Args>...>, std::decay_t<Args>...>{};
  }
}

// The type that is sent for a parameter of type P.
template <class P>
struct Carried {
  using Type = std::remove_cvref_t<P>;
};
template <>
struct Carried<std::string_view> {
  using Type = std::string;
};
template <class T, size_t N>
struct Carried<std::span<const T, N>> {
  using Type = std::vector<T>;
};
template <class T>
struct Carried<absl::Span<const T>> {
  using Type = std::vector<T>;
};
template <class P>
using CarriedType = typename Carried<std::remove_cvref_t<P>>::Type;

template <class P>
inline constexpr bool kIsChangeable = std::is_lvalue_reference_v<P> && !std::is_const_v<std::remove_reference_t<P>>;

// Passes a decoded argument as the parameter P; moves it if P takes ownership.
template <class P, class T>
decltype(auto) Give(T& value) {
  if constexpr (std::is_lvalue_reference_v<P> || !std::is_same_v<std::remove_cvref_t<P>, T>) {
    return static_cast<const T&>(value);
  } else {
    return static_cast<T&&>(value);
  }
}

// The type of a function's result after it has arrived.
template <class R>
struct ResultOf {
  using Type = std::remove_cvref_t<R>;
};
template <class T>
struct ResultOf<absl::StatusOr<T>> {
  using Type = T;
};
template <>
struct ResultOf<absl::Status> {
  using Type = void;
};

// The exit code that the kernel keeps: the low eight bits, or 1 if these would turn a failure into 0, which means
// success.
constexpr int KernelExitCode(int result) { return result != 0 && (result & 0xff) == 0 ? 1 : result & 0xff; }

template <class T>
absl::Status GiveResult(const T& value, const Invocation& call) {
  if constexpr (std::is_same_v<T, int>) {
    if (call.exit_code != nullptr) *call.exit_code = KernelExitCode(value);
  }
  if (call.result == nullptr) return absl::OkStatus();
  if constexpr (Encodable<T>) {
    const size_t size = EncodedSize(value);
    const absl::StatusOr<std::byte*> room = call.result->Reserve(size);
    if (!room.ok()) return room.status();
    return Encode(value, absl::MakeSpan(*room, size), call.result->descriptors());
  } else {
    return absl::InvalidArgumentError(
        "the codec can't encode the type of this function's result: return a type that codec.h names");
  }
}

template <class R, class Work>
absl::Status RunAndGiveResult(Work&& work, const Invocation& call) {
  if constexpr (std::is_void_v<R>) {
    work();
    return absl::OkStatus();
  } else if constexpr (std::is_same_v<R, absl::Status>) {
    return work();
  } else if constexpr (std::is_same_v<R, absl::StatusOr<typename ResultOf<R>::Type>>) {
    const R result = work();
    return result.ok() ? GiveResult(*result, call) : result.status();
  } else {
    return GiveResult<std::remove_cvref_t<R>>(work(), call);
  }
}

using regatta::CurrentExceptionError;
using regatta::WithoutExceptions;

// Calls the function with the decoded arguments. Only once: arguments of which the function takes ownership are moved.
template <class R, class... P, class F>
R CallWithCarried(F function, std::tuple<CarriedType<P>...>& arguments) {
  return std::apply([&](auto&... values) -> R { return function(Give<P>(values)...); }, arguments);
}

template <class F, class R, class... P>
absl::Status CallDecoded(const Invocation& call, std::tuple<CarriedType<P>...>& arguments) {
  return RunAndGiveResult<R>(
      [&]() -> R {
        if constexpr (kIsFunctionPointer<F>) {
          return CallWithCarried<R, P...>(reinterpret_cast<F>(reinterpret_cast<uintptr_t>(call.target)), arguments);
        } else {
          return CallWithCarried<R, P...>(F{}, arguments);
        }
      },
      call);
}

template <class F, class R, class... P>
absl::Status DecodeAndCall(const Invocation& call, Signature<R, P...>) {
  using Arguments = std::tuple<CarriedType<P>...>;
  const absl::Span<const std::byte> bytes(call.arguments.data(), call.arguments.size());
  return WithoutExceptions([&] {
    if constexpr (std::is_default_constructible_v<Arguments>) {
      Arguments arguments;
      const absl::Status decoded = DecodeInto(bytes, arguments, call.descriptors);
      return decoded.ok() ? CallDecoded<F, R, P...>(call, arguments) : decoded;
    } else {
      absl::StatusOr<Arguments> arguments = Decode<Arguments>(bytes, call.descriptors);
      return arguments.ok() ? CallDecoded<F, R, P...>(call, *arguments) : arguments.status();
    }
  });
}

// The code that stands for F in other processes. When it is compiled, it leaves a note in its module that permits it:
// owner "RGT", {distance to the code, kind}. It is hidden, because the assembler must know the distance. The note is in
// the function's section group, so that the linker keeps or drops both.
template <class F, class... Args>
[[gnu::noinline, gnu::visibility("hidden")]] absl::Status TrampolineTo(const Invocation& call) {
  using function_id_internal::kLambdaEntry;
  using function_id_internal::kPointerEntry;
  asm volatile(
      ".pushsection .note.regatta, \"a?\", %%note\n"
      ".balign 4\n"
      ".long 4, 8, 1\n"
      ".asciz \"RGT\"\n"
      ".long %c0 - .\n"
      ".long %c1\n"
      ".popsection" ::"i"(&TrampolineTo<F, Args...>),
      "i"(kIsFunctionPointer<F> ? kPointerEntry : kLambdaEntry));
  return DecodeAndCall<F>(call, FindSignature<F, Args...>());
}

// The trampoline for F. There is one for all calls, unless F is generic.
template <class F, class... Args>
constexpr Trampoline TrampolineFor() {
  if constexpr (kIsFunctionPointer<F> || kHasOneSignature<F>) {
    return &TrampolineTo<F>;
  } else {
    return &TrampolineTo<F, std::decay_t<Args>...>;
  }
}

template <class Carried, class P, class Arg>
Carried PackOne(Arg&& argument) {
  if constexpr (std::is_same_v<Carried, std::remove_cvref_t<P>>) {
    static_assert(std::is_convertible_v<Arg, Carried>, "an argument can't be converted to the type of its parameter");
    return std::forward<Arg>(argument);
  } else {
    static_assert(std::is_convertible_v<Arg, P>, "an argument can't be converted to the type of its parameter");
    const std::remove_cvref_t<P> view = std::forward<Arg>(argument);
    return Carried(view.begin(), view.end());
  }
}

template <class F, class S>
class CallWith;
template <class F, class R, class... P>
class CallWith<F, Signature<R, P...>> {
 public:
  static_assert(
      (!kIsChangeable<P> && ...),
      "a parameter T& can't cross to another process, where nobody here would see the change: take const T& or "
      "T and return the new value, or share it (a Queue, a Value)");
  using Arguments = std::tuple<CarriedType<P>...>;
  // void if nothing is encoded.
  using Result = typename ResultOf<R>::Type;

  // The arguments, converted to the types that travel.
  template <class... Args>
  static Arguments Pack(Args&&... arguments) {
    static_assert(sizeof...(Args) == sizeof...(P),
                  "this function takes another number of arguments than are given here");
    return Arguments{PackOne<CarriedType<P>, P>(std::forward<Args>(arguments))...};
  }

  // Makes the call in this process. Only once.
  static R CallPacked(F function, Arguments& arguments) { return CallWithCarried<R, P...>(function, arguments); }
};

}  // namespace call_internal

// Whether F, decayed, can be called in another process.
template <class F>
concept CrossableFunction = call_internal::kIsFunctionPointer<F> || call_internal::kIsStateless<F>;

// A call of F (a decayed type). `Args`, the arguments' types, matter only to generic lambdas.
template <class F, class... Args>
class Call : public call_internal::CallWith<F, decltype(call_internal::FindSignature<F, Args...>())> {
  static_assert(CrossableFunction<F>,
                "only a pointer to a function or a lambda without captures can cross to another process: give what it "
                "captures as arguments, or start it with Process::Fork, which takes any callable; in place of a "
                "std::function or bind expression give the function and its arguments");

 public:
  // FailedPrecondition: as in function_id.h. InvalidArgument: `function` is a null pointer.
  static absl::StatusOr<FunctionId> Id([[maybe_unused]] F function) {
    using function_id_internal::MakeFunctionId;
    if constexpr (call_internal::kIsFunctionPointer<F>) {
      if (function == nullptr) return absl::InvalidArgumentError("the function to be called is a null pointer");
      return MakeFunctionId(call_internal::TrampolineFor<F, Args...>(), reinterpret_cast<const void*>(function));
    } else {
      static const absl::StatusOr<FunctionId>& id =
          *new absl::StatusOr<FunctionId>(MakeFunctionId(call_internal::TrampolineFor<F, Args...>(), nullptr));
      return id;
    }
  }
};

// Call<F, Args...>::Id(function) with a deduced F.
template <class... Args, class F>
absl::StatusOr<FunctionId> FunctionIdOf(F function) {
  return Call<F, Args...>::Id(function);
}

}  // namespace regatta

#endif  // REGATTA_CORE_PROCESS_CALL_H_
