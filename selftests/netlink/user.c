// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * user DEVICE LABEL: who uses a device, for tests of the tools. It holds 3 pages of device
 * memory, keeps AIC core 0 busy, and does what lines on standard input tell: "fault N", "hang"; at
 * their end, or when the device is taken from it, it leaves. It says "ready" when it is.
 */
#include "uapi.h"

static int start(struct uapi *u, unsigned int device, const char *label,
		 struct pto_stream_create *aic, struct pto_stream_create *copy)
{
	struct pto_ctx_set set = { sizeof(set), PTO_CTX_LABEL };
	struct pto_mem_alloc mem;

	snprintf(set.label, sizeof(set.label), "%s", label);
	return uapi_start(u, BY_IOCTL, device) ?: uapi_call(u, PTO_IOC_CTX_SET, &set) ?:
	       uapi_set(u, PTO_CTX_ON_FAULT, 0, PTO_ON_FAULT_CONTINUE) ?:
	       uapi_alloc(u, 3 * PAGE, &mem) ?:
	       uapi_stream(u, PTO_ENGINE_AIC, 0, 4, aic) ?:
	       uapi_stream(u, PTO_ENGINE_COPY, 0, 4, copy);
}

/* A line, if there is one. False: there will be none any more. */
static bool obey(struct uapi *u, __u32 stream)
{
	struct pollfd pollfd = { STDIN_FILENO, POLLIN, 0 };
	unsigned int code;
	char line[32];
	ssize_t n;

	if (poll(&pollfd, 1, 0) <= 0)
		return true;
	n = read(STDIN_FILENO, line, sizeof(line) - 1);
	if (n <= 0)
		return false;
	line[n] = 0;
	if (sscanf(line, "fault %u", &code) == 1) {
		struct pto_cmd fault = cmd_fault(code);

		uapi_submit_wait(u, stream, &fault, 1, BOUND_NS);
	}
	if (!strncmp(line, "hang", 4)) {
		struct pto_cmd cmds[2] = { cmd_hang(), cmd_nop() };

		uapi_set(u, PTO_CTX_TIMEOUT, 200, 0);
		uapi_submit_wait(u, stream, cmds, 2, BOUND_NS);
		uapi_set(u, PTO_CTX_TIMEOUT, 10000, 0);
	}
	return true;
}

int main(int argc, char **argv)
{
	struct pto_cmd delay = cmd_delay(20 * MS);
	struct pto_stream_create aic, copy;
	struct uapi u;
	int err;

	if (argc != 3)
		return 2;
	err = start(&u, atoi(argv[1]), argv[2], &aic, &copy);
	if (err)
		return 1;
	dprintf(STDOUT_FILENO, "ready\n");
	while (!err && obey(&u, copy.handle))
		err = uapi_submit_wait(&u, aic.handle, &delay, 1, BOUND_NS);
	uapi_close(&u);
	return err == -ENODEV ? 0 : -err;
}
