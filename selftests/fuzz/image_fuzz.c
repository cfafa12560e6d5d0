// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Fuzzes the image check (libFuzzer): no input may make it crash, hang or read
 * outside the file. With PTO_FUZZ_LOAD=1 what it lets through without a doubt
 * is really loaded, in a child process, which must survive it.
 */
#include <dlfcn.h>
#include <elf.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"
#include "device/image_check.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);

/* ---- loading ------------------------------------------------------------------------ */

/* As image.c does it; the look-ups walk the hash table's chains. */
static void load(const uint8_t *data, size_t size)
{
	static const char *const names[] = { "kernel_entry", "mark", "helper", "nothing", "" };
	int fd = memfd_create("fuzz", 0);
	char path[32];
	void *handle;

	alarm(20);
	if (fd < 0 || write(fd, data, size) != size)
		_exit(0);
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	handle = dlopen(path, RTLD_NOW | RTLD_LOCAL);
	if (handle) {
		for (int i = 0; i < ARRAY_SIZE(names); i++)
			dlsym(handle, names[i]);
		dlclose(handle);
	}
	_exit(0);
}

static void load_in_child(const uint8_t *data, size_t size)
{
	pid_t pid = fork();
	int status = 0;

	if (!pid)
		load(data, size);
	if (pid > 0 && waitpid(pid, &status, 0) == pid && status) {
		fprintf(stderr, "loading what passed the check ended with status %#x\n", status);
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct image_facts facts;

	if (image_check(data, size, "fuzz", &facts))
		return 0;
	if (facts.text_lo >= facts.text_hi || facts.text_lo < facts.lo || facts.text_hi > facts.hi)
		abort();
	if (getenv("PTO_FUZZ_LOAD") && !facts.doubt)
		load_in_child(data, size);
	return 0;
}

/* ---- mutations of fields -------------------------------------------------------------- */

static uint64_t random64(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static uint64_t field_get(const uint8_t *data, size_t size, uint64_t at, size_t width)
{
	uint64_t value = 0;

	if (at < size && width <= size - at)
		memcpy(&value, data + at, width);
	return value;
}

static uint64_t phdr_at(const uint8_t *data, size_t size, uint64_t i)
{
	return field_get(data, size, offsetof(Elf64_Ehdr, e_phoff), 8) + i * sizeof(Elf64_Phdr);
}

static uint64_t dynamic_at(const uint8_t *data, size_t size)
{
	for (int i = 0; i < 16; i++) {
		uint64_t p = phdr_at(data, size, i);

		if (field_get(data, size, p, 4) == PT_DYNAMIC)
			return field_get(data, size, p + offsetof(Elf64_Phdr, p_offset), 8);
	}
	return 0;
}

/* Where a field of the ELF structures is: headers, dynamic section, the tables it names. */
static uint64_t pick_field(const uint8_t *data, size_t size, uint64_t *state)
{
	uint64_t entry = dynamic_at(data, size) + random64(state) % 32 * sizeof(Elf64_Dyn);

	switch (random64(state) % 8) {
	case 0:
		return random64(state) % sizeof(Elf64_Ehdr) & ~1ull;
	case 1:
	case 2:
		return phdr_at(data, size, random64(state) % 12) + (random64(state) % 14) * 4;
	case 3:
	case 4:
		return entry + random64(state) % 2 * 8;
	default:
		return field_get(data, size, entry + 8, 8) + random64(state) % 128 * 2;
	}
}

static uint64_t pick_value(const uint8_t *data, size_t size, uint64_t old, uint64_t *state)
{
	static const uint64_t values[] = {
		0, 1, 2, 3, 7, 8, 0x3f, 0xff, 0xfff, 0x1000, 0x2000, 0x7fff, 0xffff, 0x7fffffff,
		0x80000000, 0xffffffff, 1ull << 40, INT64_MAX, 1ull << 63, -8ull, -1ull,
	};

	switch (random64(state) % 5) {
	case 0:
		return values[random64(state) % ARRAY_SIZE(values)];
	case 1:
		return old + random64(state) % 33 - 16;
	case 2:
		return old ^ 1ull << random64(state) % 64;
	case 3:
		return field_get(data, size, pick_field(data, size, state), 8);
	default:
		return size + random64(state) % 17 - 8;
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned int seed)
{
	uint64_t state = seed * 0x9e3779b97f4a7c15ull | 1;

	if (random64(&state) % 16 == 0)
		return LLVMFuzzerMutate(data, size, max_size);
	for (int n = 1 + random64(&state) % 3; n; n--) {
		size_t width = 1ull << random64(&state) % 4;
		uint64_t at = pick_field(data, size, &state), value;

		if (at >= size || width > size - at)
			continue;
		value = pick_value(data, size, field_get(data, size, at, width), &state);
		memcpy(data + at, &value, width);
	}
	return size;
}
