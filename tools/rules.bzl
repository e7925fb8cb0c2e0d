"""The C++ rules of this project: the one place for compiler options and test defaults."""

load("@rules_cc//cc:defs.bzl", "cc_binary", "cc_library", "cc_test")

_COPTS = [
    "-Wall",
    "-Wextra",
    "-Werror",
]

def regatta_cc_library(name, copts = [], **kwargs):
    """A library, linked statically; private unless it says otherwise."""
    cc_library(name = name, copts = _COPTS + copts, linkstatic = True, **kwargs)

def regatta_cc_binary(name, copts = [], **kwargs):
    """A program."""
    cc_binary(name = name, copts = _COPTS + copts, linkstatic = True, **kwargs)

def regatta_cc_test(name, copts = [], size = "small", **kwargs):
    """A test: the whole program in one executable, so that a function is found in it by build-id and offset."""
    cc_test(name = name, copts = _COPTS + copts, size = size, linkstatic = True, **kwargs)
