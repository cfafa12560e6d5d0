// SPDX-License-Identifier: MIT OR LGPL-2.1
#include "conformance.h"

#include "runtime.h"

SAME(decltype(Runtime::host_api), HostApi);
SAME(decltype(TensorPair::host_ptr), void *);
SAME(decltype(TensorPair::dev_ptr), void *);
SAME(decltype(TensorPair::size), size_t);
static_assert(std::is_aggregate<TensorPair>::value, "");
static_assert(std::is_copy_constructible<HostApi>::value, "");

int host_conformance(Runtime *runtime, uint64_t *args, void *p);
int host_conformance(Runtime *runtime, uint64_t *args, void *p)
{
	const Runtime &r = *runtime;

	RETURNS(int, runtime->add_task(args, 1, 0));
	RETURNS(int, runtime->add_task(args, 1, 0, CoreType::AIV));
	RETURNS(void, runtime->add_successor(0, 1));
	RETURNS(int, r.get_task_count());
	RETURNS(void, r.print_runtime());
	RETURNS(void, runtime->record_tensor_pair(p, p, size_t()));
	RETURNS(Task *, runtime->get_task(0));
	RETURNS(int, runtime->get_initial_ready_tasks(nullptr));
	RETURNS(void *, runtime->host_api.device_malloc(size_t()));
	RETURNS(void, runtime->host_api.device_free(p));
	RETURNS(int, runtime->host_api.copy_to_device(p, p, size_t()));
	RETURNS(int, runtime->host_api.copy_from_device(p, p, size_t()));
	LOG_ERROR("%d", 1);
	LOG_WARN("text");
	LOG_INFO("%s", "text");
	LOG_DEBUG("text");
	LOG_ALWAYS("text");
	return runtime->get_initial_ready_tasks(nullptr) + (runtime->get_task(0) ? 1 : 0);
}
