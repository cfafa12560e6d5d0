# SPDX-License-Identifier: MIT OR LGPL-2.1
"""bindings.py and toolchain.py."""

import ctypes
import inspect
import os
import re
import signal
import tempfile
import threading
import time
import unittest
from pathlib import Path

import bindings
import tap
import toolchain

ELEMENTS = 1000


def kernels():
    return [(i, tap.image(name)) for i, name in enumerate(tap.KERNELS)]


class Unbound(unittest.TestCase):
    """Runs first: the module before bind_host_binary()."""

    def test_calls_raise(self):
        calls = [
            lambda: bindings.set_device(0),
            lambda: bindings.device_malloc(1),
            lambda: bindings.device_free(0),
            lambda: bindings.copy_to_device(0, 0, 0),
            lambda: bindings.copy_from_device(0, 0, 0),
            lambda: bindings.launch_runtime(None, 1, 1, 0, b"", b""),
            bindings.get_incore_compiler,
            bindings.get_orchestration_compiler,
        ]
        lib, bindings._lib = bindings._lib, None
        try:
            for call in calls:
                with self.assertRaisesRegex(RuntimeError, "bind_host_binary"):
                    call()
        finally:
            bindings._lib = lib


class Surface(unittest.TestCase):
    def test_signatures(self):
        wanted = {
            "set_device": "(device_id)",
            "device_malloc": "(size)",
            "device_free": "(dev_ptr)",
            "copy_to_device": "(dev_ptr, host_ptr, size)",
            "copy_from_device": "(host_ptr, dev_ptr, size)",
            "launch_runtime": "(runtime, aicpu_thread_num, block_dim, device_id, aicpu_binary,"
                              " aicore_binary, orch_thread_num=1)",
            "get_incore_compiler": "()",
            "get_orchestration_compiler": "()",
            "bind_host_binary": "(lib_path)",
            "RuntimeLibraryLoader": "(lib_path)",
            "Runtime": "(lib)",
            "Runtime.initialize": "(self, orch_so_binary, orch_func_name, func_args=None,"
                                  " arg_types=None, arg_sizes=None, kernel_binaries=None)",
            "Runtime.finalize": "(self)",
            "Runtime.enable_profiling": "(self, enabled=True)",
        }
        for name, signature in wanted.items():
            thing = bindings
            for part in name.split("."):
                thing = getattr(thing, part)
            bare = inspect.signature(thing)
            bare = bare.replace(return_annotation=bare.empty, parameters=[
                p.replace(annotation=p.empty) for p in bare.parameters.values()])
            self.assertEqual(signature, str(bare), name)

    def test_constants(self):
        self.assertEqual([0, 1, 2, 3], [bindings.ARG_SCALAR, bindings.ARG_INPUT_PTR,
                                        bindings.ARG_OUTPUT_PTR, bindings.ARG_INOUT_PTR])
        self.assertEqual({"CCEC": 0, "HOST_GXX_15": 1, "HOST_GXX": 2, "AARCH64_GXX": 3},
                         {t.name: int(t) for t in toolchain.ToolchainType})
        self.assertIs(bindings.ToolchainType, toolchain.ToolchainType)

    def test_no_library(self):
        with self.assertRaises(FileNotFoundError):
            bindings.bind_host_binary("/nowhere/libpto_runtime.so")
        with self.assertRaises(OSError):
            bindings.bind_host_binary(b"not a library")

    def test_a_bare_name(self):
        folder = os.getcwd()
        library = tap.LIBRARY.resolve()
        os.chdir(library.parent)
        try:
            self.assertEqual(library, bindings.RuntimeLibraryLoader(library.name).lib_path)
        finally:
            os.chdir(folder)
        # What is not here the loader looks for, who does not find it either.
        with self.assertRaisesRegex(OSError, "libpto_nowhere"):
            bindings.RuntimeLibraryLoader("libpto_nowhere.so")


