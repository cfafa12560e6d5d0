# SPDX-License-Identifier: MIT OR LGPL-2.1
# Models of the exchanges between threads, checked exhaustively.
tests += once:selftests/models/models.sh
