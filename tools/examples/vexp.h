/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* e^x without calls or branches, so that loops over it are vectorised. */
#ifndef EXAMPLES_VEXP_H
#define EXAMPLES_VEXP_H

#include <stdint.h>
#include <string.h>

/**
 * vexp - e^x to a relative error of 3e-7; x is taken as -87 or 87 beyond these
 *
 * x = n ln 2 + r with |r| <= ln 2 / 2: e^r is a polynomial, and n goes into
 * the exponent. Adding 1.5 * 2^23 rounds to an integer, in the low bits.
 */
static inline float vexp(float x)
{
	const float magic = 12582912.0f;
	const int32_t limit = 0x42ae0000;	/* the bits of 87 */
	int32_t bits, size;
	float n, r, p, scale;

	/* A clamp by float comparisons would become branches. */
	memcpy(&bits, &x, sizeof(bits));
	size = bits & INT32_MAX;
	bits = (bits & INT32_MIN) | (size < limit ? size : limit);
	memcpy(&x, &bits, sizeof(x));
	n = x * 1.44269504f + magic;
	memcpy(&bits, &n, sizeof(bits));
	n -= magic;
	r = x - n * 0.693359375f;	/* ln 2 in two parts, the first exact */
	r += n * 2.12194440e-4f;
	p = 1.0f / 720;
	p = p * r + 1.0f / 120;
	p = p * r + 1.0f / 24;
	p = p * r + 1.0f / 6;
	p = p * r + 0.5f;
	p = p * r + 1.0f;
	p = p * r + 1.0f;
	bits = (int32_t)((uint32_t)(bits + 127) << 23);
	memcpy(&scale, &bits, sizeof(scale));
	return p * scale;
}

#endif
