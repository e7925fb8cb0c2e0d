#include "bench/scratch_folder.h"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <system_error>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_format.h"
#include "core/os/error.h"

namespace regatta::bench {

absl::StatusOr<std::unique_ptr<ScratchFolder>> ScratchFolder::Create(std::string base) {
  const char* temporary = std::getenv("TMPDIR");
  if (base.empty()) base = temporary != nullptr && *temporary != '\0' ? temporary : "/tmp";
  std::string path = absl::StrCat(base, "/regatta-bench-XXXXXX");
  if (mkdtemp(path.data()) == nullptr) {
    return ErrnoError(absl::StrCat("make a folder in ", base, " (--scratch chooses another one)"));
  }
  return std::unique_ptr<ScratchFolder>(new ScratchFolder(std::move(path)));
}

ScratchFolder::~ScratchFolder() {
  std::error_code error;
  std::filesystem::remove_all(path_, error);
  if (error) absl::FPrintF(stderr, "bench: could not remove %s: %s\n", path_, error.message());
}

}  // namespace regatta::bench
