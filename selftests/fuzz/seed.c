// SPDX-License-Identifier: MIT OR LGPL-2.1
/* What the image fuzzer starts from: relocations of all common types. */
#include <math.h>
#include <stdint.h>
#include <string.h>

int64_t mark = 42;
int64_t *mark_ptr = &mark;
static int64_t other;
int64_t *other_ptr[4] = { &other, &other, &other, &other };
double (*function)(double) = cos;
int64_t bss[1000];

#ifdef THREAD_LOCAL
__thread int64_t local[4] = { 1, 2, 3 };
#else
static int64_t local[4];
#endif

#ifdef IFUNC
static double one(double x)
{
	return x;
}

static void *pick(void)
{
	return one;
}

double picked(double x) __attribute__((ifunc("pick")));
#else
#define picked(x) (x)
#endif

void helper(int64_t *args);
void kernel_entry(int64_t *args);

void helper(int64_t *args)
{
	memset(args, 0, sizeof(*args));
	args[0] = *mark_ptr + *other_ptr[args[1] & 3] + bss[args[1] & 3] + local[args[1] & 3];
}

void kernel_entry(int64_t *args)
{
	args[1] = picked(sqrt(exp2(args[1])));
	helper(args);
}
