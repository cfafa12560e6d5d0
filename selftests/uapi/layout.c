// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Compiled only, as C and as C++, for 64 and for 32 bits, with padding an error: the
 * structures that cross a boundary have no holes and the same size everywhere.
 */
#include <linux/pto.h>
#include <linux/pto_dump.h>

#ifdef __cplusplus
#define SIZE(type, bytes) static_assert(sizeof(struct type) == (bytes), #type)
#define AT(type, member, offset) \
	static_assert(__builtin_offsetof(struct type, member) == (offset), #type "." #member)
#else
#define SIZE(type, bytes) _Static_assert(sizeof(struct type) == (bytes), #type)
#define AT(type, member, offset) \
	_Static_assert(__builtin_offsetof(struct type, member) == (offset), #type "." #member)
#endif

/* A call's structure: its size, and where it begins. */
#define CALL(type, bytes) SIZE(type, bytes); AT(type, size, 0); AT(type, flags, 4)

CALL(pto_query, 32);
CALL(pto_ctx_set, 64);
CALL(pto_ctx_close, 8);
CALL(pto_reset, 8);
CALL(pto_obj_destroy, 16);
CALL(pto_mem_alloc, 40);
CALL(pto_mem_copy, 40);
CALL(pto_prog_load, 48);
CALL(pto_stream_create, 40);
CALL(pto_stream_submit, 48);
CALL(pto_stream_wait, 32);
CALL(pto_stream_ctl, 16);
CALL(pto_event_fd, 24);
CALL(pto_fault_query, 72);
CALL(pto_emu_attach, 48);
CALL(pto_emu_step, 32);

SIZE(pto_uring, 16);
SIZE(pto_ctl_page, 64);
SIZE(pto_stream_page, 64);
SIZE(pto_completion, 48);
SIZE(pto_cmd, 64);
AT(pto_cmd, launch.args, 24);
AT(pto_cmd, copy.bytes, 32);
AT(pto_cmd, fill.pattern, 24);
AT(pto_cmd, wait.seqno, 16);

SIZE(pto_info_driver, 24);
SIZE(pto_info_device, 56);
SIZE(pto_info_clock, 16);
SIZE(pto_info_ctx, 128);
SIZE(pto_info_object, 88);

SIZE(pto_dump, 144);
SIZE(pto_dump_task, 48);
SIZE(pto_dump_core, 32);

SIZE(pto_desc, 64);
SIZE(pto_cqe, 32);
SIZE(pto_queue_sub, 64);
SIZE(pto_queue_core, 64);
AT(pto_desc, cookie, 8);
AT(pto_desc, launch.serial, 16);
AT(pto_desc, launch.nargs, 48);
AT(pto_desc, launch.lane_at, 56);
