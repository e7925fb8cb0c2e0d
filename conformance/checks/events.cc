#include "conformance/checks/events.h"

#include <algorithm>

#include "absl/strings/str_cat.h"

namespace regatta::conformance {

Events Events::By(std::string actor) const {
  Events narrower = *this;
  narrower.actor_ = std::move(actor);
  return narrower;
}

Events Events::With(Values values) const {
  Events narrower = *this;
  narrower.values_ = std::move(values);
  return narrower;
}

Events Events::Ok() const { return Failed(""); }

Events Events::Failed(std::string error) const {
  Events narrower = *this;
  narrower.error_ = std::move(error);
  return narrower;
}

std::vector<const Event*> Events::In(const Trace& trace) const {
  std::vector<const Event*> chosen;
  for (const Event& event : trace.events) {
    if (event.kind != kind_) continue;
    if (actor_.has_value() && event.actor != *actor_) continue;
    if (error_.has_value() && event.error != *error_) continue;
    if (event.values.size() < values_.size()) continue;
    if (!std::equal(values_.begin(), values_.end(), event.values.begin())) continue;
    chosen.push_back(&event);
  }
  return chosen;
}

std::string Events::name() const {
  std::string name = kind_;
  if (!values_.empty()) absl::StrAppend(&name, " ", ToString(values_));
  if (actor_.has_value()) absl::StrAppend(&name, " by ", *actor_);
  if (error_.has_value())
    absl::StrAppend(&name, error_->empty() ? " that succeeded" : absl::StrCat(" that failed (", *error_, ")"));
  return name;
}

}  // namespace regatta::conformance
