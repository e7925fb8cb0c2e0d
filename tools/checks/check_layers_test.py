#!/usr/bin/env python3
"""Each rule of check_layers finds what breaks it, and lets pass what does not."""

import unittest

import check_layers


def includes(path: str, *included: str):
    text = "// A file.\n" + "".join(f"#include {name}\n" for name in included)
    return list(check_layers.violations(path, text))


class CheckLayersTest(unittest.TestCase):

    def test_system_headers_only_in_os(self):
        for header in ("<sys/mman.h>", "<linux/futex.h>"):
            self.assertEqual(includes("core/os/memfd.cc", header), [])
            self.assertEqual(includes("bench/peers/pipe.cc", header), [])
            [(line, why)] = includes("core/shm/segment.cc", "<vector>", header)
            self.assertEqual(line, 3)
            self.assertIn("only core/os", why)

    def test_hwloc_only_in_topology(self):
        for header in ("<hwloc.h>", "<hwloc/linux.h>", '"hwloc.h"'):
            self.assertEqual(includes("core/topology/topology.cc", header), [])
            for path in ("core/os/cpu.cc", "bench/harness/placement.cc", "reports/report.cc", "tools/doctor.cc"):
                [(_, why)] = includes(path, header)
                self.assertIn("only core/topology", why)

    def test_layers_only_downward(self):
        for upper, layer in enumerate(check_layers.LAYERS):
            for lower, other in enumerate(check_layers.LAYERS):
                found = includes(f"core/{layer}/a.cc", f'"core/{other}/b.h"')
                self.assertEqual(bool(found), lower < upper, f"core/{layer} includes core/{other}")

    def test_only_tests_include_test_support(self):
        for path in ("core/os/fd_test.cc", "core/codec/codec_fuzz.cc", "core/testing/pipe.h", "bench/harness/a.cc"):
            self.assertEqual(includes(path, '"core/testing/pipe.h"'), [], path)
        for path in ("core/os/fd.cc", "core/pool/pool.h"):
            [(_, why)] = includes(path, '"core/testing/pipe.h"')
            self.assertIn("only tests include core/testing", why)
        self.assertEqual(includes("core/testing/pipe.cc", '"core/pool/board.h"', "<sys/mman.h>"), [])

    def test_a_layer_without_a_place_in_the_order(self):
        self.assertIn("no place", includes("core/extras/a.cc", '"core/os/fd.h"')[0][1])
        self.assertIn("no place", includes("core/pool/a.cc", '"core/extras/a.h"')[0][1])

    def test_between_top_level_folders(self):
        allowed = {("core", "core"), ("bench", "core"), ("bench", "bench"), ("conformance", "core"),
                   ("conformance", "conformance"), ("reports", "reports"), ("bench", "tools"), ("conformance", "tools"),
                   ("reports", "tools"), ("tools", "tools")}
        for top in check_layers.MAY_INCLUDE:
            for other in check_layers.MAY_INCLUDE:
                found = includes(f"{top}/os/a.cc", f'"{other}/os/b.h"')
                self.assertEqual(not found, (top, other) in allowed, f"{top} includes {other}")

    def test_reports_know_of_the_benchmarks_only_their_table_and_results(self):
        self.assertEqual(includes("reports/run/plan.cc", '"bench/table/benchmarks.h"', '"bench/results/record.h"'), [])
        self.assertIn("reports includes nothing of bench", includes("reports/run/plan.cc", '"bench/harness/arm.h"')[0][1])
        self.assertIn("core includes nothing of bench", includes("core/os/fd.cc", '"bench/table/benchmarks.h"')[0][1])

    def test_spellings_of_an_include(self):
        for text in ('#include "core/pool/pool.h"', '  # include  "core/pool/pool.h"  // why',
                     '#include <core/pool/pool.h>'):
            self.assertEqual(len(list(check_layers.violations("core/os/a.h", text))), 1, text)
        self.assertEqual(list(check_layers.violations("core/os/a.h", '// #include "core/pool/pool.h"')), [])

    def test_each_fault_point_is_in_its_array(self):
        text = ('inline constexpr FaultPoint kA("a");\ninline constexpr FaultPoint kB("b");\n'
                "inline constexpr std::array kShmFaultPoints = {\n    fault::kA,\n};\n")
        [(line, why)] = check_layers.violations("core/shm/fault_points.h", text)
        self.assertEqual(line, 2)
        self.assertIn("kB is missing", why)

    def test_dumping_grounds(self):
        for path in ("core/os/util.h", "core/common/fd.h", "bench/helpers/BUILD", "reports/misc.cc",
                     "core/os/fd_utils.h"):
            self.assertTrue(check_layers.dumping_ground(path), path)
        for path in ("core/os/fd.h", "core/process/helper_thread.h", "bench/utilisation.cc"):
            self.assertEqual(check_layers.dumping_ground(path), None, path)


if __name__ == "__main__":
    unittest.main()
