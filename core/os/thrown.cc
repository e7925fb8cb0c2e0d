#include "core/os/thrown.h"

#include <cstdlib>
#include <exception>
#include <memory>
#include <string>
#include <typeinfo>

#include "core/os/error.h"

namespace regatta {
namespace {

std::string ReadableName(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), free);
  return status == 0 ? name.get() : type.name();
}

std::string TextOf(const char* text) { return text == nullptr ? "its what() returns no text" : text; }

}  // namespace

absl::Status CurrentExceptionError() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  const std::string name = type == nullptr ? "foreign exception" : ReadableName(*type);
  try {
    try {
      throw;
    } catch (const std::exception& exception) {
      return ThrownError(name, TextOf(exception.what()));
    } catch (const std::string& text) {
      return ThrownError(name, text);
    } catch (const char* text) {
      return ThrownError(name, TextOf(text));
    } catch (...) {
      return ThrownError(name, "it is not a std::exception and has no text");
    }
  } catch (abi::__forced_unwind&) {
    throw;
  } catch (...) {
    return ThrownError(name, "its what() threw, too");
  }
}

}  // namespace regatta
