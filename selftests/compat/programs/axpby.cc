// SPDX-License-Identifier: MIT OR LGPL-2.1
/* args: addresses of a, b and c; x, y, n: c = x a + y b */
#include <cstdint>
#include <cstring>

extern "C" __attribute__((visibility("default"))) void kernel_entry(int64_t *args);

static float factor(int64_t arg)
{
	const uint32_t bits = static_cast<uint32_t>(arg);
	float x;

	memcpy(&x, &bits, sizeof(x));
	return x;
}

extern "C" void kernel_entry(int64_t *args)
{
	const float *a = reinterpret_cast<float *>(args[0]),
		    *b = reinterpret_cast<float *>(args[1]);
	const float x = factor(args[3]), y = factor(args[4]);
	float *c = reinterpret_cast<float *>(args[2]);

	for (int64_t i = 0; i < args[5]; i++)
		c[i] = x * a[i] + y * b[i];
}
