# SPDX-License-Identifier: MIT OR LGPL-2.1
"""Compilers that the runtime may ask for; the numbers of enum pto_toolchain."""

from enum import IntEnum

__all__ = ["ToolchainType"]


class ToolchainType(IntEnum):
    """What compiles a kernel or an orchestration for the current device."""

    CCEC = 0          # the NPU's own compiler
    HOST_GXX_15 = 1   # $PTO_CXX, else g++-15, else g++
    HOST_GXX = 2      # the host's g++
    AARCH64_GXX = 3   # a cross compiler