class Bound(unittest.TestCase):
    def setUp(self):
        self.Runtime = bindings.bind_host_binary(tap.LIBRARY)
        bindings.set_device(0)
        self.x = (ctypes.c_int64 * ELEMENTS)(*range(ELEMENTS))
        self.y = (ctypes.c_int64 * ELEMENTS)()
        self.args = [ctypes.addressof(self.x), ctypes.addressof(self.y), ELEMENTS]

    def initialized(self, function="axpy", args=None, profiling=False):
        runtime = self.Runtime()
        if profiling:
            runtime.enable_profiling()
        runtime.initialize(tap.image("orch"), function, self.args if args is None else args,
                           kernel_binaries=kernels())
        return runtime

    def good_run(self):
        runtime = self.initialized()
        bindings.launch_runtime(runtime, aicpu_thread_num=1, block_dim=3, device_id=0,
                                aicpu_binary=b"", aicore_binary=b"")
        runtime.finalize()
        self.assertEqual([5 * i for i in range(ELEMENTS)], list(self.y))


class Flow(Bound):
    def test_by_path(self):
        self.good_run()

    def test_by_bytes_twice(self):
        for _ in range(2):
            self.Runtime = bindings.bind_host_binary(tap.LIBRARY.read_bytes())
            bindings.set_device(0)
            self.y = (ctypes.c_int64 * ELEMENTS)()
            self.args[1] = ctypes.addressof(self.y)
            self.good_run()

    def test_older_class_after_another_bind(self):
        runtime = self.initialized()
        bindings.bind_host_binary(tap.LIBRARY.read_bytes())
        bindings.launch_runtime(runtime, 1, 1, 0, b"", b"")
        runtime.finalize()
        self.assertEqual([5 * i for i in range(ELEMENTS)], list(self.y))

    def test_as_many_types_and_sizes_as_arguments(self):
        runtime = self.Runtime()
        for types, sizes in ([0], None), (None, [0, 0]), ([0] * 4, [0] * 3):
            with self.assertRaisesRegex(ValueError, "for 3 func_args"):
                runtime.initialize(tap.image("orch"), "axpy", self.args, types, sizes, kernels())

    def test_compilers(self):
        self.assertIs(toolchain.ToolchainType.HOST_GXX_15, bindings.get_incore_compiler())
        self.assertIs(toolchain.ToolchainType.HOST_GXX, bindings.get_orchestration_compiler())

    def test_device_memory(self):
        dev = bindings.device_malloc(8)
        bindings.copy_to_device(dev, ctypes.addressof(self.x) + 8 * 5, 8)
        bindings.copy_from_device(ctypes.addressof(self.y), dev, 8)
        self.assertEqual(5, self.y[0])
        bindings.device_free(dev)
        self.assertIsNone(bindings.device_malloc(0))

    def test_profile(self):
        with tempfile.TemporaryDirectory() as folder:
            os.environ["PTO_OUTPUT_DIR"] = folder
            runtime = self.initialized(profiling=True)
            bindings.launch_runtime(runtime, 1, 1, 0, b"", b"")
            runtime.finalize()
            del os.environ["PTO_OUTPUT_DIR"]
            self.assertIn('"tasks"', Path(folder, "swim_time.json").read_text())

    @unittest.skipIf(tap.SANITIZED or os.environ.get("PTO_TEST_SLOW"),
                     "times mean nothing in a sanitizer build, or an emulated machine")
    def test_one_task_is_quick(self):
        images, orch = kernels(), tap.image("orch")
        dev = bindings.device_malloc(16)
        args = [tap.KERNELS.index("kernel_sum"), dev, 0]
        best = float("inf")
        for _ in range(50):
            start = time.perf_counter()
            runtime = self.Runtime()
            runtime.initialize(orch, "one_task", args, kernel_binaries=images)
            bindings.launch_runtime(runtime, 1, 1, 0, b"", b"")
            runtime.finalize()
            best = min(best, time.perf_counter() - start)
        bindings.device_free(dev)
        print(f"# one task: {best * 1e6:.0f} us")
        self.assertLess(best, 1e-3)


