#!/usr/bin/env python3
# SPDX-License-Identifier: MIT OR LGPL-2.1
"""Describe examples in the form of two Python files to `pto run`.

pyexample.py KERNELS GOLDEN WORK SEED CASES [NAME=VALUE]... reads KERNELS/kernel_config.py and
GOLDEN, and writes to the folder WORK examples.json, an object for each of the cases (--all,
--default, or a name) with all that there is to know of it; and for each case the arrays that are
arguments, NAME.in.npy, and those that are expected, NAME.golden.npy. pto-run(1) has the form.
Exits 2 when something in the files is missing or wrong, 3 when they can not be run.
"""
import ast
import contextlib
import ctypes
import importlib.util
import json
import math
import operator
import os
import random
import sys
from collections.abc import Mapping
from pathlib import Path

import numpy as np

sys.dont_write_bytecode = True  # the folders are not ours

FLAVOURS = ("host_build_graph", "aicpu_build_graph", "tensormap_and_ringbuffer")
# What numpy does not have, or compares differently, is kept as what has the same bits.
STORAGE = {"bfloat16": "uint16", "bool": "uint8"}
SCALAR, INPUT, INOUT = 0, 1, 3


class Wrong(Exception):
    """What is wrong with the files, for people."""

    status = 2


class CanNotRun(Wrong):
    """What is wrong with the interpreter."""

    status = 3


@contextlib.contextmanager
def running(path):
    """What is in a file is run, which does not end all."""
    try:
        yield
    except SystemExit as error:
        raise Wrong(f"{path}: it calls sys.exit({error.code!r})") from error


