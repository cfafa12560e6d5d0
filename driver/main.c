// SPDX-License-Identifier: GPL-2.0
/* The module: parameters, init and exit. */
#define pr_fmt(fmt) KBUILD_MODNAME ": " fmt

#include <linux/module.h>

#include "ctx.h"
#include "device.h"
#include "mock/mock.h"
#include "netlink.h"

unsigned int pto_timeout_ms = 10000;
module_param_named(timeout_ms, pto_timeout_ms, uint, 0444);
MODULE_PARM_DESC(timeout_ms, "how long a command may take, until CTX_SET says else (default 10000)");

static int __init pto_init(void)
{
	int err;

	if (!pto_timeout_ms || pto_timeout_ms > PTO_TIMEOUT_MAX_MS) {
		pr_err("timeout_ms=%u: want 1 to %u\n", pto_timeout_ms, PTO_TIMEOUT_MAX_MS);
		return -EINVAL;
	}
	pto_wq = alloc_workqueue("pto", WQ_UNBOUND, 0);
	if (!pto_wq)
		return -ENOMEM;
	err = pto_device_init();
	if (err)
		goto destroy_wq;
	err = pto_netlink_init();
	if (err)
		goto exit_device;
	err = pto_mock_init();
	if (err)
		goto exit_netlink;
	return 0;

exit_netlink:
	pto_netlink_exit();
exit_device:
	pto_device_exit();
destroy_wq:
	destroy_workqueue(pto_wq);
	return err;
}

static void __exit pto_exit(void)
{
	pto_mock_exit();
	pto_netlink_exit();
	pto_device_exit();
	destroy_workqueue(pto_wq);
}

module_init(pto_init);
module_exit(pto_exit);

MODULE_DESCRIPTION("Neural processing units: contexts, memory, programs and streams");
MODULE_VERSION(PTO_DRIVER_VERSION_TEXT);
MODULE_LICENSE("GPL");
