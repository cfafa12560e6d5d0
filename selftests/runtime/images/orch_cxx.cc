/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* Orchestrations in C++. */
#include <stdexcept>
#include <vector>

#include <pto/orch.h>
#include <pto/runtime.h>

#include "images.h"

/* A chain over the elements of a vector; args: int64_t[2] on the host */
extern "C" int chain(struct pto_orch *o, uint64_t *args, int nargs)
{
	uint64_t *dev = static_cast<uint64_t *>(pto_orch_malloc(o, 16));
	std::vector<uint64_t> a = { reinterpret_cast<uint64_t>(dev), 0 };
	int last = -1;

	for (int i = 1; i <= 10; i++) {
		a.push_back(i);
		a[1] = i;

		int task = pto_orch_task(o, KERNEL_SUM, PTO_ORCH_AIV, a.data(), a.size());

		if (last >= 0)
			pto_orch_edge(o, last, task);
		last = task;
	}
	pto_orch_record(o, reinterpret_cast<void *>(args[0]), dev, 16);
	return 0;
}

extern "C" int throws(struct pto_orch *o, uint64_t *args, int nargs)
{
	throw std::runtime_error("nobody catches this");
}
