/* SPDX-License-Identifier: MIT OR LGPL-2.1 */
/* What the two halves of the image check, segments and tables, share. */
#ifndef DEVICE_IMAGE_ELF_H
#define DEVICE_IMAGE_ELF_H

#include <gelf.h>
#include <libelf.h>

#include "base/error.h"
#include "device/image_check.h"

#define MAX_SEGMENTS	64
#define MAX_DYNAMIC	1024
#define MAX_VERSIONS	4096

/* Where a version index leads to, as far as struct image.leaf cares. */
enum version { VERSION_NONE, VERSION_OTHER, VERSION_LIBM };

/**
 * struct check - a check under way
 * @segments:	the program headers
 * @dynamic_segment, @tls: the segments of that type, or NULL; an empty TLS is none
 * @dynamic_addr, @dynamic_size: the dynamic section
 * @dynamic:	its entries before DT_NULL
 * @symbols:	from the symbol table to the end of its segment
 * @versyms:	the same for the symbols' version indexes; NULL: no versions
 * @strings, @strings_size: the string table, which ends with NUL
 * @version:	what version indexes mean
 */
struct check {
	const char *name;
	size_t size;
	size_t page;
	Elf *elf;
	struct image_facts *facts;
	size_t nsegments;
	GElf_Phdr segments[MAX_SEGMENTS];
	const GElf_Phdr *dynamic_segment;
	const GElf_Phdr *tls;
	uint64_t dynamic_addr;
	uint64_t dynamic_size;
	size_t ndynamic;
	GElf_Dyn dynamic[MAX_DYNAMIC];
	Elf_Data *symbols;
	Elf_Data *versyms;
	const char *strings;
	uint64_t strings_size;
	uint8_t version[MAX_VERSIONS];
};

#define bad(c, fmt, ...) fail(-ENOEXEC, "%s: " fmt, (c)->name, ##__VA_ARGS__)

/** image_doubt - what the checks can not vouch for; the first one is kept */
void image_doubt(struct check *c, const char *what);

/** image_segment_at - the LOAD segment that holds all of [addr, addr + size) in memory */
const GElf_Phdr *image_segment_at(struct check *c, uint64_t addr, uint64_t size);

/** image_tag_get - value of a dynamic tag; false and 0 when it is not there */
bool image_tag_get(struct check *c, int64_t tag, uint64_t *value);

/** image_tag_want - the same for a tag that must be there */
int image_tag_want(struct check *c, int64_t tag, const char *name, uint64_t *value);

/** image_table_at - the bytes from a table's start to the end of its read-only segment */
int image_table_at(struct check *c, uint64_t addr, const char *name, Elf_Type type,
		   Elf_Data **data);

/** image_table_sized - the bytes of a table whose size is known; NULL when it is 0 */
int image_table_sized(struct check *c, uint64_t addr, uint64_t size, const char *name,
		      Elf_Type type, Elf_Data **data);

/** image_check_string - see that a name lies inside the string table */
int image_check_string(struct check *c, uint64_t offset, const char *what);

/** image_check_tables - versions, hash tables, symbols and relocations */
int image_check_tables(struct check *c);

#endif