def load(path):
    """The module in a file, which may import others of its folder."""
    if not path.is_file():
        raise Wrong(f"{path}: no such file")
    sys.path.insert(0, str(path.parent))
    spec = importlib.util.spec_from_file_location(path.stem, path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[path.stem] = module
    try:
        with running(path):
            spec.loader.exec_module(module)
    except ImportError as error:
        raise CanNotRun(f"{path}: {error} (run by {sys.executable}: see --python)") from error
    return module


def check_name(path, what, name):
    """It becomes the name of a file or a folder."""
    if not isinstance(name, str) or name in ("", ".", "..") or "/" in name or "\0" in name:
        raise Wrong(f"{path}: {what} {name!r} can not be the name of a file")


class Config:
    """kernel_config.py."""

    def __init__(self, path):
        self.path = path
        self.module = load(path)

    def get(self, name, kind):
        """One of its variables."""
        value = getattr(self.module, name, None)
        if not isinstance(value, kind):
            how = "missing" if value is None else f"not a {kind.__name__}"
            raise Wrong(f"{self.path}: {name} is {how}")
        return value

    def key(self, what, group, key):
        """A member that has to be there."""
        if not isinstance(group, Mapping) or key not in group:
            raise Wrong(f"{self.path}: {what} has no {key!r}")
        return group[key]

    def whole(self, what, value, least, most):
        """A whole number, also of a type of numpy's."""
        try:
            number = operator.index(value)
        except TypeError:
            number = least - 1
        if not least <= number <= most:
            raise Wrong(f"{self.path}: {what} is {value!r}, not a whole number from {least} to"
                        f" {most}")
        return number

    def source(self, what, group):
        path = self.path.parent / str(self.key(what, group, "source"))
        if not path.is_file():
            raise Wrong(f"{self.path}: {what}: {path}: no such file")
        return os.path.relpath(path, self.path.parent)

    def kernel(self, number, kernel):
        what = f"KERNELS[{number}]"
        core = self.key(what, kernel, "core_type")
        if core not in ("aic", "aiv"):
            raise Wrong(f"{self.path}: {what}: core_type is 'aic' or 'aiv', not {core!r}")
        func_id = self.whole(f"{what}: func_id", self.key(what, kernel, "func_id"), 0, 65535)
        return {"func_id": func_id, "core": core, "source": self.source(what, kernel)}

    def env(self):
        """RUNTIME_ENV, as strings."""
        env = getattr(self.module, "RUNTIME_ENV", {})
        if not isinstance(env, Mapping):
            raise Wrong(f"{self.path}: RUNTIME_ENV is a {type(env).__name__}, not a dict")
        for name, value in env.items():
            if not isinstance(name, str) or not name or "=" in name or "\0" in name:
                raise Wrong(f"{self.path}: RUNTIME_ENV: {name!r} can not be the name of a variable")
            if "\0" in str(value):
                raise Wrong(f"{self.path}: RUNTIME_ENV: {name} has a NUL in its value")
        return {name: str(value) for name, value in env.items()}

    def describe(self):
        """All of it, as pto run takes it."""
        orch, config = self.get("ORCHESTRATION", dict), self.get("RUNTIME_CONFIG", dict)
        flavour = self.key("RUNTIME_CONFIG", config, "runtime")
        if flavour not in FLAVOURS:
            raise Wrong(f"{self.path}: runtime is one of {', '.join(FLAVOURS)}, not {flavour!r}")
        # One that runs on the device has no name to choose.
        function = orch.get("function_name", "") if flavour != FLAVOURS[0] else \
            self.key("ORCHESTRATION", orch, "function_name")
        if not isinstance(function, str):
            raise Wrong(f"{self.path}: ORCHESTRATION: function_name is {function!r}, not a name")
        numbers = {"aicpu_thread_num": 3, "orch_thread_num": 1, "block_dim": 24, "rounds": 1}
        for name, default in numbers.items():
            least = 0 if name == "orch_thread_num" else 1
            numbers[name] = self.whole(f"RUNTIME_CONFIG: {name}", config.get(name, default),
                                       least, 10000)
        return numbers | {
            "dir": str(self.path.parent),
            "flavour": flavour,
            "orchestration": {"source": self.source("ORCHESTRATION", orch), "function": function},
            "kernels": [self.kernel(*k) for k in enumerate(self.get("KERNELS", list))],
            "env": self.env(),
        }


def dtype_of(array):
    return str(array.dtype).removeprefix("torch.")


def to_numpy(array):
    """An array of numpy's or torch's, with the same bits."""
    dtype = dtype_of(array)
    storage = STORAGE.get(dtype, dtype)
    if hasattr(array, "data_ptr"):
        array = array.detach().cpu().contiguous()
        data = ctypes.string_at(array.data_ptr(), array.numel() * array.element_size())
        return np.frombuffer(data, storage).reshape(tuple(array.shape))
    return np.ascontiguousarray(array).view(storage).reshape(array.shape)


def widen(array):
    """For a comparison: bfloat16 as float32."""
    bits = to_numpy(array)
    if dtype_of(array) == "bfloat16":
        return (bits.astype("uint32") << 16).view("float32")
    return bits


def bits_of(scalar):
    """A number of ctypes as an orchestration gets it, and as JSON has it: 64 bits, signed."""
    value = scalar.value
    if isinstance(value, (float, bytes, str)):
        value = int.from_bytes(bytes(scalar), sys.byteorder)
    value = int(value or 0) % 2**64
    return value - 2**64 if value >= 2**63 else value


def is_scalar(value):
    return isinstance(value, ctypes._SimpleCData)


def is_array(value):
    """Of numpy, of torch, or of who has the same attributes, as numpy's scalars have, too."""
    return hasattr(value, "dtype") and hasattr(value, "shape") and \
        not isinstance(value, (np.generic, type))


def what_is_wrong(value):
    """With an argument; None: it can be one."""
    kind = type(value).__name__
    if is_scalar(value):
        if ctypes.sizeof(value) > 8:
            return f"is a {kind} of {ctypes.sizeof(value)} bytes, and a scalar has 8 at the most"
        if isinstance(value, (ctypes.c_char_p, ctypes.c_wchar_p, ctypes.py_object)):
            return f"is a {kind}, a pointer that means nothing to the orchestration"
        return None
    if isinstance(value, np.generic):
        names = {"b": "c_bool", "i": "c_int{}", "u": "c_uint{}", "f4": "c_float", "f8": "c_double"}
        dtype = value.dtype
        name = names.get(dtype.kind, names.get(dtype.str[1:]))
        use = f": use ctypes.{name.format(8 * dtype.itemsize)}(...)" if name else ""
        return f"is a numpy.{kind}, neither an array nor a scalar of ctypes{use}"
    return None if is_array(value) else f"is a {kind}, neither an array nor a scalar of ctypes"


class Golden:
    """The golden file."""

    def __init__(self, path):
        self.path = path
        self.module = load(path)
        for function in ("generate_inputs", "compute_golden"):
            if not callable(getattr(self.module, function, None)):
                raise Wrong(f"{path}: no function {function}()")
        cases = getattr(self.module, "ALL_CASES", None)
        if cases is not None and (not isinstance(cases, Mapping) or not cases):
            raise Wrong(f"{path}: ALL_CASES is not a dict with a case at least")
        for case in cases or ():
            check_name(path, "ALL_CASES: the case", case)
            if not isinstance(cases[case], Mapping):
                raise Wrong(f"{path}: ALL_CASES: {case!r} is a {type(cases[case]).__name__},"
                            " not a dict")
        self.cases = cases or {"": {}}

    def select(self, which):
        """Names of cases."""
        if which == "--all":
            return list(self.cases)
        if which == "--default" and len(self.cases) == 1:
            return list(self.cases)
        if which == "--default":
            which = getattr(self.module, "DEFAULT_CASE", None)
            if which is None:
                raise Wrong(f"{self.path}: no DEFAULT_CASE, and ALL_CASES has several")
            if not isinstance(which, str):
                raise Wrong(f"{self.path}: DEFAULT_CASE is {which!r}, not a name")
        if which not in self.cases:
            raise Wrong(f"{self.path}: no case {which!r}; there are: {', '.join(self.cases)}")
        return [which]

    def order(self, given):
        """TENSOR_ORDER, or the order of generate_inputs()."""
        order = getattr(self.module, "TENSOR_ORDER", None)
        if order is None:
            return list(given)
        if not isinstance(order, (list, tuple)) or not order:
            raise Wrong(f"{self.path}: TENSOR_ORDER is {order!r}, not a list of one name at least")
        for name in order:
            if not isinstance(name, str) or name not in given:
                raise Wrong(f"{self.path}: TENSOR_ORDER has {name!r}, which is no array of"
                            " generate_inputs()")
        return order

    def given(self, params):
        """What generate_inputs() returns: pairs, and whether it was a dict."""
        with running(self.path):
            given = self.module.generate_inputs(params)
        what = f"{self.path}: generate_inputs()"
        if isinstance(given, Mapping):
            pairs = list(given.items())
        elif hasattr(given, "__iter__") and not isinstance(given, (str, bytes)):
            pairs = list(given)
        else:
            raise Wrong(f"{what} returns a {type(given).__name__}, neither a list of pairs nor"
                        " a dict")
        for i, pair in enumerate(pairs):
            if not isinstance(pair, (list, tuple)) or len(pair) != 2:
                raise Wrong(f"{what}: [{i}] is no pair of a name and a value")
            name, value = pair
            if not isinstance(name, str):
                raise Wrong(f"{what}: [{i}]: the name is {name!r}, not a string")
            wrong = what_is_wrong(value)
            if wrong:
                raise Wrong(f"{what}: {name!r} {wrong}")
        if all(is_scalar(value) for _, value in pairs):
            raise Wrong(f"{what} returns no array")
        return pairs, isinstance(given, Mapping)

    def arguments(self, params):
        """Pairs of name and value."""
        pairs, is_dict = self.given(params)
        if not is_dict or any(is_scalar(value) for _, value in pairs):
            return pairs
        # Of arrays alone come their sizes behind them.
        given = dict(pairs)
        arrays = [(name, given[name]) for name in self.order(given)]
        sizes = [(f"{name}.bytes", ctypes.c_uint64(to_numpy(a).nbytes)) for name, a in arrays]
        return arrays + sizes + [("elements", ctypes.c_uint64(to_numpy(arrays[0][1]).size))]

    def outputs(self, names):
        outputs = getattr(self.module, "__outputs__", None)
        if outputs is None:
            raise Wrong(f"{self.path}: no __outputs__")
        if not isinstance(outputs, (list, tuple, set, frozenset)) or not outputs:
            raise Wrong(f"{self.path}: __outputs__ is a list of one name at least,"
                        f" not {outputs!r}")
        for name in outputs:
            if name not in names:
                raise Wrong(f"{self.path}: __outputs__ has {name!r}, which is no array of"
                            " generate_inputs()")
        return set(outputs)

    def argument(self, name, value, outputs, work):
        """Describe one; an array is left in a file."""
        if is_scalar(value):
            return {"name": name, "role": SCALAR, "value": bits_of(value)}
        array = to_numpy(value)
        np.save(work / f"{name}.in.npy", array)
        # What outputs are at first is known to compute_golden(), and so to kernels.
        return {"name": name, "role": INOUT if name in outputs else INPUT,
                "dtype": dtype_of(value) if dtype_of(value) != "bool" else STORAGE["bool"],
                "shape": array.shape}

    def tolerance(self, name, default):
        value = getattr(self.module, name, default)
        if value is None:
            return None
        try:
            number = float(value)
        except (TypeError, ValueError):
            number = math.nan
        if not 0 <= number < math.inf:
            raise Wrong(f"{self.path}: {name} is {value!r}, not a number from 0")
        return number

    def golden(self, name, tensors, shape):
        """What is expected of an output, as compute_golden() has left it."""
        what = f"{self.path}: compute_golden()"
        if name not in tensors:
            raise Wrong(f"{what} has removed the output {name!r}")
        value = tensors[name]
        if not is_array(value) and not isinstance(value, np.generic):
            raise Wrong(f"{what}: the output {name!r} is a {type(value).__name__}, not an array")
        if tuple(value.shape) != shape:
            raise Wrong(f"{what}: the output {name!r} has shape {tuple(value.shape)}, not {shape}")
        array = widen(value)
        if array.dtype.kind not in "biuf":
            raise Wrong(f"{what}: the output {name!r} is of {dtype_of(value)}, not of numbers")
        return array

    def describe(self, params, work):
        """Arguments of a case, and what is to come out."""
        args = self.arguments(params)
        tensors = dict(args)
        arrays = [name for name, value in args if not is_scalar(value)]
        shapes = {name: tuple(tensors[name].shape) for name in arrays}
        for name in arrays:
            check_name(self.path, "generate_inputs(): the array", name)
            if arrays.count(name) > 1:
                raise Wrong(f"{self.path}: generate_inputs(): two arrays are {name!r}")
        outputs = self.outputs(arrays)
        described = [self.argument(name, value, outputs, work) for name, value in args]
        with running(self.path):
            self.module.compute_golden(tensors, params)
        for name in outputs:
            np.save(work / f"{name}.golden.npy", self.golden(name, tensors, shapes[name]))
        return {"args": described, "params": params,
                "rtol": self.tolerance("RTOL", None), "atol": self.tolerance("ATOL", 1e-5)}


def with_params(golden, case, changes):
    """A case's params, some of them with other values."""
    params = dict(golden.cases[case])
    for change in changes:
        name, _, text = change.partition("=")
        if name not in params:
            raise Wrong(f"{golden.path}: {case or 'it'} has no param {name}")
        try:
            params[name] = ast.literal_eval(text)
        except (SyntaxError, ValueError):
            params[name] = text
    return params


def seed(number):
    random.seed(number)
    np.random.seed(number % 2**32)
    if "torch" in sys.modules:
        sys.modules["torch"].manual_seed(number)


def main(kernels, golden, work, number, which, *changes):
    config = Config(Path(kernels) / "kernel_config.py").describe()
    name = Path(kernels).parent.name
    golden = Golden(Path(golden))
    cases = golden.select(which)
    examples = []
    for case in cases:
        folder = Path(work)
        if len(cases) > 1:
            folder /= case
            folder.mkdir(exist_ok=True)
        seed(int(number))
        described = golden.describe(with_params(golden, case, changes), folder)
        examples.append(config | described | {"name": f"{name}:{case}" if case else name,
                                              "work": str(folder)})
    try:
        text = json.dumps(examples, default=str, indent=1, ensure_ascii=False, allow_nan=False)
        (Path(work) / "examples.json").write_text(text, encoding="utf-8")
    except UnicodeEncodeError:
        raise Wrong(f"{kernels}: the names of folders, files and cases are not all UTF-8") from None
    except TypeError:
        raise Wrong(f"{golden.path}: a param's name is not a string") from None
    except ValueError:
        raise Wrong(f"{golden.path}: a param is not finite") from None


if __name__ == "__main__":
    os.dup2(2, 1)   # what the files print is not the result
    try:
        main(*map(os.path.abspath, sys.argv[1:4]), *sys.argv[4:])
    except Wrong as wrong:
        print(f"pto: {wrong}", file=sys.stderr)
        sys.exit(wrong.status)