class Errors(Bound):
    def failing(self, what, number, cause):
        return self.assertRaisesRegex(
            RuntimeError, f"^{what} failed: {number} .*" + re.escape(cause))

    def tearDown(self):
        self.y = (ctypes.c_int64 * ELEMENTS)()
        self.args[1] = ctypes.addressof(self.y)
        self.good_run()

    def test_set_device(self):
        with self.failing("set_device", -22, "device 16"):
            bindings.set_device(16)

    def test_init(self):
        with self.failing("init_runtime", -2, "nosuch"):
            self.initialized("nosuch")
        with self.failing("init_runtime", -22, "no orchestration"):
            self.Runtime().initialize(b"", "axpy")

    def test_launch(self):
        runtime = self.initialized()
        with self.failing("launch_runtime", -22, "block_dim is 25"):
            bindings.launch_runtime(runtime, 1, 25, 0, b"", b"")
        runtime.finalize()
        with self.failing("launch_runtime", -22, "finalized"):
            bindings.launch_runtime(runtime, 1, 1, 0, b"", b"")

    def test_finalize(self):
        with self.failing("finalize_runtime", -22, "not initialised"):
            self.Runtime().finalize()

    def test_copies(self):
        dev = bindings.device_malloc(8)
        with self.failing("copy_to_device", -22, "beyond"):
            bindings.copy_to_device(dev, ctypes.addressof(self.x), 9)
        with self.failing("copy_from_device", -22, "beyond"):
            bindings.copy_from_device(ctypes.addressof(self.x), dev, 9)
        bindings.device_free(dev)

    def test_crashing_kernel(self):
        runtime = self.initialized("one_task", [tap.KERNELS.index("kernel_crash"), 1])
        with self.failing("launch_runtime", -5, "SIGSEGV"):
            bindings.launch_runtime(runtime, 1, 1, 0, b"", b"")
        runtime.finalize()


class Signals(Bound):
    """A kernel spins until the launch is ended."""

    def setUp(self):
        super().setUp()
        self.dev = bindings.device_malloc(16)
        self.reset()

    def reset(self):
        zeros = (ctypes.c_int64 * 2)()
        bindings.copy_to_device(self.dev, ctypes.addressof(zeros), 16)

    def tearDown(self):
        bindings.device_free(self.dev)
        self.good_run()

    def signal_when_running(self):
        def run():
            count = ctypes.c_int64.from_address(self.dev)
            while not count.value:
                time.sleep(0.001)
            os.kill(os.getpid(), signal.SIGINT)

        thread = threading.Thread(target=run)
        thread.start()
        return thread

    def test_interrupt_ends_the_launch(self):
        for tasks in 1, 200:
            self.reset()
            runtime = self.initialized("spin", [self.dev, tasks])
            thread = self.signal_when_running()
            start = time.monotonic()
            with self.assertRaises(KeyboardInterrupt):
                bindings.launch_runtime(runtime, 1, 3, 0, b"", b"")
            self.assertLess(time.monotonic() - start, 10)
            thread.join()
            with self.assertRaisesRegex(RuntimeError, "finalize"):
                bindings.launch_runtime(runtime, 1, 3, 0, b"", b"")
            runtime.finalize()

    def test_handler_that_returns_does_not_end_it(self):
        def handler(signum, frame):
            one = ctypes.c_int64(1)
            bindings.copy_to_device(self.dev + 8, ctypes.addressof(one), 8)

        earlier = signal.signal(signal.SIGINT, handler)
        try:
            runtime = self.initialized("spin", [self.dev, 1])
            thread = self.signal_when_running()
            bindings.launch_runtime(runtime, 1, 1, 0, b"", b"")
            thread.join()
            runtime.finalize()
        finally:
            signal.signal(signal.SIGINT, earlier)


if __name__ == "__main__":
    tap.main()
