// SPDX-License-Identifier: MIT OR LGPL-2.1
/* All names of the dialect that builds the graph on the host; golden.py says what comes out. */
#include "common.h"
#include "common/core_type.h"
#include "common/platform_config.h"
#include "common/unified_log.h"
#include "data_type.h"
#include "runtime.h"
#include "tensor.h"

extern "C" __attribute__((visibility("default"))) int build(Runtime *runtime, uint64_t *args,
							    int nargs);

/* As golden.py gives them: four arrays, the bytes of each, the elements of one. */
enum {
	X,
	Y,
	Z,
	W,
	ARRAYS,
	ELEMENTS = 2 * ARRAYS,
	NARGS
};

struct chunk {
	float *x, *y, *t, *z, *w;
	uint64_t n;
};

static uint64_t bits(float x)
{
	uint32_t bits;

	memcpy(&bits, &x, sizeof(bits));
	return bits;
}

static int task(Runtime *runtime, const float *a, const float *b, float *c, float x, float y,
		uint64_t n, CoreType core)
{
	uint64_t args[] = { reinterpret_cast<uint64_t>(a),
			    reinterpret_cast<uint64_t>(b),
			    reinterpret_cast<uint64_t>(c),
			    bits(x),
			    bits(y),
			    n };

	/* The default is AIC. */
	return core == CoreType::AIC ? runtime->add_task(args, 6, 0)
				     : runtime->add_task(args, 6, 1, CoreType::AIV);
}

/* t = 3 x + y, then at once z = t + 2 x and y = y + t, then w = z + y */
static int build_chunk(Runtime *runtime, const chunk &c)
{
	const int t = task(runtime, c.x, c.y, c.t, 3, 1, c.n, CoreType::AIV);
	const int z = task(runtime, c.t, c.x, c.z, 1, 2, c.n, CoreType::AIC);
	const int y = task(runtime, c.t, c.y, c.y, 1, 1, c.n, CoreType::AIV);
	const int w = task(runtime, c.z, c.y, c.w, 1, 1, c.n, CoreType::AIC);

	if (t < 0 || z < 0 || y < 0 || w < 0)
		return -1;
	runtime->add_successor(t, z);
	runtime->add_successor(t, y);
	runtime->add_successor(z, w);
	runtime->add_successor(y, w);
	return t;
}

static int check(Runtime *runtime, int chunks, int first)
{
	int ready[16];

	runtime->print_runtime();
	LOG_ERROR("%d of an error, which this is not", 1);
	LOG_WARN("a warning");
	LOG_INFO("%d tasks on %s and %s, of %d blocks", runtime->get_task_count(),
		 core_type_to_string(CoreType::AIC), core_type_to_string(CoreType::AIV),
		 PLATFORM_MAX_BLOCKDIM);
	LOG_DEBUG("a detail");
	LOG_ALWAYS("said always");
	if (runtime->get_task_count() != 4 * chunks ||
	    runtime->get_initial_ready_tasks(ready) != chunks)
		return -1;
	if (ready[0] != first || !runtime->get_task(first) || runtime->get_task(4 * chunks))
		return -1;
	return 0;
}

/* Nothing of an array gets lost on the way there and back. */
static bool there_and_back(const HostApi &api, void *dev, const void *host, size_t bytes)
{
	std::string back(bytes, 0);

	return !api.copy_to_device(dev, host, bytes) &&
	       !api.copy_from_device(&back[0], dev, bytes) && !memcmp(back.data(), host, bytes);
}

int build(Runtime *runtime, uint64_t *args, int nargs)
{
	const int chunks = 4;
	float *dev[ARRAYS + 1];
	int first = -1;

	always_assert(nargs == NARGS);
	const uint64_t n = args[ELEMENTS], bytes = n * get_element_size(DataType::FLOAT32);

	for (int i = 0; i <= ARRAYS; i++) {
		dev[i] = static_cast<float *>(runtime->host_api.device_malloc(bytes));
		if (!dev[i] || (i < ARRAYS && args[ARRAYS + i] != bytes))
			return -1;
	}
	for (int i = X; i <= Y; i++)
		if (!there_and_back(runtime->host_api, dev[i], reinterpret_cast<void *>(args[i]),
				    bytes))
			return -1;

	void *unused = runtime->host_api.device_malloc(64);
	const TensorPair results[] = {
		{ reinterpret_cast<void *>(args[Y]), dev[Y], bytes },
		{ reinterpret_cast<void *>(args[Z]), dev[Z], bytes },
		{ reinterpret_cast<void *>(args[W]), dev[W], bytes },
	};

	runtime->host_api.device_free(unused);
	for (const TensorPair &pair : results)
		runtime->record_tensor_pair(pair.host_ptr, pair.dev_ptr, pair.size);
	for (int i = 0; i < chunks; i++) {
		const uint64_t from = n * i / chunks, to = n * (i + 1) / chunks;
		const int t =
			build_chunk(runtime, { dev[X] + from, dev[Y] + from, dev[ARRAYS] + from,
					       dev[Z] + from, dev[W] + from, to - from });

		if (t < 0)
			return -1;
		first = i ? first : t;
	}
	return check(runtime, chunks, first);
}
