#include "core/process/call.h"

#include <exception>
#include <memory>
#include <typeinfo>

#include "core/os/error.h"

namespace regatta::call_internal {
namespace {

std::string ReadableName(const std::type_info& type) {
  int status = 0;
  const std::unique_ptr<char, void (*)(void*)> name(abi::__cxa_demangle(type.name(), nullptr, nullptr, &status), free);
  return status == 0 ? name.get() : type.name();
}

absl::Status TextError(const std::string& type, const char* text) {
  return ThrownError(type, text == nullptr ? "it carries no text" : text);
}

}  // namespace

absl::Status CurrentExceptionError() {
  const std::type_info* type = abi::__cxa_current_exception_type();
  const std::string name = type == nullptr ? "foreign exception" : ReadableName(*type);
  try {
    throw;
  } catch (const std::exception& exception) {
    return TextError(name, exception.what());
  } catch (const std::string& text) {
    return ThrownError(name, text);
  } catch (const char* text) {
    return TextError(name, text);
  } catch (...) {
    return TextError(name, nullptr);
  }
}

}  // namespace regatta::call_internal
