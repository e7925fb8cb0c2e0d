"""For MODULE.bazel: the libraries that the Central Registry doesn't have, as installed on the machine.

A file of its own: Bazel 4.2.3 has no module_extension.
"""

load(":installed.bzl", "hwloc", "peers")

installed = module_extension(
    doc = "@hwloc, which needs libhwloc-dev (or hwloc-devel) and pkg-config.",
    implementation = lambda _: hwloc(name = "hwloc"),
)

installed_peers = module_extension(
    doc = "@peers, each of which may be absent.",
    implementation = lambda _: peers(name = "peers"),
)
