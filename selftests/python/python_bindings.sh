#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
exec "$(dirname "$0")/run" bindings_test.py
