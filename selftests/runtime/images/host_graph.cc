// SPDX-License-Identifier: MIT OR LGPL-2.1
/* In the dialect of existing sources that build the graph on the host: axpy in two halves. */
#include "runtime.h"

#include "images.h"

extern "C" __attribute__((visibility("default")))
int build_axpy(Runtime *runtime, uint64_t *args, int nargs)
{
	const uint64_t n = args[2], bytes = n * sizeof(int64_t);
	int task[2], ready[2];

	if (nargs != 3)
		return -1;
	/* Copies of the calls are as good. */
	HostApi api = runtime->host_api;
	const auto allocate = runtime->host_api.device_malloc;
	void *x = api.device_malloc(bytes);
	void *y = allocate(bytes);
	void *gone = runtime->host_api.device_malloc(64);

	if (!x || !y || !gone)
		return -1;
	runtime->host_api.copy_to_device(x, reinterpret_cast<void *>(args[0]), bytes);
	api.copy_to_device(y, reinterpret_cast<void *>(args[1]), bytes);
	api.device_free(gone);
	runtime->record_tensor_pair(reinterpret_cast<void *>(args[1]), y, bytes);
	for (int i = 0; i < 2; i++) {
		uint64_t a[] = { reinterpret_cast<uint64_t>(x), reinterpret_cast<uint64_t>(y), n, 3 };

		task[i] = runtime->add_task(a, 4, KERNEL_AXPY, i ? CoreType::AIC : CoreType::AIV);
	}
	runtime->add_successor(task[0], task[1]);
	LOG_INFO("%d tasks, the first on %s", runtime->get_task_count(),
		 core_type_to_string(CoreType::AIV));
	runtime->print_runtime();
	if (runtime->get_task_count() != 2 || runtime->get_initial_ready_tasks(ready) != 1 ||
	    ready[0] != task[0] || runtime->get_task(7) || runtime->get_task(1)->fanin != 1)
		return -2;
	return 0;
}
