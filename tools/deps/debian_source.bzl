"""Libraries built by Bazel from the sources of Debian's source packages.

Debian's binary packages won't do: its Google Benchmark is a debug build, its Abseil has a string_view of its own, and
neither can be instrumented by a sanitizer.
"""

def _run(rctx, arguments, doing):
    result = rctx.execute(arguments, timeout = 600)
    if result.return_code != 0:
        fail("%s failed (exit code %d). Is there a network, and does 'apt-get update' work?\n%s%s" %
             (doing, result.return_code, result.stdout, result.stderr))

def _debian_archives_impl(rctx):
    script = rctx.path(Label("//tools/deps:debian_archives.sh"))
    _run(rctx, ["bash", script] + rctx.attr.sources, "Downloading Debian's sources of " + ", ".join(rctx.attr.sources))

    # An index with stable names, as file names carry versions: <source>.orig and <source>.debian.
    for source in rctx.attr.sources:
        for path in rctx.path(".").readdir():
            for kind in ["orig", "debian"]:
                if path.basename.startswith(source + "_") and (".%s.tar." % kind) in path.basename:
                    rctx.symlink(path, "%s.%s" % (source, kind))
    rctx.file("BUILD", "")

debian_archives = repository_rule(
    doc = "The archives of `sources`, downloaded in one go, as <source>.orig and <source>.debian.",
    implementation = _debian_archives_impl,
    attrs = {"sources": attr.string_list(mandatory = True)},
)

def _debian_source_impl(rctx):
    for kind in ["orig", "debian"]:
        archive = rctx.path(Label("@debian_archives//:%s.%s" % (rctx.attr.source, kind)))
        strip = "1" if kind == "orig" else "0"
        _run(rctx, ["tar", "-xf", archive, "--strip-components=" + strip], "Unpacking " + str(archive))

    # Of Debian's changes only the security fixes: the others are about its own packaging.
    for patch in rctx.read("debian/patches/series").splitlines():
        if patch.startswith("CVE-"):
            _run(rctx, ["patch", "-s", "-p1", "-i", "debian/patches/" + patch], "Applying " + patch)

    for path, pairs in rctx.attr.replacements.items():
        content = rctx.read(path)
        for old, new in json.decode(pairs).items():
            content = content.replace(old, new)
        rctx.file(path, content, executable = False)

_debian_source = repository_rule(
    implementation = _debian_source_impl,
    attrs = {
        "source": attr.string(mandatory = True),
        "replacements": attr.string_dict(),
    },
)

def debian_source(name, source, replacements = {}):
    """A repository of upstream's sources with upstream's BUILD files.

    Args:
      name: the repository; keep upstream's name, so that labels are upstream's.
      source: Debian's source package.
      replacements: {file: {text: text instead}}.
    """
    _debian_source(
        name = name,
        source = source,
        replacements = {path: json.encode(pairs) for path, pairs in replacements.items()},
    )
