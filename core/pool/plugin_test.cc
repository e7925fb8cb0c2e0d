// Functions of libraries that a program loads while it runs, and of libraries that it has loaded twice.
#include <dlfcn.h>

#include <string>

#include "absl/status/status.h"
#include "absl/strings/match.h"
#include "core/pool/pool.h"
#include "core/process/call.h"
#include "core/testing/forked_child.h"
#include "gtest/gtest.h"

namespace regatta {
namespace {

constexpr char kPlugin[] = "core/testing/libplugin.so";
constexpr char kCopy[] = "core/testing/libplugin_copy.so";  // The same bytes in another file.

using Function = int (*)(int);

Function PluginOf(void* library) {
  if (library == nullptr) fprintf(stderr, "%s\n", dlerror());
  return library == nullptr ? nullptr : reinterpret_cast<Function>(dlsym(library, "PluginAdd"));
}
Function Load(const char* path) { return PluginOf(dlopen(path, RTLD_NOW | RTLD_LOCAL)); }

bool Says(const absl::Status& status, absl::string_view text) {
  if (absl::StrContains(status.message(), text)) return true;
  fprintf(stderr, "%s\n", status.ToString().c_str());
  return false;
}

// Each in a process of its own, that has loaded nothing yet.

TEST(Plugin, ThatWasLoadedBeforeThePoolIsCalledThere) {
  ForkedChild owner([] {
    const Function add = Load(kPlugin);
    REGATTA_CHILD_REQUIRE(add != nullptr);
    absl::StatusOr<Pool> pool = Pool::Create({.workers = 1});
    REGATTA_CHILD_REQUIRE(pool.ok());
    REGATTA_CHILD_REQUIRE(*pool->Apply(add, 2) == 42);
    return 0;
  });
  EXPECT_EQ(owner.Wait(), 0);
}

TEST(Plugin, ThatAWorkerHasNotLoadedIsRefusedWithTheWayOut) {
  for (const StartMethod method : kAllStartMethods) {
    ForkedChild owner([&] {
      absl::StatusOr<Pool> pool = Pool::Create({.workers = 1, .method = method});
      REGATTA_CHILD_REQUIRE(pool.ok());
      const Function add = Load(kPlugin);
      REGATTA_CHILD_REQUIRE(add != nullptr);
      const absl::Status refused = pool->Apply(add, 2).status();
      REGATTA_CHILD_REQUIRE(absl::IsDataLoss(refused));
      REGATTA_CHILD_REQUIRE(Says(refused, "is not loaded in process"));
      REGATTA_CHILD_REQUIRE(Says(refused, "load the library before the pool"));
      return 0;
    });
    EXPECT_EQ(owner.Wait(), 0) << StartMethodName(method);
  }
}

TEST(Plugin, ThatIsLoadedTwiceIsRefusedAsAmbiguousWhicheverCopyIsMeant) {
  ForkedChild owner([] {
    const Function add = Load(kPlugin);
    const Function copy = Load(kCopy);
    REGATTA_CHILD_REQUIRE(add != nullptr && copy != nullptr && add != copy);
    absl::StatusOr<Pool> pool = Pool::Create({.workers = 1});
    REGATTA_CHILD_REQUIRE(pool.ok());
    for (const Function function : {add, copy}) {
      const absl::Status refused = pool->ApplyAsync(function, 2).status();
      REGATTA_CHILD_REQUIRE(absl::IsFailedPrecondition(refused));
      REGATTA_CHILD_REQUIRE(Says(refused, "two copies of one library"));
      REGATTA_CHILD_REQUIRE(Says(refused, kPlugin) && Says(refused, kCopy));
    }
    return 0;
  });
  EXPECT_EQ(owner.Wait(), 0);
}

TEST(Plugin, ThatAWorkerHasLoadedTwiceIsRefusedThere) {
  ForkedChild owner([] {
    absl::StatusOr<Pool> pool = Pool::Create({.workers = 1});
    REGATTA_CHILD_REQUIRE(pool.ok());
    REGATTA_CHILD_REQUIRE(*pool->Apply([] { return Load(kPlugin) != nullptr && Load(kCopy) != nullptr; }));
    const absl::Status refused = pool->Apply(Load(kPlugin), 2).status();
    REGATTA_CHILD_REQUIRE(absl::IsFailedPrecondition(refused));
    REGATTA_CHILD_REQUIRE(Says(refused, "two copies of one library"));
    return 0;
  });
  EXPECT_EQ(owner.Wait(), 0);
}

#if !defined(__SANITIZE_ADDRESS__)  // Its runtime refuses to be loaded a second time.
TEST(Plugin, InANamespaceOfItsOwnIsRefusedAlsoIfTheProgramHasLoadedItToo) {
  for (const bool loaded_too : {false, true}) {
    ForkedChild owner([&] {
      if (loaded_too) REGATTA_CHILD_REQUIRE(Load(kPlugin) != nullptr);
      const Function apart = PluginOf(dlmopen(LM_ID_NEWLM, kPlugin, RTLD_NOW | RTLD_LOCAL));
      REGATTA_CHILD_REQUIRE(apart != nullptr);
      const absl::Status refused = FunctionIdOf(apart).status();
      REGATTA_CHILD_REQUIRE(absl::IsFailedPrecondition(refused));
      REGATTA_CHILD_REQUIRE(Says(refused, "another namespace") && Says(refused, kPlugin));
      return 0;
    });
    EXPECT_EQ(owner.Wait(), 0) << loaded_too;
  }
}
#endif

}  // namespace
}  // namespace regatta
