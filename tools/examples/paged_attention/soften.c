// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * args: scores of a page, which become e^(score - greatest); and for each head a column of
 * greatest (row 0) and sum (row 1)
 */
#include "../tile.h"
#include "../vexp.h"

void kernel_entry(int64_t *args)
{
	struct tile s = tile(args[0]), stat = tile(args[1]);

	for (uint32_t head = 0; head < s.rows; head++) {
		float *restrict p = row(s, head);
		float greatest = p[0], sum = 0;

		for (uint32_t t = 1; t < s.cols; t++)
			greatest = p[t] > greatest ? p[t] : greatest;
		for (uint32_t t = 0; t < s.cols; t++)
			p[t] = vexp(p[t] - greatest);
		for (uint32_t t = 0; t < s.cols; t++)
			sum += p[t];
		row(stat, 0)[head] = greatest;
		row(stat, 1)[head] = sum;
	}
}
