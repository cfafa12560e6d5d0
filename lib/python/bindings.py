# SPDX-License-Identifier: MIT OR LGPL-2.1
"""ctypes bindings of libpto_runtime.so.

    Runtime = bind_host_binary("libpto_runtime.so")
    set_device(0)
    runtime = Runtime()
    runtime.initialize(orchestration, "build", [a.ctypes.data, a.nbytes],
                       kernel_binaries=[(0, kernel)])
    launch_runtime(runtime, aicpu_thread_num=1, block_dim=1, device_id=0,
                   aicpu_binary=b"", aicore_binary=b"")
    runtime.finalize()

What fails raises RuntimeError with the number of the error and its cause.
Numbers and meanings are those of <pto/runtime.h>.
"""

import ctypes
import errno
import tempfile
from ctypes import (
    CDLL,
    POINTER,
    c_char_p,
    c_int,
    c_int32,
    c_size_t,
    c_uint8,
    c_uint64,
    c_void_p,
    cast,
)
from pathlib import Path
from typing import List, Optional, Tuple, Union

from toolchain import ToolchainType

# Kinds of argument, for Runtime.initialize(arg_types=...). An orchestration
# that stages its own memory ignores them.
ARG_SCALAR = 0
ARG_INPUT_PTR = 1
ARG_OUTPUT_PTR = 2
ARG_INOUT_PTR = 3

# How long a launch runs before Python looks for signals, if none interrupts.
_WAIT_MS = 200

# The library that the module's functions call: the one bound last.
_lib = None

_LAUNCH = [c_void_p, c_int, c_int, c_int, POINTER(c_uint8), c_size_t,
           POINTER(c_uint8), c_size_t, c_int]

_PROTOTYPES = {
    "get_runtime_size": (c_size_t, []),
    "init_runtime": (c_int, [
        c_void_p, POINTER(c_uint8), c_size_t, c_char_p,
        POINTER(c_uint64), c_int, POINTER(c_int), POINTER(c_uint64),
        POINTER(c_int), POINTER(POINTER(c_uint8)), POINTER(c_size_t), c_int]),
    "launch_runtime": (c_int, _LAUNCH),
    "finalize_runtime": (c_int, [c_void_p]),
    "set_device": (c_int, [c_int]),
    "device_malloc": (c_void_p, [c_size_t]),
    "device_free": (None, [c_void_p]),
    "copy_to_device": (c_int, [c_void_p, c_void_p, c_size_t]),
    "copy_from_device": (c_int, [c_void_p, c_void_p, c_size_t]),
    "record_tensor_pair": (None, [c_void_p, c_void_p, c_void_p, c_size_t]),
    "get_incore_compiler": (c_int, []),
    "get_orchestration_compiler": (c_int, []),
    "enable_runtime_profiling": (c_int, [c_void_p, c_int]),
    "pto_last_error": (c_char_p, []),
    "pto_runtime_launch_async": (c_int, _LAUNCH),
    "pto_runtime_wait": (c_int, [c_void_p, c_int]),
    "pto_runtime_cancel": (c_int, [c_void_p]),
}


def _bytes(data: bytes):
    return (c_uint8 * len(data)).from_buffer_copy(data)


def _array(ctype, values):
    return (ctype * len(values))(*values) if values else None


def _check(lib: CDLL, what: str, rc: int) -> None:
    if rc == 0:
        return
    cause = lib.pto_last_error().decode("utf-8", "replace")
    raise RuntimeError(f"{what} failed: {rc}" + (f" ({cause})" if cause else ""))


def _bound() -> CDLL:
    if _lib is None:
        raise RuntimeError("Runtime not loaded. Call bind_host_binary() first.")
    return _lib


class RuntimeLibraryLoader:
    """A loaded libpto_runtime.so, its functions declared, as `lib`."""

    def __init__(self, lib_path: Union[str, Path]):
        """A path, or the name of a library that the loader finds.

        Raises FileNotFoundError, or OSError if the file can not be loaded.
        """
        lib_path = Path(lib_path)
        if lib_path.exists():
            lib_path = lib_path.resolve()
        elif lib_path.name != str(lib_path):
            raise FileNotFoundError(f"Library not found: {lib_path}")
        self.lib_path = lib_path
        self.lib = CDLL(str(lib_path), mode=ctypes.RTLD_GLOBAL)
        self._setup_functions()

    def _setup_functions(self):
        for name, (restype, argtypes) in _PROTOTYPES.items():
            function = getattr(self.lib, name)
            function.restype = restype
            function.argtypes = argtypes


