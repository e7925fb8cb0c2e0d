"""Repositories that Bazel 4.2.3 would download by itself, each reduced to what this project's builds use of it."""

_CC_RULES = [
    "cc_binary",
    "cc_import",
    "cc_library",
    "cc_proto_library",
    "cc_test",
    "cc_toolchain",
    "cc_toolchain_suite",
    "objc_import",
    "objc_library",
]

_JAVA_RULES = [
    "java_binary",
    "java_import",
    "java_library",
    "java_package_configuration",
    "java_plugin",
    "java_proto_library",
    "java_runtime",
    "java_test",
    "java_toolchain",
]

_SHELL_RULES = [
    "sh_binary",
    "sh_test",
]

def _native_rules_impl(rctx):
    rctx.file("BUILD", "")
    rctx.file(rctx.attr.package + "/BUILD", "")
    for file, rules in rctx.attr.files.items():
        rctx.file(
            rctx.attr.package + "/" + file,
            "".join(["%s = native.%s\n" % (rule, rule) for rule in rules]),
        )

_native_rules = repository_rule(
    implementation = _native_rules_impl,
    attrs = {
        "package": attr.string(mandatory = True),
        "files": attr.string_list_dict(mandatory = True),
    },
)

def _coverage_tools_impl(rctx):
    rctx.file("BUILD", """
[
    sh_binary(
        name = name,
        srcs = ["absent.sh"],
        visibility = ["//visibility:public"],
    )
    for name in ["coverage_report_generator", "lcov_merger"]
]
""")
    rctx.file("absent.sh", """#!/bin/sh
echo "bazel coverage: Debian's Bazel comes without its coverage tools, and this project has none of its own." >&2
exit 1
""")

_coverage_tools = repository_rule(implementation = _coverage_tools_impl)

def bazel4_repositories():
    """Declared first, these win over Bazel's own declarations of the same names."""
    _native_rules(name = "rules_cc", package = "cc", files = {"defs.bzl": _CC_RULES})
    _native_rules(name = "rules_java", package = "java", files = {"defs.bzl": _JAVA_RULES})
    _native_rules(name = "rules_shell", package = "shell", files = {rule + ".bzl": [rule] for rule in _SHELL_RULES})
    _coverage_tools(name = "remote_coverage_tools")
    native.local_repository(name = "bazel_skylib", path = "/usr/share/bazel/tools/skylib")
