#!/usr/bin/env python3
"""A program whose build-id has fewer than eight bytes finds its functions in its children.

  short_build_id_test.py PROGRAM

No linker is asked for such a program: a copy's build-id is overwritten by a shorter one, and the rest by a note without meaning.
"""

import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

PROGRAM = sys.argv.pop(1)
LINKERS = struct.pack("<III4s", 4, 20, 3, b"GNU")  # The build-id of 20 bytes that --build-id asks for.


class ShortBuildIdTest(unittest.TestCase):

    def run_with(self, build_id: bytes) -> subprocess.CompletedProcess:
        image = bytearray(pathlib.Path(PROGRAM).read_bytes())
        at = image.find(LINKERS)
        self.assertGreater(at, 0)
        padded = build_id.ljust(-(-len(build_id) // 4) * 4, b"\0")
        note = struct.pack("<III4s", 4, len(build_id), 3, b"GNU") + padded
        rest = len(LINKERS) + 20 - len(note) - 12
        image[at:at + len(LINKERS) + 20] = note + struct.pack("<III", 0, rest, 0) + bytes(rest)
        with tempfile.TemporaryDirectory(dir=os.environ.get("TEST_TMPDIR")) as folder:
            copy = pathlib.Path(folder, "program")
            copy.write_bytes(image)
            copy.chmod(0o755)
            return subprocess.run([str(copy)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, timeout=60, check=False)

    def test_one_byte_and_seven_are_enough(self):
        for build_id, number in ((b"\x12", "0000000000000012"), (b"\x12\x34\x56\x78\x9a\xbc\xde", "00debc9a78563412")):
            ended = self.run_with(build_id)
            self.assertEqual(ended.stdout, f"{number} exit code 42\n", ended.stderr)

    def test_of_none_the_way_out_is_told(self):
        ended = self.run_with(b"")
        self.assertEqual(ended.returncode, 1)
        self.assertIn("-Wl,--build-id", ended.stderr)


if __name__ == "__main__":
    unittest.main()
