// Encoder: the interface by which the codecs of a value and of its parts write.
//
// Threads    Thread-compatible. Each value has its own Encoder.
#ifndef REGATTA_CORE_CODEC_ENCODER_H_
#define REGATTA_CORE_CODEC_ENCODER_H_

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <utility>

#include "absl/base/optimization.h"
#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "core/codec/descriptors.h"
#include "core/codec/traits.h"
#include "core/os/fd.h"

namespace regatta {
namespace codec_internal {

template <class T>
void PutFixed(const T& value, std::byte* out) {
  if constexpr (kIsBlock<T>) {
    std::memcpy(out, &value, sizeof(T));
  } else {
    Codec<T>::Put(value, out);
  }
}
// The number of bytes that `value` takes.
template <class T>
size_t SizeOf(const T& value) {
  if constexpr (kFixedSize<T> != kVariable) {
    return kFixedSize<T>;
  } else {
    return Codec<T>::Size(value);
  }
}

}  // namespace codec_internal

// Writes into a buffer that has exactly the encoding's size. After a failure the buffer's content is unspecified.
// Nothing is ever written outside of it.
class Encoder {
 public:
  // Errors name the value by `what`. If `descriptors` is null, a value that holds a descriptor fails.
  Encoder(absl::Span<std::byte> out, DescriptorSink* descriptors, absl::string_view what)
      : next_(out.data()), end_(out.data() + out.size()), descriptors_(descriptors), what_(what) {}

  template <class T>
  void Write(const T& value) {
    static_assert(codec_internal::HasCodec<T>, "there is no codec for this type: codec.h says which there are");
    if constexpr (kFixedSize<T> != kVariable) {
      if (std::byte* out = Reserve(kFixedSize<T>); ABSL_PREDICT_TRUE(out != nullptr)) {
        codec_internal::PutFixed(value, out);
      }
    } else if constexpr (codec_internal::kOpaque<T>) {
      if (++nesting_ > kMaxNesting) {
        FailNesting();
      } else {
        const std::byte* const begin = next_;
        Codec<T>::Encode(value, *this);
        if (next_ == begin) FailEmpty();
      }
      --nesting_;
    } else {
      Codec<T>::Encode(value, *this);
    }
  }
  void WriteCount(uint64_t count) { WriteBytes(&count, sizeof(count)); }
  void WriteBytes(const void* bytes, size_t size) {
    if (std::byte* out = Reserve(size); ABSL_PREDICT_TRUE(out != nullptr && size > 0)) std::memcpy(out, bytes, size);
  }
  void WriteDescriptor(const Fd& fd);
  // Returns `size` bytes for the caller to fill. Returns null if Size had not asked for so many.
  std::byte* Reserve(size_t size) {
    if (ABSL_PREDICT_FALSE(size > static_cast<size_t>(end_ - next_))) return FailRoom();
    return std::exchange(next_, next_ + size);
  }

  // Makes Finish return `status`. If Fail is called several times, the first status stays.
  void Fail(absl::Status status);
  // Returns OK if nothing failed and the buffer is full.
  absl::Status Finish() {
    if (ABSL_PREDICT_FALSE(!status_.ok() || next_ != end_)) return FinishFailed();
    return absl::OkStatus();
  }

 private:
  std::byte* FailRoom();
  void FailNesting();
  void FailEmpty();
  absl::Status FinishFailed();

  std::byte* next_;
  std::byte* const end_;
  DescriptorSink* const descriptors_;
  const absl::string_view what_;
  int nesting_ = 0;
  absl::Status status_;
};

}  // namespace regatta

#endif  // REGATTA_CORE_CODEC_ENCODER_H_
