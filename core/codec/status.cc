#include "core/codec/status.h"

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "absl/strings/cord.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/string_view.h"
#include "core/codec/sequences.h"

namespace regatta {
namespace {

struct Payload {
  std::string url;
  std::string bytes;
};

// ForEachPayload promises no order.
std::vector<Payload> SortedPayloads(const absl::Status& status) {
  std::vector<Payload> payloads;
  status.ForEachPayload([&payloads](absl::string_view url, const absl::Cord& bytes) {
    payloads.push_back({.url = std::string(url), .bytes = std::string(bytes)});
  });
  std::sort(payloads.begin(), payloads.end(), [](const Payload& a, const Payload& b) { return a.url < b.url; });
  return payloads;
}

std::string_view MessageOf(const absl::Status& status) { return {status.message().data(), status.message().size()}; }

}  // namespace

size_t Codec<absl::Status>::SizeOfError(const absl::Status& value) {
  size_t size = sizeof(int32_t) + codec_internal::SizeOf(MessageOf(value)) + codec_internal::kCountSize;
  value.ForEachPayload([&size](absl::string_view url, const absl::Cord& bytes) {
    size += 2 * codec_internal::kCountSize + url.size() + bytes.size();
  });
  return size;
}

void Codec<absl::Status>::EncodeError(const absl::Status& value, Encoder& out) {
  const std::vector<Payload> payloads = SortedPayloads(value);
  if (payloads.size() > kMaxPayloads) {
    out.Fail(absl::InvalidArgumentError(
        absl::StrCat("a status with ", payloads.size(), " payloads can't be encoded: give it at most ", kMaxPayloads)));
    return;
  }
  out.Write<int32_t>(value.raw_code());
  out.Write(MessageOf(value));
  out.WriteCount(payloads.size());
  for (const Payload& payload : payloads) {
    out.Write(payload.url);
    out.Write(payload.bytes);
  }
}

bool Codec<absl::Status>::Decode(Decoder& in, absl::Status& value) {
  value = absl::OkStatus();
  int32_t code = 0;
  if (!in.Read(code)) return false;
  if (code == 0) return true;
  std::string message;
  size_t count = 0;
  if (!in.Read(message) || !in.ReadCount(2 * codec_internal::kCountSize, count)) return false;
  if (count > kMaxPayloads) return in.Fail(absl::StrCat("a status with ", count, " payloads"));
  value = absl::Status(static_cast<absl::StatusCode>(code), message);
  std::string previous_url;
  for (size_t i = 0; i < count; ++i) {
    Payload payload;
    if (!in.Read(payload.url) || !in.Read(payload.bytes)) return false;
    if (i > 0 && payload.url <= previous_url) return in.Fail("payloads of a status out of order");
    value.SetPayload(payload.url, absl::Cord(std::move(payload.bytes)));
    previous_url = std::move(payload.url);
  }
  return true;
}

}  // namespace regatta
