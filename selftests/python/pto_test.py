# SPDX-License-Identifier: MIT OR LGPL-2.1
"""The pto package."""

import os
import unittest
from pathlib import Path

import numpy as np

import pto
import tap

ORCH = tap.IMAGES / "orch.so"
KERNELS = [tap.IMAGES / f"{name}.so" for name in tap.KERNELS]


class Run(unittest.TestCase):
    def setUp(self):
        self.x = np.arange(1000)
        self.y = np.full(1000, 7)

    def test_run(self):
        pto.run(ORCH, KERNELS, self.x, self.y, self.x.size, function="axpy")
        np.testing.assert_array_equal(self.y, 7 + 5 * np.arange(1000))

    def test_images_as_bytes(self):
        pto.run(ORCH.read_bytes(), {0: KERNELS[0].read_bytes()}, self.x, self.y, self.x.size,
                function="axpy", block_dim=24, threads=4)
        np.testing.assert_array_equal(self.y, 7 + 5 * np.arange(1000))

    def test_graph(self):
        with pto.Graph(ORCH, KERNELS, self.x, self.y, self.x.size, function="axpy") as graph:
            for _ in range(3):
                graph.launch(block_dim=3)
        np.testing.assert_array_equal(self.y, 7 + 15 * np.arange(1000))
        with self.assertRaises(RuntimeError):
            graph.launch()
        with graph:
            graph.launch()
        np.testing.assert_array_equal(self.y, 7 + 20 * np.arange(1000))

    def test_failure_frees(self):
        for _ in range(2):
            with self.assertRaisesRegex(RuntimeError, "SIGFPE"):
                pto.run(ORCH, KERNELS, tap.KERNELS.index("kernel_crash"), 0,
                        function="one_task")
            with self.assertRaisesRegex(RuntimeError, "returned -33"):
                pto.run(ORCH, KERNELS, function="returns_errno")
        self.test_run()

    def test_other_device(self):
        pto.run(ORCH, KERNELS, self.x, self.y, self.x.size, function="axpy", device=5)
        np.testing.assert_array_equal(self.y, 7 + 5 * np.arange(1000))

    def test_not_contiguous(self):
        with self.assertRaisesRegex(ValueError, "contiguous"):
            pto.run(ORCH, KERNELS, self.x[::2], self.y, 500, function="axpy")

    def test_elements_that_kernels_can_not_use(self):
        with self.assertRaisesRegex(TypeError, "Python objects"):
            pto.run(ORCH, KERNELS, self.x.astype(object), self.y, 1000, function="axpy")
        with self.assertRaisesRegex(ValueError, "byte order"):
            pto.run(ORCH, KERNELS, self.x.astype(self.x.dtype.newbyteorder()), self.y, 1000,
                    function="axpy")
        with self.assertRaisesRegex(ValueError, "byte order"):
            pto.Device(0).upload(np.arange(10).astype(self.x.dtype.newbyteorder()))

    def test_arguments(self):
        values = [-1, 2**64 - 1, True, np.int32(-2), np.float32(1), np.float64(1), 1.0]
        wanted = [2**64 - 1, 2**64 - 1, 1, 2**64 - 2, 0x3f800000, 0x3ff << 52, 0x3ff << 52]
        self.assertEqual(wanted, [pto._argument(value)[0] for value in values])
        for value in 2**64, -2**63 - 1:
            with self.assertRaises(OverflowError):
                pto._argument(value)
        with self.assertRaises(TypeError):
            pto._argument("text")


class Memory(unittest.TestCase):
    def test_buffer(self):
        device = pto.Device(0)
        x = np.arange(10)
        with device.upload(x) as buffer:
            np.testing.assert_array_equal(x, buffer.read(np.empty_like(x)))
            buffer.write(x * 2)
            np.testing.assert_array_equal(x * 2, buffer.read(np.empty_like(x)))
            with self.assertRaisesRegex(RuntimeError, "beyond"):
                buffer.read(np.empty(11, np.int64))
        with self.assertRaises(RuntimeError):
            buffer.read(np.empty_like(x))

    def test_buffer_as_argument(self):
        kernel = tap.KERNELS.index("kernel_sum")
        with pto.Device(0).alloc(16) as buffer:
            pto.run(ORCH, KERNELS, kernel, buffer, 3, 10, 20, 30, function="one_task")
            np.testing.assert_array_equal([3, 60], buffer.read(np.empty(2, np.int64)))

    def test_out_of_memory(self):
        with self.assertRaisesRegex(MemoryError, "device memory"):
            pto.Device(0).alloc(2**60)


class Library(unittest.TestCase):
    def test_given(self):
        self.assertEqual(tap.LIBRARY, pto.find_library())

    def test_found_or_not(self):
        given = os.environ.pop("PTO_RUNTIME_LIB")
        try:
            self.assertEqual("libpto_runtime.so", Path(pto.find_library()).name)
        except FileNotFoundError as error:
            self.assertIn("PTO_RUNTIME_LIB", str(error))
        finally:
            os.environ["PTO_RUNTIME_LIB"] = given


if __name__ == "__main__":
    tap.main()
