// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * The second half of the image check: versions, hash tables, symbols,
 * relocations; and what they say about struct image.leaf.
 *
 * The symbol table's length is written nowhere, so a symbol is checked when a
 * hash table or a relocation leads to it, as the dynamic linker does.
 */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "base/util.h"
#include "device/image_elf.h"

/* struct reloc_kind.flags */
#define RELOC_TLS	1	/* makes sense with thread-local memory only */
#define RELOC_CALL	2	/* the dynamic linker calls the image */
#define RELOC_LAZY	4	/* allocates memory when it is first used */

/**
 * struct reloc_kind - a relocation that a shared object may have
 * @width: bytes that it writes
 */
struct reloc_kind {
	uint16_t type;
	uint8_t width;
	uint8_t flags;
};

#if defined(__x86_64__)
#define RELOC_RELATIVE	R_X86_64_RELATIVE

static const struct reloc_kind reloc_kinds[] = {
	{ R_X86_64_NONE, 0, 0 },
	{ R_X86_64_64, 8, 0 },
	{ R_X86_64_GLOB_DAT, 8, 0 },
	{ R_X86_64_JUMP_SLOT, 8, 0 },
	{ R_X86_64_RELATIVE, 8, 0 },
	{ R_X86_64_DTPMOD64, 8, RELOC_TLS },
	{ R_X86_64_DTPOFF64, 8, RELOC_TLS },
	{ R_X86_64_TPOFF64, 8, RELOC_TLS },
	{ R_X86_64_TLSDESC, 16, RELOC_TLS | RELOC_LAZY },
	{ R_X86_64_IRELATIVE, 8, RELOC_CALL },
};
#elif defined(__aarch64__)
#define RELOC_RELATIVE	R_AARCH64_RELATIVE

static const struct reloc_kind reloc_kinds[] = {
	{ R_AARCH64_NONE, 0, 0 },
	{ R_AARCH64_ABS64, 8, 0 },
	{ R_AARCH64_GLOB_DAT, 8, 0 },
	{ R_AARCH64_JUMP_SLOT, 8, 0 },
	{ R_AARCH64_RELATIVE, 8, 0 },
	{ R_AARCH64_TLS_DTPMOD, 8, RELOC_TLS },
	{ R_AARCH64_TLS_DTPREL, 8, RELOC_TLS },
	{ R_AARCH64_TLS_TPREL, 8, RELOC_TLS },
	{ R_AARCH64_TLSDESC, 16, RELOC_TLS | RELOC_LAZY },
	{ R_AARCH64_IRELATIVE, 8, RELOC_CALL },
};
#endif

/* ---- versions ------------------------------------------------------------------- */

static bool is_needed(struct check *c, const char *lib)
{
	for (size_t i = 0; i < c->ndynamic; i++) {
		if (c->dynamic[i].d_tag == DT_NEEDED &&
		    !strcmp(c->strings + c->dynamic[i].d_un.d_val, lib))
			return true;
	}
	return false;
}

static int version_add(struct check *c, unsigned int index, enum version version)
{
	index &= 0x7fff;
	if (index >= MAX_VERSIONS)
		return bad(c, "version index %u is too large", index);
	c->version[index] = version;
	return 0;
}

/* The versions wanted of one library. */
static int check_vernaux(struct check *c, Elf_Data *data, size_t pos, enum version version)
{
	GElf_Vernaux aux;

	for (int n = 0; n < MAX_VERSIONS; n++) {
		int err;

		if (pos > INT_MAX || !gelf_getvernaux(data, pos, &aux))
			return bad(c, "a wanted version lies outside the version table");
		err = image_check_string(c, aux.vna_name, "wanted version");
		if (!err)
			err = version_add(c, aux.vna_other, version);
		if (err || !aux.vna_next)
			return err;
		pos += aux.vna_next;
	}
	return bad(c, "too many wanted versions");
}

