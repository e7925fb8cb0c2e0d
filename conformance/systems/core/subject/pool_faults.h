// What the seeded faults of pools do to callbacks and to the items of a map.
#ifndef REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_POOL_FAULTS_H_
#define REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_POOL_FAULTS_H_

#include <algorithm>
#include <functional>
#include <tuple>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "conformance/systems/core/subject/fault.h"

namespace regatta::subject {

// Calls `call` in a child of fork, and waits for its end.
void InAChild(const std::function<void()>& call);

// Of the task with that number.
template <class... Result>
void MangleCallback(std::function<void(Result...)>& callback, int task) {
  if (!callback) return;
  if (Injected(Fault::kPoolCallbackDropped) && task % 2 == 0) callback = nullptr;
  if (Injected(Fault::kPoolCallbackDoubled)) {
    callback = [callback](const Result&... result) {
      callback(result...);
      callback(result...);
    };
  }
  if (Injected(Fault::kPoolCallbackInChild)) {
    callback = [callback](const Result&... result) { InAChild([&] { callback(result...); }); };
  }
}

template <class R>
void CallBackWith(const std::function<void(const R&)>& callback, const absl::StatusOr<R>& outcome) {
  callback(*outcome);
}
inline void CallBackWith(const std::function<void()>& callback, const absl::Status&) { callback(); }

template <class... Parts>
std::tuple<Parts...> Torn(std::tuple<Parts...> parts) {
  return std::apply([](auto&... part) { return std::tuple<Parts...>(Torn(std::move(part))...); }, parts);
}

template <class Item>
std::vector<Item> MangledItems(std::vector<Item> items) {
  std::vector<Item> mangled;
  int number = 0;
  for (Item& item : items) {
    if (Injected(Fault::kPoolTaskDropped) && ++number % 2 == 0) continue;
    if (Injected(Fault::kPoolTaskDoubled)) mangled.push_back(item);
    mangled.push_back(Injected(Fault::kPoolTaskTorn) ? Torn(std::move(item)) : std::move(item));
  }
  if (Injected(Fault::kPoolMapReordered)) std::reverse(mangled.begin(), mangled.end());
  return mangled;
}

}  // namespace regatta::subject

#endif  // REGATTA_CONFORMANCE_SYSTEMS_CORE_SUBJECT_POOL_FAULTS_H_
