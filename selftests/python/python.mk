# SPDX-License-Identifier: MIT OR LGPL-2.1
# Tests in Python; they load the images of selftests/runtime.
tests += $(wildcard selftests/python/*.sh)
