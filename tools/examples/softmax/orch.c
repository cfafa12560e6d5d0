/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* y = softmax of each row of x: row_max, exp_sum, normalise for each tile of rows. */
#include <errno.h>

#include <pto/orch.h>

enum { ROW_MAX, EXP_SUM, NORMALISE };

/* args: x, y on the host, rows, cols, tile */
int build_softmax(struct pto_orch *o, uint64_t *args, int nargs)
{
	if (nargs != 5 || !args[4])
		return -EINVAL;

	uint64_t rows = args[2], cols = args[3], tile = args[4];
	size_t bytes = rows * cols * sizeof(float);
	float *x = pto_orch_malloc(o, bytes);
	float *y = pto_orch_malloc(o, bytes);
	float *max = pto_orch_malloc(o, rows * sizeof(float));
	float *sum = pto_orch_malloc(o, rows * sizeof(float));

	pto_orch_copy_in(o, x, (void *)args[0], bytes);
	pto_orch_record(o, (void *)args[1], y, bytes);

	for (uint64_t row = 0; row < rows; row += tile) {
		uint64_t in = (uint64_t)(x + row * cols), out = (uint64_t)(y + row * cols);
		uint64_t m = (uint64_t)(max + row), s = (uint64_t)(sum + row);
		uint64_t n = rows - row < tile ? rows - row : tile;
		int t0 = pto_orch_task(o, ROW_MAX, PTO_ORCH_AIV,
				       (uint64_t[]){ in, m, n, cols }, 4);
		int t1 = pto_orch_task(o, EXP_SUM, PTO_ORCH_AIV,
				       (uint64_t[]){ in, m, out, s, n, cols }, 6);
		int t2 = pto_orch_task(o, NORMALISE, PTO_ORCH_AIV,
				       (uint64_t[]){ out, s, n, cols }, 4);

		pto_orch_edge(o, t0, t1);
		pto_orch_edge(o, t1, t2);
	}
	return 0;
}
