// The core's Value and Array, as the scenarios see them: the same calls, and the place of the seeded faults.
#ifndef REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_VALUE_H_
#define REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_VALUE_H_

#include <cstdint>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/types/span.h"
#include "conformance/systems/core/subject/fault.h"
#include "core/codec/codec.h"
#include "core/ipc/array.h"
#include "core/ipc/value.h"
#include "core/os/deadline.h"

namespace regatta::subject {

template <class T>
class Value {
 public:
  Value() = default;
  explicit Value(regatta::Value<T> value) : value_(std::move(value)) {}
  static absl::StatusOr<Value> Create(T initial) {
    absl::StatusOr<regatta::Value<T>> value = regatta::Value<T>::Create(initial);
    if (!value.ok()) return value.status();
    return Value(*std::move(value));
  }

  T Get() const { return value_.Get(); }
  void Set(T value) {
    if (!Injected(Fault::kValueSetLost)) value_.Set(Injected(Fault::kValueTorn) ? Torn(value) : value);
  }
  template <class Change>
  absl::Status Update(Change change) {
    if (!Injected(Fault::kValueOpen)) return value_.Update(change).status();
    T value = value_.Get();
    change(value);
    value_.Set(value);
    return absl::OkStatus();
  }
  absl::Status Acquire(Deadline deadline) {
    return Injected(Fault::kValueOpen) ? absl::OkStatus() : value_.Acquire(deadline).status();
  }

  const regatta::Value<T>& under_test() const { return value_; }

 private:
  regatta::Value<T> value_;
};

template <class T>
class Array {
 public:
  Array() = default;
  explicit Array(regatta::Array<T> array) : array_(std::move(array)) {}
  static absl::StatusOr<Array> Create(int64_t size) {
    absl::StatusOr<regatta::Array<T>> array = regatta::Array<T>::Create(size);
    if (!array.ok()) return array.status();
    if (Injected(Fault::kArrayNotZeroed)) array->span()[0] = 1;
    return Array(*std::move(array));
  }
  static absl::StatusOr<Array> CreateFrom(absl::Span<const T> initial) {
    absl::StatusOr<regatta::Array<T>> array = regatta::Array<T>::CreateFrom(initial);
    if (!array.ok()) return array.status();
    return Array(*std::move(array));
  }

  int64_t size() const { return array_.size(); }
  absl::StatusOr<T> Get(int64_t index) {
    absl::StatusOr<T> value = array_.Get(index);
    return value.ok() || !Injected(Fault::kArrayIndexUnchecked) ? value : T();
  }
  absl::Status Set(int64_t index, T value) {
    if (Injected(Fault::kArraySetLost)) return absl::OkStatus();
    absl::Status set = array_.Set(index, value).status();
    return Injected(Fault::kArrayIndexUnchecked) ? absl::OkStatus() : set;
  }
  std::vector<T> Copy() const { return {array_.span().begin(), array_.span().end()}; }

  const regatta::Array<T>& under_test() const { return array_; }

 private:
  regatta::Array<T> array_;
};

// The codec of a subject that wraps an Inner.
template <class Subject, class Inner>
struct WrapperCodec {
  static constexpr uint64_t kFingerprint = TypeFingerprint<Inner>();
  static constexpr bool kCarriesDescriptors = true;
  static size_t Size(const Subject& subject) { return EncodedSize(subject.under_test()); }
  static void Encode(const Subject& subject, Encoder& out) { out.Write(subject.under_test()); }
  static bool Decode(Decoder& in, Subject& subject) {
    Inner inner;
    if (!in.Read(inner)) return false;
    subject = Subject(std::move(inner));
    return true;
  }
};

}  // namespace regatta::subject

template <class T>
struct regatta::Codec<regatta::subject::Value<T>>
    : regatta::subject::WrapperCodec<regatta::subject::Value<T>, regatta::Value<T>> {};
template <class T>
struct regatta::Codec<regatta::subject::Array<T>>
    : regatta::subject::WrapperCodec<regatta::subject::Array<T>, regatta::Array<T>> {};

#endif  // REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_VALUE_H_
