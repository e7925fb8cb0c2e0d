"""Libraries used as installed on the machine.

The launcher puts the installed packages' versions into REGATTA_INSTALLED, so that installing, upgrading or removing one
makes Bazel look again.
"""

_ENVIRON = ["REGATTA_INSTALLED", "PKG_CONFIG_PATH"]

def _pkg_config(rctx, module):
    """The (cflags, libs) of a module, or None where it isn't installed."""
    pkg_config = rctx.which("pkg-config")
    if not pkg_config:
        fail("pkg-config is not installed: start Bazel with ./tools/bazel, which installs what is missing.")
    answers = []
    for flag in ["--cflags", "--libs"]:
        result = rctx.execute([pkg_config, flag, module])
        if result.return_code != 0:
            return None
        answers.append([word for word in result.stdout.strip().split(" ") if word])
    return answers

def _hwloc_impl(rctx):
    answer = _pkg_config(rctx, "hwloc")
    if not answer:
        fail("hwloc is not installed: start Bazel with ./tools/bazel, which installs libhwloc-dev.")
    rctx.file("BUILD", """load("@rules_cc//cc:defs.bzl", "cc_library")

cc_library(
    name = "hwloc",
    linkopts = {libs},
    visibility = ["//visibility:public"],
)
""".format(libs = repr(answer[1])))

hwloc = repository_rule(
    doc = "@hwloc//:hwloc, the installed libhwloc.",
    implementation = _hwloc_impl,
    environ = _ENVIRON,
)

def _nlohmann_json_impl(rctx):
    if not _pkg_config(rctx, "nlohmann_json"):
        fail("nlohmann-json is not installed: start Bazel with ./tools/bazel, which installs nlohmann-json3-dev.")
    rctx.file("BUILD", """load("@rules_cc//cc:defs.bzl", "cc_library")

cc_library(
    name = "json",
    visibility = ["//visibility:public"],
)
""")

nlohmann_json = repository_rule(
    doc = "@nlohmann_json//:json, the installed nlohmann-json: headers only, in the compiler's own include path.",
    implementation = _nlohmann_json_impl,
    environ = _ENVIRON,
)

# What may be raced against the core. name: (macro, file that must be there, linkopts)
_PEERS = {
    "boost_interprocess": ("REGATTA_HAVE_BOOST_INTERPROCESS", "/usr/include/boost/interprocess/ipc/message_queue.hpp", ["-lrt"]),
    "tbb": ("REGATTA_HAVE_TBB", "/usr/include/oneapi/tbb.h", ["-ltbb"]),
    "zeromq": ("REGATTA_HAVE_ZEROMQ", "/usr/include/zmq.h", ["-lzmq"]),
}

def _peers_impl(rctx):
    build = """load("@rules_cc//cc:defs.bzl", "cc_library")
"""
    for name, (macro, header, linkopts) in _PEERS.items():
        present = rctx.path(header).exists
        build += """
cc_library(
    name = "{name}",
    defines = ["{macro}={present}"],
    linkopts = {linkopts},
    visibility = ["//visibility:public"],
)
""".format(name = name, macro = macro, present = 1 if present else 0, linkopts = repr(linkopts if present else []))
    rctx.file("BUILD", build)

peers = repository_rule(
    doc = """@peers//:<name> for each optional peer, installed or not.

    A target that depends on one sees REGATTA_HAVE_<NAME> as 1 or 0, and must report the peer as absent where it is 0.""",
    implementation = _peers_impl,
    environ = _ENVIRON,
)