static int check_verneed(struct check *c, uint64_t addr)
{
	Elf_Data *data;
	size_t pos = 0;
	int err = image_table_at(c, addr, "DT_VERNEED", ELF_T_VNEED, &data);

	for (int n = 0; n < MAX_VERSIONS && !err; n++) {
		GElf_Verneed need;
		const char *lib;

		if (pos > INT_MAX || !gelf_getverneed(data, pos, &need))
			return bad(c, "a library's version lies outside the version table");
		err = image_check_string(c, need.vn_file, "library of a version");
		if (err)
			return err;
		lib = c->strings + need.vn_file;
		if (!is_needed(c, lib))
			return bad(c, "wants versions of %s, which it does not load", lib);
		err = check_vernaux(c, data, pos + need.vn_aux,
				    strcmp(lib, "libm.so.6") ? VERSION_OTHER : VERSION_LIBM);
		if (err || !need.vn_next)
			return err;
		pos += need.vn_next;
	}
	return err ? err : bad(c, "versions of too many libraries");
}

static int check_verdef(struct check *c, uint64_t addr)
{
	Elf_Data *data;
	size_t pos = 0;
	int err = image_table_at(c, addr, "DT_VERDEF", ELF_T_VDEF, &data);

	for (int n = 0; n < MAX_VERSIONS && !err; n++) {
		GElf_Verdef def;
		GElf_Verdaux aux;

		if (pos > INT_MAX || !gelf_getverdef(data, pos, &def) ||
		    !gelf_getverdaux(data, pos + def.vd_aux, &aux))
			return bad(c, "a version lies outside the version table");
		err = image_check_string(c, aux.vda_name, "version");
		if (!err)
			err = version_add(c, def.vd_ndx, VERSION_OTHER);
		if (err || !def.vd_next)
			return err;
		pos += def.vd_next;
	}
	return err ? err : bad(c, "too many versions");
}

static int check_versions(struct check *c)
{
	uint64_t need, def, sym;
	int err = 0;

	if (!image_tag_get(c, DT_VERSYM, &sym)) {
		if (image_tag_get(c, DT_VERNEED, &need) || image_tag_get(c, DT_VERDEF, &def))
			return bad(c, "versions, but no DT_VERSYM");
		return 0;
	}
	if (image_tag_get(c, DT_VERNEED, &need))
		err = check_verneed(c, need);
	if (!err && image_tag_get(c, DT_VERDEF, &def))
		err = check_verdef(c, def);
	return err ? err : image_table_at(c, sym, "DT_VERSYM", ELF_T_HALF, &c->versyms);
}

/* ---- symbols ---------------------------------------------------------------------- */

static int symbol_get(struct check *c, uint64_t index, GElf_Sym *sym, enum version *version)
{
	GElf_Versym v = 0;
	int err;

	if (index > INT_MAX || !gelf_getsym(c->symbols, index, sym))
		return bad(c, "symbol %lu lies outside the image", index);
	err = image_check_string(c, sym->st_name, "symbol");
	if (err)
		return err;
	if (GELF_ST_TYPE(sym->st_info) == STT_GNU_IFUNC && sym->st_shndx != SHN_UNDEF)
		image_doubt(c, "functions that are chosen when it is loaded (IFUNC)");
	*version = VERSION_OTHER;
	if (!c->versyms)
		return 0;
	if (!gelf_getversym(c->versyms, index, &v))
		return bad(c, "the version of symbol %lu lies outside the image", index);
	v &= 0x7fff;
	if (v > VER_NDX_GLOBAL)
		*version = v < MAX_VERSIONS ? c->version[v] : VERSION_NONE;
	return *version != VERSION_NONE ? 0 :
		bad(c, "symbol %lu has the version index %u, which means nothing", index, v);
}

