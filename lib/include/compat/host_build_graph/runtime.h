/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Orchestrations that build their graph in init_runtime(). */
#ifndef PTO_COMPAT_RUNTIME_H
#define PTO_COMPAT_RUNTIME_H

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "../../pto/orch.h"
#include "common/core_type.h"
#include "common/platform_config.h"
#include "common/unified_log.h"

struct TensorPair {
	void *host_ptr;
	void *dev_ptr;
	size_t size;
};

/* What is known of a task. */
struct Task {
	int task_id;
	int fanin;
};

/* A call of the device. The runtime has filled in for which handle, so a copy is as good. */
struct HostCall {
	pto_orch *orch;
};

struct HostApi {
	struct Malloc : HostCall {
		void *operator()(size_t size) const
		{
			return pto_orch_malloc(orch, size);
		}
	} device_malloc;
	struct Free : HostCall {
		void operator()(void *dev_ptr) const
		{
			pto_orch_free(orch, dev_ptr);
		}
	} device_free;
	struct CopyTo : HostCall {
		int operator()(void *dev_ptr, const void *host_ptr, size_t size) const
		{
			return pto_orch_copy_in(orch, dev_ptr, host_ptr, size);
		}
	} copy_to_device;
	struct CopyFrom : HostCall {
		int operator()(void *host_ptr, const void *dev_ptr, size_t size) const
		{
			return pto_orch_copy_out(orch, host_ptr, dev_ptr, size);
		}
	} copy_from_device;
};

/* The runtime's handle; never made here. */
class Runtime {
public:
	Runtime() = delete;

	/* Returns the task's id, or -1; why is reported when the orchestration has returned. */
	int add_task(uint64_t *args, int num_args, int func_id, CoreType core_type = CoreType::AIC)
	{
		int id = pto_orch_task(&orch, func_id, static_cast<int>(core_type), args, num_args);

		return id < 0 ? -1 : id;
	}

	void add_successor(int from_task, int to_task)
	{
		pto_orch_edge(&orch, from_task, to_task);
	}

	int get_task_count() const
	{
		return pto_orch_task_count(self());
	}

	void record_tensor_pair(void *host_ptr, void *dev_ptr, size_t size)
	{
		pto_orch_record(&orch, host_ptr, dev_ptr, size);
	}

	/* Valid until the next call on the same thread; NULL if there is no such task. */
	Task *get_task(int task_id)
	{
		static thread_local Task task;

		if (task_id < 0 || task_id >= get_task_count())
			return nullptr;
		task.task_id = task_id;
		task.fanin = orch.table->pred_count(&orch, task_id);
		return &task;
	}

	/* Fills in the tasks that wait for no other, and returns their number. */
	int get_initial_ready_tasks(int *ready_tasks)
	{
		int i, n = 0;

		for (i = 0; i < get_task_count(); i++) {
			if (orch.table->pred_count(&orch, i))
				continue;
			if (ready_tasks)
				ready_tasks[n] = i;
			n++;
		}
		return n;
	}

	void print_runtime() const
	{
		char text[64];

		snprintf(text, sizeof(text), "%d tasks", get_task_count());
		pto_orch_log(self(), PTO_ORCH_INFO, text);
	}

	/* This header's own. */
	pto_orch *self() const
	{
		return const_cast<pto_orch *>(&orch);
	}

	pto_orch orch;
	HostApi host_api;
};

static_assert(offsetof(Runtime, host_api) == sizeof(pto_orch) &&
		      sizeof(HostApi) == PTO_ORCH_HOST_CALLS * sizeof(pto_orch *),
	      "as the runtime fills it in");

#endif
