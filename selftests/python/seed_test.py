# SPDX-License-Identifier: MIT OR LGPL-2.1
"""The runtime through bare ctypes, as callers have it that know nothing of ours.

They declare thirteen functions, open the library RTLD_GLOBAL, give it arrays
made for one call, and call in this order: bind, set_device, handle, init,
launch with empty programs, finalize.
"""

import ctypes
import os
import shutil
import subprocess
import tempfile
import unittest
from ctypes import CDLL, POINTER, c_char_p, c_int, c_size_t, c_uint8, c_uint64, c_void_p, cast

import tap

ELEMENTS = 16384


class Caller:
    """One loaded copy of the library."""

    def __init__(self, library):
        if isinstance(library, bytes):
            with tempfile.NamedTemporaryFile(delete=False, suffix=".so") as f:
                f.write(library)
            library = f.name
        lib = self.lib = CDLL(str(library), mode=ctypes.RTLD_GLOBAL)
        lib.get_runtime_size.argtypes = []
        lib.get_runtime_size.restype = c_size_t
        lib.init_runtime.argtypes = [
            c_void_p, POINTER(c_uint8), c_size_t, c_char_p, POINTER(c_uint64), c_int,
            POINTER(c_int), POINTER(c_uint64), POINTER(c_int), POINTER(POINTER(c_uint8)),
            POINTER(c_size_t), c_int]
        lib.init_runtime.restype = c_int
        lib.launch_runtime.argtypes = [
            c_void_p, c_int, c_int, c_int, POINTER(c_uint8), c_size_t, POINTER(c_uint8),
            c_size_t, c_int]
        lib.launch_runtime.restype = c_int
        lib.finalize_runtime.argtypes = [c_void_p]
        lib.finalize_runtime.restype = c_int
        lib.set_device.argtypes = [c_int]
        lib.set_device.restype = c_int
        lib.device_malloc.argtypes = [c_size_t]
        lib.device_malloc.restype = c_void_p
        lib.device_free.argtypes = [c_void_p]
        lib.device_free.restype = None
        for copy in lib.copy_to_device, lib.copy_from_device:
            copy.argtypes = [c_void_p, c_void_p, c_size_t]
            copy.restype = c_int
        lib.record_tensor_pair.argtypes = [c_void_p, c_void_p, c_void_p, c_size_t]
        lib.record_tensor_pair.restype = None
        for toolchain in lib.get_incore_compiler, lib.get_orchestration_compiler:
            toolchain.argtypes = []
            toolchain.restype = c_int
        lib.enable_runtime_profiling.argtypes = [c_void_p, c_int]
        lib.enable_runtime_profiling.restype = c_int

    def handle(self):
        self.buffer = ctypes.create_string_buffer(self.lib.get_runtime_size())
        return cast(self.buffer, c_void_p)

    def init(self, handle, orch, function, args, kernels, types=None, sizes=None):
        arrays = [(c_uint8 * len(k)).from_buffer_copy(k) for _, k in kernels]
        n = len(kernels)
        return self.lib.init_runtime(
            handle,
            (c_uint8 * len(orch)).from_buffer_copy(orch), len(orch),
            function.encode(),
            (c_uint64 * len(args))(*args) if args else None, len(args),
            (c_int * len(args))(*types) if types else None,
            (c_uint64 * len(args))(*sizes) if sizes else None,
            (c_int * n)(*[i for i, _ in kernels]),
            (POINTER(c_uint8) * n)(*[cast(a, POINTER(c_uint8)) for a in arrays]),
            (c_size_t * n)(*[len(k) for _, k in kernels]), n)

    def launch(self, handle, threads=1, blocks=1, device=0, orch_threads=1):
        return self.lib.launch_runtime(
            handle, threads, blocks, device,
            (c_uint8 * 0).from_buffer_copy(b""), 0,
            (c_uint8 * 0).from_buffer_copy(b""), 0, orch_threads)