class Runtime:
    """A task graph: initialize(), launch_runtime() any number of times, finalize()."""

    def __init__(self, lib: CDLL):
        self.lib = lib
        self._buffer = ctypes.create_string_buffer(lib.get_runtime_size())
        self._handle = cast(self._buffer, c_void_p)

    def initialize(
        self,
        orch_so_binary: bytes,
        orch_func_name: str,
        func_args: Optional[List[int]] = None,
        arg_types: Optional[List[int]] = None,
        arg_sizes: Optional[List[int]] = None,
        kernel_binaries: Optional[List[Tuple[int, bytes]]] = None,
    ) -> None:
        """Load kernels and an orchestration, and have it build the graph.

        func_args are the orchestration's arguments: host addresses, sizes,
        scalars. arg_types (ARG_*) and arg_sizes (bytes, 0 for a scalar) say
        what they are to those that need it. kernel_binaries pairs func_ids
        with images. Nothing given is used after the call, but for the host
        memory that results are copied back to by finalize().
        """
        func_args = func_args or []
        for name, values in ("arg_types", arg_types), ("arg_sizes", arg_sizes):
            if values and len(values) != len(func_args):
                raise ValueError(f"{len(values)} {name} for {len(func_args)} func_args")
        kernels = [(func_id, _bytes(image)) for func_id, image in kernel_binaries or []]
        images = [cast(image, POINTER(c_uint8)) for _, image in kernels]
        rc = self.lib.init_runtime(
            self._handle,
            _bytes(orch_so_binary), len(orch_so_binary),
            orch_func_name.encode("utf-8"),
            _array(c_uint64, func_args), len(func_args),
            _array(c_int, arg_types), _array(c_uint64, arg_sizes),
            _array(c_int, [func_id for func_id, _ in kernels]),
            _array(POINTER(c_uint8), images),
            _array(c_size_t, [len(image) for _, image in kernels]),
            len(kernels),
        )
        _check(self.lib, "init_runtime", rc)

    def finalize(self) -> None:
        """Copy results back, free everything, write the profile if there is one."""
        _check(self.lib, "finalize_runtime", self.lib.finalize_runtime(self._handle))

    def enable_profiling(self, enabled: bool = True) -> None:
        """Record times of tasks; finalize() then writes swim_time.json.

        To be called before initialize().
        """
        rc = self.lib.enable_runtime_profiling(self._handle, 1 if enabled else 0)
        _check(self.lib, "enable_runtime_profiling", rc)


def set_device(device_id: int) -> None:
    """Open device 0 to 15 and make it the current one."""
    lib = _bound()
    _check(lib, "set_device", lib.set_device(device_id))


def device_malloc(size: int) -> Optional[int]:
    """Address of new device memory, or None."""
    return _bound().device_malloc(size) or None


def device_free(dev_ptr: int) -> None:
    """Free device memory by its start."""
    _bound().device_free(c_void_p(dev_ptr))


def copy_to_device(dev_ptr: int, host_ptr: int, size: int) -> None:
    """Copy bytes of the host's to device memory."""
    lib = _bound()
    rc = lib.copy_to_device(c_void_p(dev_ptr), c_void_p(host_ptr), size)
    _check(lib, "copy_to_device", rc)


def copy_from_device(host_ptr: int, dev_ptr: int, size: int) -> None:
    """Copy bytes of device memory to the host."""
    lib = _bound()
    rc = lib.copy_from_device(c_void_p(host_ptr), c_void_p(dev_ptr), size)
    _check(lib, "copy_from_device", rc)


def launch_runtime(
    runtime: "Runtime",
    aicpu_thread_num: int,
    block_dim: int,
    device_id: int,
    aicpu_binary: bytes,
    aicore_binary: bytes,
    orch_thread_num: int = 1,
) -> None:
    """Run the graph of an initialized runtime, and wait for its end.

    aicpu_thread_num threads (1 to 64) schedule onto block_dim blocks (1 to 24)
    of the current device. Empty programs mean the built-in ones. Ctrl-C ends
    the launch; finalize() is then still to be called.
    """
    _bound()
    lib, handle = runtime.lib, runtime._handle
    aicpu, aicore = _bytes(aicpu_binary), _bytes(aicore_binary)
    try:
        rc = lib.pto_runtime_launch_async(
            handle, aicpu_thread_num, block_dim, device_id,
            aicpu, len(aicpu), aicore, len(aicore), orch_thread_num)
        if rc == 0:
            rc = _wait(lib, handle)
    except BaseException:
        # A signal's handler has raised: KeyboardInterrupt, most likely.
        lib.pto_runtime_cancel(handle)
        _wait(lib, handle)
        raise
    _check(lib, "launch_runtime", rc)


def _wait(lib: CDLL, handle: c_void_p) -> int:
    while (rc := lib.pto_runtime_wait(handle, _WAIT_MS)) == -errno.EINPROGRESS:
        pass
    return rc


def get_incore_compiler() -> ToolchainType:
    """What compiles kernels for the current device."""
    return ToolchainType(_bound().get_incore_compiler())


def get_orchestration_compiler() -> ToolchainType:
    """What compiles orchestrations."""
    return ToolchainType(_bound().get_orchestration_compiler())


def bind_host_binary(lib_path: Union[str, Path, bytes]) -> type:
    """Load libpto_runtime.so, by its path or from its bytes; return its Runtime class.

    The module's functions call the library that was bound last.
    """
    global _lib

    if isinstance(lib_path, bytes):
        with tempfile.NamedTemporaryFile(suffix=".so") as f:
            f.write(lib_path)
            f.flush()
            lib = RuntimeLibraryLoader(f.name).lib
    else:
        lib = RuntimeLibraryLoader(lib_path).lib
    _lib = lib

    class _Runtime(Runtime):
        def __init__(self):
            super().__init__(lib)

    return _Runtime
