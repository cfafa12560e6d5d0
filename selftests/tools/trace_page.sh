#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# pto trace: figures against those that Python computes, and the page in a browser.
# PICTURE=FILE keeps the picture of it that the guide shows.
root=$(cd "$(dirname "$0")/../.." && pwd)
O=$(cd "$root" && cd "${O:-build}" && pwd)
export O PYTHONPATH="$root/selftests/python" PYTHONDONTWRITEBYTECODE=1
exec "${PYTHON:-/usr/bin/python3}" "$root/selftests/tools/trace_page.py" "$@"