/* Of these the linker would run code to find them, when they are looked up, and untried. */
static bool is_looked_up(const char *name)
{
	static const char *const names[] = {
		"kernel_entry", "pto_aicpu_program", "pto_aicore_program",
		"aicpu_orchestration_entry", "aicpu_orchestration_config",
	};

	for (int i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}

static int check_symbol(struct check *c, uint64_t index)
{
	enum version version;
	GElf_Sym sym;
	int err = symbol_get(c, index, &sym, &version);

	if (!err && GELF_ST_TYPE(sym.st_info) == STT_GNU_IFUNC &&
	    is_looked_up(c->strings + sym.st_name))
		return bad(c, "%s is chosen when it is looked up (IFUNC)", c->strings + sym.st_name);
	return err;
}

/* A kernel that ends its thread would leave nobody to say so. */
static bool import_refused(const char *name)
{
	return !strcmp(name, "pthread_exit") || !strcmp(name, "thrd_exit");
}

/* What a leaf may import, besides all of libm. */
static bool import_harmless(const char *name)
{
	static const char *const names[] = {
		"memcpy", "memmove", "memset", "memcmp", "memchr", "bcmp",
		/* Weak references of the compiler's start files. */
		"__cxa_finalize", "__gmon_start__",
		"_ITM_registerTMCloneTable", "_ITM_deregisterTMCloneTable",
	};
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
	static const char *const prefixes[] = { "__asan_", "__ubsan_", "__tsan_", "__sanitizer_" };

	for (int i = 0; i < ARRAY_SIZE(prefixes); i++) {
		if (!strncmp(name, prefixes[i], strlen(prefixes[i])))
			return true;
	}
#endif
	for (int i = 0; i < ARRAY_SIZE(names); i++) {
		if (!strcmp(name, names[i]))
			return true;
	}
	return false;
}

/* ---- hash tables -------------------------------------------------------------------- */

static int hash_words(struct check *c, uint64_t addr, const char *name, const uint32_t **words,
		      uint64_t *count)
{
	Elf_Data *data;
	int err = image_table_at(c, addr, name, ELF_T_WORD, &data);

	if (err)
		return err;
	*words = data->d_buf;
	*count = data->d_size / sizeof(uint32_t);
	return 0;
}

/* Each symbol is in one chain, so longer than all symbols together is a loop. */
static int check_hash(struct check *c, uint64_t addr)
{
	uint64_t count, nbuckets, nsymbols, steps = 0;
	const uint32_t *words, *chain;
	int err = hash_words(c, addr, "DT_HASH", &words, &count);

	if (err)
		return err;
	if (count < 2 || (uint64_t)words[0] + words[1] > count - 2)
		return bad(c, "DT_HASH is larger than its segment");
	nbuckets = words[0];
	nsymbols = words[1];
	words += 2;
	chain = words + nbuckets;
	for (uint64_t b = 0; b < nbuckets; b++) {
		for (uint32_t i = words[b]; i; i = chain[i]) {
			if (i >= nsymbols)
				return bad(c, "DT_HASH: symbol %u of %lu", i, nsymbols);
			if (++steps > nsymbols)
				return bad(c, "DT_HASH: a chain that does not end");
		}
	}
	for (uint64_t i = 0; i < nsymbols && !err; i++)
		err = check_symbol(c, i);
	return err;
}

/*
 * A chain is the hashes of consecutive symbols and ends with an odd one. All
 * chains end, and inside the table, when the one that begins last does.
 */
static int check_gnu_hash(struct check *c, uint64_t addr)
{
	uint64_t count, nbuckets, first, bloom, end, last = 0;
	const uint32_t *words;
	int err = hash_words(c, addr, "DT_GNU_HASH", &words, &count);

	if (err)
		return err;
	if (count < 4)
		return bad(c, "DT_GNU_HASH is larger than its segment");
	nbuckets = words[0];
	first = words[1];
	bloom = words[2];
	if (!bloom || bloom & (bloom - 1) || words[3] >= 32)
		return bad(c, "DT_GNU_HASH: a filter of %lu words, shift %u", bloom, words[3]);
	if (nbuckets + 2 * bloom > count - 4)
		return bad(c, "DT_GNU_HASH is larger than its segment");
	words += 4 + 2 * bloom;
	for (uint64_t b = 0; b < nbuckets; b++) {
		if (words[b] && words[b] < first)
			return bad(c, "DT_GNU_HASH: symbol %u, the first is %lu", words[b], first);
		last = max(last, (uint64_t)words[b]);
	}
	if (!last)
		return 0;
	words += nbuckets;
	count -= 4 + 2 * bloom + nbuckets;
	for (end = last; end - first < count && !(words[end - first] & 1); end++)
		;
	if (end - first >= count)
		return bad(c, "DT_GNU_HASH: a chain that does not end");
	for (uint64_t i = first; i <= end && !err; i++)
		err = check_symbol(c, i);
	return err;
}

static int check_hashes(struct check *c)
{
	uint64_t gnu, sysv;
	bool has_gnu = image_tag_get(c, DT_GNU_HASH, &gnu);
	bool has_sysv = image_tag_get(c, DT_HASH, &sysv);
	int err = 0;

	if (!has_gnu && !has_sysv)
		return bad(c, "no hash table of its symbols");
	if (has_gnu)
		err = check_gnu_hash(c, gnu);
	if (!err && has_sysv)
		err = check_hash(c, sysv);
	return err;
}

/* ---- relocations ---------------------------------------------------------------------- */

static const struct reloc_kind *reloc_kind(unsigned int type)
{
	for (int i = 0; i < ARRAY_SIZE(reloc_kinds); i++) {
		if (reloc_kinds[i].type == type)
			return &reloc_kinds[i];
	}
	return NULL;
}

static int check_target(struct check *c, uint64_t addr, uint64_t width)
{
	const GElf_Phdr *p = image_segment_at(c, addr, width);

	if (!p || !(p->p_flags & PF_W))
		return bad(c, "a relocation at %#lx lies outside the writable segments", addr);
	if (addr < c->dynamic_addr + c->dynamic_size && c->dynamic_addr < addr + width)
		return bad(c, "a relocation at %#lx lies in the dynamic section", addr);
	return 0;
}

static int check_call(struct check *c, uint64_t addr)
{
	const GElf_Phdr *p = image_segment_at(c, addr, 1);

	image_doubt(c, "functions that are chosen when it is loaded (IFUNC)");
	return p && p->p_flags & PF_X ? 0 : bad(c, "IRELATIVE relocation: %#lx is not code", addr);
}

static int check_reloc(struct check *c, const GElf_Rela *rela)
{
	const struct reloc_kind *kind = reloc_kind(GELF_R_TYPE(rela->r_info));
	enum version version;
	GElf_Sym sym;
	bool import;
	int err;

	if (!kind)
		return bad(c, "a relocation of type %lu at %#lx: not one of a shared object's",
			   GELF_R_TYPE(rela->r_info), rela->r_offset);
	err = kind->width ? check_target(c, rela->r_offset, kind->width) : 0;
	if (!err)
		err = symbol_get(c, GELF_R_SYM(rela->r_info), &sym, &version);
	if (err)
		return err;
	import = sym.st_shndx == SHN_UNDEF && GELF_ST_BIND(sym.st_info) != STB_LOCAL;
	if (import && import_refused(c->strings + sym.st_name))
		return bad(c, "it uses %s(), but must return", c->strings + sym.st_name);
	if (import && version != VERSION_LIBM && !import_harmless(c->strings + sym.st_name))
		c->facts->leaf = false;
	if (kind->flags & RELOC_LAZY)
		c->facts->leaf = false;
	if (kind->flags & RELOC_TLS && import)
		image_doubt(c, "thread-local memory of another library");
	else if (kind->flags & RELOC_TLS && !c->tls)
		return bad(c, "a thread-local relocation, but no segment TLS");
	return kind->flags & RELOC_CALL ? check_call(c, rela->r_addend) : 0;
}

/* The first @nrelative are relative: the linker does not look at their types. */
static int check_relocs(struct check *c, uint64_t addr, uint64_t size, const char *name,
			uint64_t nrelative)
{
	uint64_t n = size / sizeof(Elf64_Rela);
	Elf_Data *data;
	int err;

	if (size % sizeof(Elf64_Rela) || n > INT_MAX || nrelative > n)
		return bad(c, "%s: %#lx bytes, %lu of its entries relative", name, size, nrelative);
	err = image_table_sized(c, addr, size, name, ELF_T_RELA, &data);
	for (uint64_t i = 0; i < n && !err; i++) {
		GElf_Rela rela;

		if (!gelf_getrela(data, i, &rela))
			return bad(c, "%s: %s", name, elf_errmsg(-1));
		if (i < nrelative && GELF_R_TYPE(rela.r_info) != RELOC_RELATIVE)
			return bad(c, "%s: entry %lu is not relative", name, i);
		err = check_reloc(c, &rela);
	}
	return err;
}

/*
 * Relative relocations, packed: an even word is the address of one, an odd
 * word says which of the 63 words behind the last one have one too.
 */
static int check_relr(struct check *c, uint64_t addr, uint64_t size)
{
	uint64_t where = 0;
	Elf_Data *data;
	int err;

	if (size % sizeof(uint64_t))
		return bad(c, "DT_RELR: %#lx bytes", size);
	err = image_table_sized(c, addr, size, "DT_RELR", ELF_T_XWORD, &data);
	for (uint64_t i = 0; i < size / sizeof(uint64_t) && !err; i++) {
		uint64_t word = ((const uint64_t *)data->d_buf)[i];

		if (!i && word & 1)
			return bad(c, "DT_RELR begins with a bitmap");
		if (!(word & 1)) {
			err = check_target(c, word, sizeof(uint64_t));
			where = word + sizeof(uint64_t);
			continue;
		}
		for (int bit = 1; bit < 64 && !err; bit++) {
			if (word >> bit & 1)
				err = check_target(c, where + (bit - 1) * sizeof(uint64_t),
						   sizeof(uint64_t));
		}
		where += 63 * sizeof(uint64_t);
	}
	return err;
}

/* A table of the dynamic section with its size; the linker reads both or neither. */
static int table_tags(struct check *c, int64_t tag, int64_t size_tag, int64_t kind_tag,
		      const char *name, uint64_t *addr, uint64_t *size)
{
	uint64_t kind;

	*size = 0;
	if (!image_tag_get(c, tag, addr))
		return image_tag_get(c, kind_tag, &kind) ? bad(c, "no %s, but its kind", name) : 0;
	if (!image_tag_get(c, size_tag, size) || !image_tag_get(c, kind_tag, &kind))
		return bad(c, "%s without its size", name);
	return 0;
}

static int check_all_relocs(struct check *c)
{
	uint64_t addr, size, count;
	int err;

	image_tag_get(c, DT_RELACOUNT, &count);
	err = table_tags(c, DT_RELA, DT_RELASZ, DT_RELAENT, "DT_RELA", &addr, &size);
	if (!err)
		err = check_relocs(c, addr, size, "DT_RELA", count);
	if (!err)
		err = table_tags(c, DT_JMPREL, DT_PLTRELSZ, DT_PLTREL, "DT_JMPREL", &addr, &size);
	if (!err)
		err = check_relocs(c, addr, size, "DT_JMPREL", 0);
	if (!err)
		err = table_tags(c, DT_RELR, DT_RELRSZ, DT_RELRENT, "DT_RELR", &addr, &size);
	return err ? err : check_relr(c, addr, size);
}

int image_check_tables(struct check *c)
{
	uint64_t addr;
	int err = image_tag_want(c, DT_SYMTAB, "DT_SYMTAB", &addr);

	if (!err)
		err = image_table_at(c, addr, "symbol table", ELF_T_SYM, &c->symbols);
	if (!err)
		err = check_versions(c);
	if (!err)
		err = check_hashes(c);
	return err ? err : check_all_relocs(c);
}
