// SPDX-License-Identifier: MIT OR LGPL-2.1
/* Inputs: made anew or from kept ones, run, and kept if they reach new code. */
#include "driver_fuzz.h"

#define COVER_ENTRIES	(64 << 10)
#define KCOV_INIT_TRACE	_IOR('c', 1, unsigned long)
#define KCOV_ENABLE	_IO('c', 100)
#define KCOV_TRACE_PC	0

/* xorshift64* */
uint32_t fuzz_random(struct fuzzer *f, uint32_t below)
{
	f->seed ^= f->seed >> 12;
	f->seed ^= f->seed << 25;
	f->seed ^= f->seed >> 27;
	return (uint32_t)((f->seed * 0x2545f4914f6cdd1dULL) >> 33) % below;
}

uint32_t fuzz_pick(struct fuzzer *f, uint32_t below)
{
	uint32_t value = 0, range;

	for (range = 1; range < below && f->at < f->input.n; range <<= 8)
		value = value << 8 | f->input.bytes[f->at++];
	return value % below;
}

/* ---- coverage ---- */

/* Trace this thread, if the kernel can. */
void fuzz_cover_open(struct fuzzer *f)
{
	int fd = open("/sys/kernel/debug/kcov", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return;
	if (!ioctl(fd, KCOV_INIT_TRACE, COVER_ENTRIES)) {
		f->cover = mmap(NULL, COVER_ENTRIES * sizeof(long), PROT_READ | PROT_WRITE,
				MAP_SHARED, fd, 0);
		if (f->cover == MAP_FAILED || ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC))
			f->cover = NULL;
	}
	close(fd);
}

/* True: it was not there. */
static bool pc_add(struct shared *shared, unsigned long pc)
{
	unsigned int i = (pc >> 1) * 2654435761U % PCS_MAX, tries;
	unsigned long old;

	for (tries = 0; tries < PCS_MAX; tries++, i = (i + 1) % PCS_MAX) {
		old = atomic_load_explicit(&shared->pcs[i], memory_order_relaxed);
		if (old == pc)
			return false;
		if (!old && atomic_compare_exchange_strong(&shared->pcs[i], &old, pc)) {
			atomic_fetch_add(&shared->n_pcs, 1);
			return true;
		}
		if (old == pc)
			return false;
	}
	return false;
}

static bool cover_is_new(struct fuzzer *f)
{
	unsigned long n = __atomic_load_n(&f->cover[0], __ATOMIC_RELAXED), i;
	bool news = false;

	for (i = 1; i <= n && i < COVER_ENTRIES; i++)
		news |= pc_add(f->shared, f->cover[i]);
	return news;
}

/* ---- the corpus ---- */

static void corpus_keep(struct shared *shared, const struct input *input)
{
	unsigned int i = atomic_fetch_add(&shared->n_corpus, 1);

	if (i >= CORPUS_MAX)
		return;
	shared->corpus[i].input = *input;
	/* Its writer may be killed: only what is whole is used. */
	atomic_store(&shared->corpus[i].ready, true);
}

static const struct input *corpus_any(struct fuzzer *f)
{
	unsigned int n = atomic_load(&f->shared->n_corpus);
	struct corpus_entry *entry;

	if (!n)
		return NULL;
	entry = &f->shared->corpus[fuzz_random(f, n < CORPUS_MAX ? n : CORPUS_MAX)];
	return atomic_load(&entry->ready) ? &entry->input : NULL;
}

static void input_random(struct fuzzer *f)
{
	uint32_t i;

	f->input.n = 16 + fuzz_random(f, INPUT_MAX - 15);
	for (i = 0; i < f->input.n; i++)
		f->input.bytes[i] = fuzz_random(f, 256);
}

/* Put a part of @from over, or behind, what is there. */
static void input_splice(struct fuzzer *f, const struct input *from, bool append)
{
	uint32_t start = fuzz_random(f, from->n);
	uint32_t n = 1 + fuzz_random(f, from->n - start);
	uint32_t to = append ? f->input.n : fuzz_random(f, f->input.n);

	if (n > INPUT_MAX - to)
		n = INPUT_MAX - to;
	memmove(f->input.bytes + to, from->bytes + start, n);
	if (to + n > f->input.n)
		f->input.n = to + n;
}

static void input_change(struct fuzzer *f)
{
	const struct input *other;
	uint32_t at = fuzz_random(f, f->input.n);

	switch (fuzz_random(f, 6)) {
	case 0:
	case 1:
		f->input.bytes[at] = fuzz_random(f, 256);
		break;
	case 2:
		f->input.bytes[at] ^= 1 << fuzz_random(f, 8);
		break;
	case 3:
		/* All choices behind it shift. */
		memmove(f->input.bytes + at, f->input.bytes + at + 1, f->input.n - at - 1);
		f->input.n -= f->input.n > 1;
		break;
	default:
		other = corpus_any(f);
		if (other)
			input_splice(f, other, fuzz_random(f, 2));
		break;
	}
}

void fuzz_input_make(struct fuzzer *f)
{
	const struct input *kept = fuzz_random(f, 4) ? corpus_any(f) : NULL;
	uint32_t changes;

	if (!kept) {
		input_random(f);
		return;
	}
	f->input = *kept;
	for (changes = 1 + fuzz_random(f, 6); changes; changes--)
		input_change(f);
}

void fuzz_input_run(struct fuzzer *f)
{
	f->at = 0;
	if (f->cover)
		__atomic_store_n(&f->cover[0], 0, __ATOMIC_RELAXED);
	while (fuzz_more(f))
		fuzz_step(f);
	atomic_fetch_add(&f->shared->inputs, 1);
	if (f->cover && cover_is_new(f))
		corpus_keep(f->shared, &f->input);
}
