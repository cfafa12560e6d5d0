# SPDX-License-Identifier: MIT OR LGPL-2.1
"""Run task graphs on NPUs, with numpy arrays in and out.

    import numpy as np
    import pto

    a = np.ones(1024, np.float32)
    out = np.empty_like(a)
    pto.run("orch.so", {0: "double.so"}, a, out, a.nbytes, function="build")

An orchestration and kernels are images, given as bytes or by their path. The
orchestration's arguments are arrays (it gets their address in host memory),
device buffers (their address on the device) and numbers.

To launch a graph more than once:

    with pto.Graph("orch.so", {0: "double.so"}, a, out, a.nbytes) as graph:
        for _ in range(10):
            graph.launch(block_dim=24)

Results are in the arrays after the block, not before.
"""

import os
import struct
from collections.abc import Mapping
from functools import cache
from pathlib import Path

import numpy as np

import bindings

__all__ = ["Buffer", "Device", "Graph", "find_library", "run"]

_SYSTEM = ("/usr/local/lib", "/usr/lib")


def find_library():
    """Path of libpto_runtime.so.

    $PTO_RUNTIME_LIB, or next to this package: in a build directory or the
    prefix it is installed to; or in the system's library folders.
    """
    given = os.environ.get("PTO_RUNTIME_LIB")
    if given:
        return Path(given)
    here = Path(__file__).resolve().parents
    places = [folder / sub for folder in here for sub in ("build", "lib", ".")]
    for place in [*places, *map(Path, _SYSTEM)]:
        library = place / "libpto_runtime.so"
        if library.is_file():
            return library
    raise FileNotFoundError("libpto_runtime.so not found: run make, or set PTO_RUNTIME_LIB")


@cache
def _runtime_class():
    return bindings.bind_host_binary(find_library())


def _last_error(lib):
    return lib.pto_last_error().decode("utf-8", "replace")


def _image(image):
    if isinstance(image, (bytes, bytearray, memoryview)):
        return bytes(image)
    return Path(image).read_bytes()


def _host(array):
    """Address of an array whose bytes mean to kernels what its elements mean here."""
    if array.dtype.hasobject:
        raise TypeError("array of Python objects: a kernel can not use them")
    if not array.dtype.isnative:
        raise ValueError("array is not in this machine's byte order: see numpy.ndarray.astype()")
    if not array.flags.c_contiguous:
        raise ValueError("array is not C-contiguous: see numpy.ascontiguousarray()")
    return array.ctypes.data


def _bits(number):
    """A number as the 64 bits that an orchestration gets."""
    if isinstance(number, (int, np.integer, np.bool_)):
        number = int(number)
        if not -2**63 <= number < 2**64:
            raise OverflowError(f"{number} does not fit in 64 bits")
        return number % 2**64
    if isinstance(number, np.floating) and number.nbytes <= 8:
        return int.from_bytes(number.newbyteorder("<").tobytes(), "little")
    if isinstance(number, float):
        return int.from_bytes(struct.pack("<d", number), "little")
    raise TypeError(f"not an argument of an orchestration: {type(number).__name__}")


def _argument(value):
    """Value, kind and bytes of an orchestration's argument."""
    if isinstance(value, np.ndarray):
        writable = value.flags.writeable
        kind = bindings.ARG_INOUT_PTR if writable else bindings.ARG_INPUT_PTR
        return _host(value), kind, value.nbytes
    if isinstance(value, Buffer):
        return value.address, bindings.ARG_SCALAR, 0
    return _bits(value), bindings.ARG_SCALAR, 0


class Device:
    """The process's current device, 0 to 15.

    Memory got from it as `with device.alloc(n) as buffer` ends with the block.
    """

    def __init__(self, index=0):
        self.index = index
        self._lib = _runtime_class()().lib
        bindings.set_device(index)

    def alloc(self, nbytes):
        """A Buffer of undefined content."""
        address = bindings.device_malloc(nbytes)
        if address is None:
            raise MemoryError(_last_error(self._lib))
        return Buffer(address, nbytes)

    def upload(self, array):
        """A new Buffer with a copy of an array."""
        buffer = self.alloc(array.nbytes)
        try:
            buffer.write(array)
        except BaseException:
            buffer.free()
            raise
        return buffer


class Buffer:
    """Device memory; free() it, or use it as a context manager."""

    def __init__(self, address, nbytes):
        self.address = address
        self.nbytes = nbytes

    def write(self, array):
        """Copy an array to the buffer's start."""
        bindings.copy_to_device(self.address, _host(array), array.nbytes)

    def read(self, array):
        """Copy from the buffer's start into an array, which is returned."""
        if not array.flags.writeable:
            raise ValueError("array is read-only")
        bindings.copy_from_device(_host(array), self.address, array.nbytes)
        return array

    def free(self):
        address, self.address = self.address, 0
        if address:
            bindings.device_free(address)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.free()


class Graph:
    """The graph that an orchestration builds of its arguments.

    As a context manager: built when the block is entered; when it ends, results
    are copied back and all is freed. kernels maps func_ids to images, or is a
    sequence of images for the func_ids 0, 1, and so on. With profile=True the
    last launch's times are written to swim_time.json.
    """

    def __init__(self, orchestration, kernels, *args, function="build", device=0,
                 profile=False):
        self.device = device
        self._orchestration = _image(orchestration)
        items = kernels.items() if isinstance(kernels, Mapping) else enumerate(kernels)
        self._kernels = [(func_id, _image(image)) for func_id, image in items]
        self._args = args       # host memory that results are copied back to
        self._function = function
        self._profile = profile
        self._runtime = None

    def __enter__(self):
        if self._runtime:
            raise RuntimeError("graph is in use")
        runtime = _runtime_class()()
        bindings.set_device(self.device)
        runtime.enable_profiling(self._profile)
        values, kinds, sizes = zip(*map(_argument, self._args)) if self._args else ((), (), ())
        runtime.initialize(self._orchestration, self._function, values, kinds, sizes,
                           self._kernels)
        self._runtime = runtime
        return self

    def __exit__(self, *exc):
        runtime, self._runtime = self._runtime, None
        runtime.finalize()

    def launch(self, block_dim=1, threads=1, aicpu=b"", aicore=b""):
        """Run all tasks on block_dim blocks, with threads to schedule them."""
        if not self._runtime:
            raise RuntimeError("graph is not in use: with pto.Graph(...) as graph")
        bindings.launch_runtime(self._runtime, threads, block_dim, self.device, aicpu, aicore)


def run(orchestration, kernels, *args, function="build", device=0, block_dim=1, threads=1,
        profile=False):
    """Build the graph of an orchestration, run it, and copy its results back."""
    with Graph(orchestration, kernels, *args, function=function, device=device,
               profile=profile) as graph:
        graph.launch(block_dim, threads)
