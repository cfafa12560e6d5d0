# SPDX-License-Identifier: MIT OR LGPL-2.1
# Tests of calls by io_uring, run in virtual machines like selftests/uapi.
uring-suites := ring park death
$(foreach s,$(uring-suites),$(eval $(call vmtest,uring_$(s)_test,selftests/uring/$(s)_test.c)))
