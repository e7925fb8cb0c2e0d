// NullIfEmpty: in a struct's list of members (members.h), a field that is null in JSON as long as it equals a
// default-constructed one.
#ifndef REGATTA_TOOLS_JSON_NULL_IF_EMPTY_H_
#define REGATTA_TOOLS_JSON_NULL_IF_EMPTY_H_

namespace regatta {

template <class T>
struct NullIfEmpty {
  T& value;
};
template <class T>
NullIfEmpty(T&) -> NullIfEmpty<T>;

}  // namespace regatta

#endif  // REGATTA_TOOLS_JSON_NULL_IF_EMPTY_H_
