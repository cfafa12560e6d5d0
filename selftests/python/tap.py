# SPDX-License-Identifier: MIT OR LGPL-2.1
"""unittest with TAP output, and what the Python tests share."""

import os
import sys
import traceback
import unittest
from pathlib import Path

IMAGES = Path(os.environ.get("PTO_TEST_IMAGES", ""))
LIBRARY = Path(os.environ.get("PTO_RUNTIME_LIB", ""))
SANITIZED = bool(os.environ.get("PTO_TEST_SANITIZED"))

# func_ids, as selftests/runtime/images/images.h has them
KERNELS = ["kernel_axpy", "kernel_sum", "kernel_crash", "kernel_leaf_crash", "kernel_spin",
           "kernel_tadd", "kernel_tcopy", "kernel_tdouble"]


def image(name):
    return (IMAGES / f"{name}.so").read_bytes()


class _Result(unittest.TestResult):
    def __init__(self, count):
        super().__init__()
        print(f"TAP version 13\n1..{count}", flush=True)

    def _line(self, ok, test, directive=""):
        # What fails before the tests of a class is not a test itself.
        method = getattr(test, "_testMethodName", test)
        name = f"{type(test).__name__}.{method}"
        print(f"{ok} {self.testsRun} {name}{directive}", flush=True)

    def _failed(self, test, err):
        for line in "".join(traceback.format_exception(*err)).splitlines():
            print(f"# {line}")
        self._line("not ok", test)

    def addSuccess(self, test):
        self._line("ok", test)

    def addSkip(self, test, reason):
        super().addSkip(test, reason)
        self._line("ok", test, f" # SKIP {reason}")

    def addFailure(self, test, err):
        super().addFailure(test, err)
        self._failed(test, err)

    def addError(self, test, err):
        super().addError(test, err)
        self._failed(test, err)


def main():
    """Run all tests of the program, or those of its arguments."""
    loader, program = unittest.defaultTestLoader, sys.modules["__main__"]
    names = sys.argv[1:]
    suite = (loader.loadTestsFromNames(names, program) if names
             else loader.loadTestsFromModule(program))
    result = _Result(suite.countTestCases())
    suite.run(result)
    sys.exit(not result.wasSuccessful())
