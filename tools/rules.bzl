"""The C++ rules of this project: the one place for compiler options and test defaults."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")
load("@rules_shell//shell:sh_binary.bzl", "sh_binary")
load("@rules_shell//shell:sh_test.bzl", "sh_test")

def _copts():
    # A warning ends the build where the compilers are known: Debian 12's, by Debian's Bazel. With newer ones, and in a project that depends
    # on this one, another compiler or Abseil may have warnings that nobody here has seen.
    if hasattr(native, "repo_name"):
        return ["-Wall", "-Wextra"] if native.repo_name() == "" else []
    return ["-Wall", "-Wextra", "-Werror"] if native.repository_name() == "@" else []

def regatta_cc_library(name, copts = [], **kwargs):
    """A library, linked statically; private unless it says otherwise."""
    cc_library(name = name, copts = _copts() + copts, linkstatic = True, **kwargs)

def regatta_cc_binary(name, copts = [], **kwargs):
    """A program."""
    cc_binary(name = name, copts = _copts() + copts, linkstatic = True, **kwargs)

def regatta_cc_test(name, copts = [], size = "small", **kwargs):
    """A test: the whole program in one executable, so that a function is found in it by build-id and offset."""
    cc_test(name = name, copts = _copts() + copts, size = size, linkstatic = True, **kwargs)

def regatta_cc_fuzz_test(name, corpus = None, runs = 200000, copts = [], tags = [], **kwargs):
    """A libFuzzer target, of a fixed seed and number of runs.

    It is built and run only when asked for: ./tools/bazel test --config=fuzz //...:<name>

    Args:
      name: the target.
      corpus: a folder of inputs beside the BUILD file, to start from.
      runs: inputs to try.
      copts: as in cc_test.
      tags: as in cc_test.
      **kwargs: as in cc_test.
    """
    inputs = native.glob([corpus + "/**"]) if corpus else []
    cc_test(
        name = name,
        size = "medium",
        args = ["-seed=1", "-runs=%d" % runs, "-rss_limit_mb=1024"] +
               ([native.package_name() + "/" + corpus] if corpus else []),
        copts = _copts() + copts,
        data = inputs,
        linkopts = ["-fsanitize=fuzzer"],
        linkstatic = True,
        tags = tags + ["manual", "fuzz"],
        **kwargs
    )

def regatta_py_binary(name, srcs, **kwargs):
    """A program in python3, one executable script that needs the standard library alone."""
    sh_binary(name = name, srcs = srcs, **kwargs)

def regatta_py_test(name, srcs, size = "small", **kwargs):
    """A test in python3, one executable script; what it imports lies beside it and is in data.

    Bazel 4.2.3's py_test runs a program called python, which Debian does not have.
    """
    sh_test(name = name, srcs = srcs, size = size, **kwargs)

def regatta_model_test(name, model, whole, broken, size = "medium", **kwargs):
    """A model in promela, checked by spin.

    Args:
      name: the target.
      model: the .pml file.
      whole: configurations, each a string of -D switches, in which the model has no error.
      broken: configurations in which a step is left out, each of which must be found out.
      size: as in sh_test.
      **kwargs: as in sh_test.
    """
    quoted = ["'%s'" % configuration for configuration in whole + ["--"] + broken]
    sh_test(
        name = name,
        srcs = ["//tools/checks:model_test.sh"],
        args = ["$(location %s)" % model] + quoted,
        data = [model],
        size = size,
        **kwargs
    )
