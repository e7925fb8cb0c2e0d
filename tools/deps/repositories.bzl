"""What WORKSPACE needs, in one call: this project's own, and that of a project that depends on it."""

load(":bazel4.bzl", "bazel4_repositories")
load(":debian_source.bzl", "debian_archives", "debian_source")
load(":installed.bzl", "hwloc", "nlohmann_json", "peers")

def regatta_repositories():
    """For Debian's Bazel 4.2.3: everything comes from Debian's packages, and Bazel itself downloads nothing."""
    bazel4_repositories()

    debian_archives(
        name = "debian_archives",
        sources = ["abseil", "benchmark", "googletest"],
    )

    # Bazel 4.2.3 does not know wasm; the two names are read by a config_setting that never matches here.
    debian_source(
        name = "com_google_absl",
        replacements = {
            "absl/BUILD.bazel": {
                "@platforms//cpu:wasm32": "@platforms//cpu:s390x",
                "@platforms//cpu:wasm64": "@platforms//cpu:s390x",
            },
        },
        source = "abseil",
    )

    debian_source(
        name = "com_google_googletest",
        source = "googletest",
    )

    debian_source(
        name = "com_github_google_benchmark",
        source = "benchmark",
    )

    hwloc(name = "hwloc")

    nlohmann_json(name = "nlohmann_json")

    peers(name = "peers")