class Seed(unittest.TestCase):
    def flow(self, caller, device=0):
        x = (ctypes.c_int64 * ELEMENTS)(*range(ELEMENTS))
        y = (ctypes.c_int64 * ELEMENTS)(*[7] * ELEMENTS)
        args = [ctypes.addressof(x), ctypes.addressof(y), ELEMENTS]
        kernels = [(i, tap.image(name)) for i, name in enumerate(tap.KERNELS)]
        self.assertEqual(0, caller.lib.set_device(device))
        handle = caller.handle()
        self.assertEqual(0, caller.init(handle, tap.image("orch"), "axpy", args, kernels))
        self.assertEqual(0, caller.launch(handle, threads=2, blocks=3, device=device))
        self.assertEqual(0, caller.lib.finalize_runtime(handle))
        self.assertEqual([7 + 5 * i for i in range(ELEMENTS)], list(y))
        self.assertEqual(list(range(ELEMENTS)), list(x))

    def on_device(self, orch, threads, orch_threads):
        """y += x and z = 2 y + round, a hundred times, by a source for other headers."""
        caller = Caller(tap.LIBRARY)
        x = (ctypes.c_int64 * ELEMENTS)(*range(ELEMENTS))
        y, z = (ctypes.c_int64 * ELEMENTS)(), (ctypes.c_int64 * ELEMENTS)()
        args = [ctypes.addressof(a) for a in (x, y, z)] + [ELEMENTS, 100]
        kernels = [(i, tap.image(name)) for i, name in enumerate(tap.KERNELS)]
        self.assertEqual(0, caller.lib.set_device(0))
        handle = caller.handle()
        self.assertEqual(0, caller.init(handle, tap.image(orch), "", args, kernels,
                                        [1, 3, 2, 0, 0], [8 * ELEMENTS] * 3 + [0, 0]))
        self.assertEqual(0, caller.launch(handle, threads=threads, blocks=3,
                                          orch_threads=orch_threads))
        self.assertEqual(0, caller.lib.finalize_runtime(handle))
        self.assertEqual([100 * i for i in range(ELEMENTS)], list(y))
        self.assertEqual([200 * i + 99 for i in range(ELEMENTS)], list(z))

    def test_on_device(self):
        os.environ["PTO_DEPS"] = "full"
        try:
            for orch in ("flow_tensors", "flow_edges", "orch_flow"):
                for threads, orch_threads in ((1, 0), (1, 1), (3, 1), (4, 4)):
                    self.on_device(orch, threads, orch_threads)
        finally:
            del os.environ["PTO_DEPS"]

    def program(self, flavour, kernels, arrays, types, numbers, **launch):
        """A program that uses all names of its dialect, on float arrays, twice."""
        caller = Caller(tap.LIBRARY)
        sizes = [ctypes.sizeof(a) for a in arrays] + [0] * len(numbers)
        kernels = [(i, tap.image(f"kernel_{name}")) for i, name in enumerate(kernels)]
        args = [ctypes.addressof(a) for a in arrays] + numbers
        self.assertEqual(0, caller.lib.set_device(0))
        handle = caller.handle()
        self.assertEqual(0, caller.init(handle, tap.image(f"program_{flavour}"), "build", args,
                                        kernels, types + [0] * len(numbers), sizes))
        self.assertEqual(0, caller.launch(handle, blocks=3, **launch))
        self.assertEqual(0, caller.lib.finalize_runtime(handle))

    def floats(self, values=None):
        return (ctypes.c_float * 600)(*values or [float("nan")] * 600)

    def test_all_names_on_host(self):
        x, y = self.floats(range(600)), self.floats(range(7, 607))
        z, w = self.floats(), self.floats()
        self.program("host_build_graph", ["axpby"] * 2, [x, y, z, w], [1, 3, 2, 2],
                     [ctypes.sizeof(x)] * 4 + [600], threads=2)
        t = [3 * i + i + 7 for i in range(600)]
        self.assertEqual(list(x), list(range(600)))
        self.assertEqual(list(y), [t[i] + i + 7 for i in range(600)])
        self.assertEqual(list(z), [t[i] + 2 * i for i in range(600)])
        self.assertEqual(list(w), [y[i] + z[i] for i in range(600)])

    def test_all_names_on_device(self):
        bits = [int.from_bytes(bytes(c), "little")
                for c in (ctypes.c_float(-2), ctypes.c_double(0.1), ctypes.c_int64(-1))]
        for flavour in ("aicpu_build_graph", "tensormap_and_ringbuffer"):
            for threads, orch_threads in ((1, 0), (2, 1), (4, 2)):
                x, y = self.floats(range(600)), self.floats(range(7, 607))
                z, w = self.floats(), self.floats()
                self.program(flavour, ["combine", "lane0", "lane1", "lane2"], [x, y, z, w],
                             [1, 3, 2, 2], [60, 10, *bits], threads=threads,
                             orch_threads=orch_threads)
                t = [-2 * i + i + 7 for i in range(600)]
                self.assertEqual(list(x), list(range(600)))
                self.assertEqual(list(y), [t[i] + i + 7 for i in range(600)])
                self.assertEqual(list(z), [t[i] + 2 * i for i in range(600)])
                self.assertEqual(list(w), [z[i] + i // 10 % 4 % 3 for i in range(600)])

    def test_path(self):
        self.flow(Caller(tap.LIBRARY))
        self.flow(Caller(tap.LIBRARY))

    def test_bytes(self):
        library = tap.LIBRARY.read_bytes()
        first, second = Caller(library), Caller(library)
        self.flow(first)
        self.flow(second, device=4)
        self.flow(first)
        self.assertNotEqual(cast(first.lib.init_runtime, c_void_p).value,
                            cast(second.lib.init_runtime, c_void_p).value)

    def test_path_and_bytes(self):
        by_path, by_bytes = Caller(tap.LIBRARY), Caller(tap.LIBRARY.read_bytes())
        for _ in range(2):
            self.flow(by_path)
            self.flow(by_bytes)

    def test_device_memory(self):
        lib = Caller(tap.LIBRARY).lib
        self.assertEqual(0, lib.set_device(0))
        dev = lib.device_malloc(8)
        value, back = ctypes.c_int64(42), ctypes.c_int64()
        self.assertEqual(0, lib.copy_to_device(c_void_p(dev), ctypes.addressof(value), 8))
        self.assertEqual(0, lib.copy_from_device(ctypes.addressof(back), c_void_p(dev), 8))
        self.assertEqual(42, back.value)
        lib.device_free(c_void_p(dev))
        self.assertIsNone(lib.device_malloc(0))

    def test_handle_reused_at_its_address(self):
        caller = Caller(tap.LIBRARY)
        self.assertEqual(0, caller.lib.set_device(0))
        handle = caller.handle()
        orch = tap.image("orch")
        for _ in range(3):
            self.assertEqual(0, caller.init(handle, orch, "empty", [], []))
            self.assertNotEqual(0, caller.init(handle, orch, "empty", [], []))
            ctypes.memset(handle, 0, caller.lib.get_runtime_size())
        self.assertEqual(0, caller.init(handle, orch, "empty", [], []))
        self.assertEqual(0, caller.launch(handle))
        self.assertEqual(0, caller.lib.finalize_runtime(handle))

    @unittest.skipUnless(shutil.which("nm"), "no nm to list symbols with")
    def test_exports(self):
        """The thirteen, and what begins with pto_."""
        out = subprocess.run(["nm", "-D", "--defined-only", tap.LIBRARY], check=True,
                             capture_output=True, text=True).stdout
        names = {line.split()[2].split("@")[0] for line in out.splitlines()
                 if line.split()[1] in "TDBRWVi"}
        ours = {name for name in names if name.startswith("pto_")}
        self.assertEqual(names - ours, {
            "get_runtime_size", "enable_runtime_profiling", "set_device", "device_malloc",
            "device_free", "copy_to_device", "copy_from_device", "init_runtime",
            "launch_runtime", "finalize_runtime", "record_tensor_pair",
            "get_incore_compiler", "get_orchestration_compiler"})
        self.assertEqual(ours, {
            "pto_last_error", "pto_version", "pto_has_feature", "pto_runtime_launch_async",
            "pto_runtime_wait", "pto_runtime_cancel"})


if __name__ == "__main__":
    tap.main()
