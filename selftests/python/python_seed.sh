#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
exec "$(dirname "$0")/run" seed_test.py
