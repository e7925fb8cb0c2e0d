#!/usr/bin/env python3
"""The launcher installs what is missing, and only that, and says what is needed where it can't."""

import os
import pathlib
import shutil
import subprocess
import tempfile
import unittest

LAUNCHER = pathlib.Path("tools/bazel").resolve()

NEEDED = ["g++", "python3", "bazel-skylib", "pkg-config", "libboost-dev", "libhwloc-dev", "nlohmann-json3-dev", "zip", "file",
          "patch", "spin", "valgrind"]
PEERS = ["libzmq3-dev", "libtbb-dev"]
TESTS = ["chromium-headless-shell", "python3-yaml"]

# A machine: the folder `installed` holds a file for each package. apt fails for the packages named in `unavailable`, and
# as long as the file `stale` is there, until an update.
DPKG_QUERY = """#!/bin/bash
for package; do
  if [[ -e $MACHINE/installed/$package ]]; then echo "installed $package 1.0"; fi
done
"""
APT_GET = """#!/bin/bash
for word; do if [[ $word == --print-uris ]]; then [[ ! -e $MACHINE/stale ]]; exit; fi; done
echo "apt-get $DEBIAN_FRONTEND $*" >>"$MACHINE/log"
case " $* " in
  *" update "*) rm -f "$MACHINE/stale" ;;
  *" install "*)
    [[ ! -e $MACHINE/stale ]] || exit 100
    for package; do if grep -qxF -- "$package" "$MACHINE/unavailable"; then exit 100; fi; done
    for package in ${*##*--no-install-recommends }; do touch "$MACHINE/installed/$package"; done ;;
esac
"""
SUDO = """#!/bin/bash
exec "$@"
"""
BAZEL = """#!/bin/bash
printf '[%s]' bazel "$@"; echo
echo "installed $REGATTA_INSTALLED"
cat
"""


class LauncherTest(unittest.TestCase):

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.machine = pathlib.Path(folder.name)
        (self.machine / "installed").mkdir()
        (self.machine / "bin").mkdir()
        (self.machine / "log").touch()
        (self.machine / "unavailable").touch()
        for tool in ("bash", "env", "readlink", "touch", "rm", "grep", "cat"):
            (self.machine / "bin" / tool).symlink_to(shutil.which(tool))
        for name, text in (("dpkg-query", DPKG_QUERY), ("apt-get", APT_GET), ("sudo", SUDO), ("real-bazel", BAZEL)):
            self.put(name, text)

    def put(self, name, text):
        path = self.machine / "bin" / name
        path.write_text(text)
        path.chmod(0o755)

    def install(self, packages):
        for package in packages:
            (self.machine / "installed" / package).touch()

    def launch(self, *arguments, **environment):
        environment = {"PATH": str(self.machine / "bin"), "MACHINE": str(self.machine),
                       "BAZEL_REAL": str(self.machine / "bin/real-bazel"), **environment}
        return subprocess.run([LAUNCHER, *arguments], input="typed", capture_output=True, text=True, env=environment)

    def log(self):
        return (self.machine / "log").read_text()

    def test_runs_bazel_at_once_where_nothing_is_missing(self):
        self.install(NEEDED + PEERS + TESTS)
        result = self.launch("test", "//a b", "--flag=x y")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.splitlines()[0], "[bazel][test][//a b][--flag=x y]")
        self.assertEqual(result.stdout.splitlines()[-1], "typed")
        self.assertEqual((self.log(), result.stderr), ("", ""))

    def test_installs_what_is_missing_and_only_that(self):
        self.install(set(NEEDED + PEERS) - {"zip", "patch", "libtbb-dev"})
        result = self.launch("version")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("installing Debian's packages zip patch,", result.stderr)
        self.assertIn("installing Debian's packages libtbb-dev,", result.stderr)
        needed, peers = self.log().splitlines()
        self.assertTrue(needed.startswith("apt-get noninteractive ") and needed.endswith("-recommends zip patch"), needed)
        self.assertTrue(peers.endswith("-recommends libtbb-dev"), peers)
        self.assertIn("libtbb-dev=1.0", result.stdout)

    def test_installs_what_only_tests_need_for_tests_only(self):
        self.install(NEEDED + PEERS)
        for words, log in ((("build", "//test"), ""), (("--batch", "test", "//..."), " ".join(TESTS)), (("coverage",), "")):
            (self.machine / "log").write_text("")
            result = self.launch(*words)
            self.assertEqual(result.returncode, 0, result.stderr)
            self.assertTrue(self.log().rstrip().endswith(log) and bool(log) == bool(self.log()), self.log())

    def test_goes_on_where_what_only_tests_need_cant_be_had(self):
        self.install(NEEDED + PEERS)
        (self.machine / "unavailable").write_text(TESTS[0] + "\n")
        result = self.launch("test")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("the tests that need it will fail", result.stderr)

    def test_updates_the_lists_only_where_they_are_too_old(self):
        (self.machine / "stale").touch()
        result = self.launch("version")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual([" update" in line for line in self.log().splitlines()], [True, False, False])

    def test_goes_on_without_a_peer(self):
        (self.machine / "unavailable").write_text("libzmq3-dev\n")
        result = self.launch("version")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertIn("could not install", result.stderr)
        self.assertIn("reported absent", result.stderr)
        self.assertIn("libzmq3-dev= ", result.stdout)

    def test_ends_without_what_the_build_needs(self):
        (self.machine / "unavailable").write_text("libhwloc-dev\n")
        result = self.launch("version")
        self.assertEqual(result.returncode, 1)
        self.assertEqual(result.stdout, "")
        self.assertIn("could not install", result.stderr)

    def test_installs_nothing_when_told_so(self):
        self.install(set(NEEDED) - {"zip"})
        result = self.launch("version", REGATTA_INSTALL="no")
        self.assertEqual((result.returncode, self.log()), (1, ""))
        self.assertIn("apt-get install --no-install-recommends zip", result.stderr)
        self.install(["zip"])
        result = self.launch("version", REGATTA_INSTALL="no")
        self.assertEqual((result.returncode, self.log()), (0, ""))

    def test_names_what_is_needed_where_there_is_neither_apt_nor_bazel(self):
        for name in ("apt-get", "real-bazel"):
            (self.machine / "bin" / name).unlink()
        result = self.launch("version", BAZEL_REAL="")
        self.assertEqual(result.returncode, 1)
        for package in NEEDED + ["bazel-bootstrap"]:
            self.assertIn(package, result.stderr)

    def test_runs_the_bazel_of_a_machine_without_apt_and_never_itself(self):
        (self.machine / "bin" / "apt-get").unlink()
        folder = self.machine / "first"
        folder.mkdir()
        (folder / "bazel").symlink_to(LAUNCHER)
        (self.machine / "bin/real-bazel").rename(self.machine / "bin/bazel")
        result = self.launch("version", BAZEL_REAL="", PATH=f"{folder}:{self.machine / 'bin'}")
        self.assertEqual(result.returncode, 0, result.stderr)
        self.assertEqual(result.stdout.splitlines()[0], "[bazel][version]")


if __name__ == "__main__":
    unittest.main()
