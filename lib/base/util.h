/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What every file of the library may need. */
#ifndef BASE_UTIL_H
#define BASE_UTIL_H

#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

/* The compiler can not tell any more where the value of a variable comes from. */
#define hide_var(var)	__asm__("" : "=r" (var) : "0" (var))

/*
 * memset() and memcpy() by the C library also where the compiler would know the size: its
 * "rep stos" and "rep movs" take 25 cycles to begin.
 */
static __inline void clear_bytes(void *at, size_t size)
{
	hide_var(size);
	memset(at, 0, size);
}

static __inline void copy_bytes(void *to, const void *from, size_t size)
{
	hide_var(size);
	memcpy(to, from, size);
}

#define likely(x)	__builtin_expect(!!(x), 1)
#define unlikely(x)	__builtin_expect(!!(x), 0)
#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define CACHE_LINE	64
#define __cacheline	__attribute__((aligned(CACHE_LINE)))
#define __inline	inline __attribute__((always_inline))

/* As gcc names it, also with clang. */
#ifdef __has_feature
#if __has_feature(address_sanitizer) && !defined(__SANITIZE_ADDRESS__)
#define __SANITIZE_ADDRESS__	1
#endif
#if __has_feature(thread_sanitizer) && !defined(__SANITIZE_THREAD__)
#define __SANITIZE_THREAD__	1
#endif
#endif

#define container_of(ptr, type, member) \
	((type *)((char *)(ptr) - offsetof(type, member)))

/* Words that another thread, or another program, reads or writes as well. */
#define READ_ONCE(x)		__atomic_load_n(&(x), __ATOMIC_RELAXED)
#define WRITE_ONCE(x, v)	__atomic_store_n(&(x), v, __ATOMIC_RELAXED)
#define load_acquire(p)		__atomic_load_n(p, __ATOMIC_ACQUIRE)
#define store_release(p, v)	__atomic_store_n(p, v, __ATOMIC_RELEASE)

#define min(a, b) ({ __auto_type _a = (a); __auto_type _b = (b); _a < _b ? _a : _b; })
#define max(a, b) ({ __auto_type _a = (a); __auto_type _b = (b); _a > _b ? _a : _b; })

#define NSEC_PER_SEC	1000000000ull
#define NSEC_PER_MSEC	1000000ull

static inline size_t align_up(size_t n, size_t to)
{
	return (n + to - 1) & ~(to - 1);
}

/** now_ns - CLOCK_MONOTONIC in nanoseconds */
static inline uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ts.tv_sec * NSEC_PER_SEC + ts.tv_nsec;
}

static __inline void cpu_relax(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#elif defined(__aarch64__)
	__asm__ __volatile__("yield" ::: "memory");
#endif
}

#endif
