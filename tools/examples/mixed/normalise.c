// SPDX-License-Identifier: MIT OR LGPL-2.1
/* args: lanes, y, sums; each of two lanes adds up half of the columns, and scales it by both */
#include <math.h>

#include "../tile.h"
#include "lanes.h"

void kernel_entry(int64_t *args)
{
	struct tile y = tile(args[1]), sums = tile(args[2]);
	struct lanes *l = lanes(args[0]);
	uint32_t half = lanes_take(&l->halves);
	uint32_t from = half ? y.cols / 2 : 0, to = half ? y.cols : y.cols / 2;

	for (uint32_t i = 0; i < y.rows; i++) {
		float sum = 0;

		for (uint32_t j = from; j < to; j++)
			sum += fabsf(row(y, i)[j]);
		row(sums, half)[i] = sum;
	}
	lanes_post(&l->summed);
	lanes_wait(&l->summed, 2);
	for (uint32_t i = 0; i < y.rows; i++) {
		float scale = 1 / (row(sums, 0)[i] + row(sums, 1)[i]);

		for (uint32_t j = from; j < to; j++)
			row(y, i)[j] *= scale;
	}
}
