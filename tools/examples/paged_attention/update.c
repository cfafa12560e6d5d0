// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * args: a page's sums, its greatest scores and sums of weights, the same of all pages before it,
 * and the sums of these, which become the output; then FIRST, LAST, or both
 *
 * What was weighted with e^(score - greatest) of fewer pages is scaled to the greatest of all.
 */
#include "../tile.h"
#include "../vexp.h"
#include "attention.h"

void kernel_entry(int64_t *args)
{
	struct tile o = tile(args[0]), stat = tile(args[1]), all = tile(args[2]), out = tile(args[3]);

	for (uint32_t head = 0; head < o.rows; head++) {
		float *restrict to = row(out, head);
		const float *restrict from = row(o, head);
		float m = row(stat, 0)[head], sum = row(stat, 1)[head], before = 0, page = 1;

		if (!(args[4] & FIRST)) {
			float was = row(all, 0)[head], most = was > m ? was : m;

			before = vexp(was - most);
			page = vexp(m - most);
			sum = before * row(all, 1)[head] + page * sum;
			m = most;
		}
		row(all, 0)[head] = m;
		row(all, 1)[head] = sum;
		if (args[4] & LAST) {
			before /= sum;
			page /= sum;
		}
		if (args[4] & FIRST)
			for (uint32_t d = 0; d < o.cols; d++)
				to[d] = page * from[d];
		else
			for (uint32_t d = 0; d < o.cols; d++)
				to[d] = before * to[d] + page * from[d];
	}
}
