// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Checks an ELF shared object before the dynamic linker sees it.
 *
 * The dynamic linker trusts what it loads: an index out of range makes it
 * crash or assert with its lock held. The checks follow what it does with a
 * file, in its order: segments, dynamic section, tables, versions, hash
 * tables, relocations. A symbol is checked when something leads to it, as the
 * symbol table's length is written nowhere.
 *
 * Three rules make the result hold until the last relocation is done: segments
 * share no page; every table lies in a segment that is not writable; and
 * relocations write only into segments that are, and not into the dynamic
 * section.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/error.h"
#include "base/util.h"
#include "device/image_elf.h"

#define MAX_SPAN	(1ull << 30)	/* bytes of address space of an image */
#define MAX_TLS		(64ull << 20)
#define MAX_ALIGN	(1ull << 21)

#if defined(__x86_64__)
#define MACHINE		EM_X86_64
#define MACHINE_NAME	"x86-64"
#elif defined(__aarch64__)
#define MACHINE		EM_AARCH64
#define MACHINE_NAME	"AArch64"
#else
#error "which relocations does this machine's dynamic linker know?"
#endif

/* Libraries whose loading is no risk: they are part of the host's toolchain. */
static const char *const trusted_libs[] = {
	"libc.so.6", "libm.so.6", "libpthread.so.0", "libdl.so.2", "librt.so.1",
	"ld-linux-x86-64.so.2", "ld-linux-aarch64.so.1", "libgcc_s.so.1", "libstdc++.so.6",
};

void image_doubt(struct check *c, const char *what)
{
	if (!c->facts->doubt)
		c->facts->doubt = what;
}

/* ---- ELF header and segments ------------------------------------------------- */

static const char *machine_name(unsigned int machine)
{
	switch (machine) {
	case EM_X86_64:		return "x86-64";
	case EM_AARCH64:	return "AArch64";
	case EM_386:		return "i386";
	case EM_ARM:		return "ARM";
	case EM_RISCV:		return "RISC-V";
	default:		return "another machine";
	}
}

static int check_header(struct check *c, const unsigned char *bytes)
{
	const Elf64_Ehdr *eh = (const void *)bytes;

	if (c->size < EI_NIDENT || memcmp(bytes, ELFMAG, SELFMAG))
		return bad(c, "not an ELF file (%zu bytes)", c->size);
	if (bytes[EI_CLASS] != ELFCLASS64)
		return bad(c, "a 32-bit ELF file, want 64-bit " MACHINE_NAME);
	if (bytes[EI_DATA] != ELFDATA2LSB)
		return bad(c, "a big-endian ELF file, want little-endian");
	if (c->size < sizeof(*eh))
		return bad(c, "cut off in its ELF header (%zu bytes)", c->size);
	if (bytes[EI_VERSION] != EV_CURRENT || eh->e_version != EV_CURRENT)
		return bad(c, "ELF version %u, want %u", eh->e_version, EV_CURRENT);
	if (bytes[EI_OSABI] != ELFOSABI_SYSV && bytes[EI_OSABI] != ELFOSABI_GNU)
		return bad(c, "ELF OS ABI %u, want GNU/Linux", bytes[EI_OSABI]);
	if (eh->e_machine != MACHINE)
		return bad(c, "built for %s (%u), want " MACHINE_NAME,
			   machine_name(eh->e_machine), eh->e_machine);
	if (eh->e_type != ET_DYN)
		return bad(c, "ELF type %u, want a shared object (link it with -shared)",
			   eh->e_type);
	if (eh->e_phentsize != sizeof(Elf64_Phdr) || !eh->e_phnum || eh->e_phnum > MAX_SEGMENTS)
		return bad(c, "%u program headers of %u bytes", eh->e_phnum, eh->e_phentsize);
	if (eh->e_phoff > c->size || eh->e_phnum * sizeof(Elf64_Phdr) > c->size - eh->e_phoff ||
	    eh->e_phoff % sizeof(uint64_t))
		return bad(c, "program headers at %#lx lie outside the file", eh->e_phoff);
	/* Nobody needs them to load it, but without them the file was cut off. */
	if (eh->e_shoff > c->size ||
	    (uint64_t)eh->e_shnum * eh->e_shentsize > c->size - eh->e_shoff)
		return bad(c, "cut off: section headers at %#lx lie outside the file of %zu bytes",
			   eh->e_shoff, c->size);
	c->nsegments = eh->e_phnum;
	return 0;
}

static const char *segment_name(uint32_t type)
{
	switch (type) {
	case PT_LOAD:		return "LOAD";
	case PT_DYNAMIC:	return "DYNAMIC";
	case PT_NOTE:		return "NOTE";
	case PT_TLS:		return "TLS";
	case PT_PHDR:		return "PHDR";
	case PT_GNU_RELRO:	return "GNU_RELRO";
	case PT_GNU_EH_FRAME:	return "GNU_EH_FRAME";
	case PT_GNU_PROPERTY:	return "GNU_PROPERTY";
	default:		return "other";
	}
}

static uint64_t page_down(struct check *c, uint64_t addr)
{
	return addr & ~(c->page - 1);
}

static uint64_t page_up(struct check *c, uint64_t addr)
{
	return page_down(c, addr + c->page - 1);
}

/* One LOAD segment; @end is where the one before it ended, in whole pages. */
static int check_load(struct check *c, int i, const GElf_Phdr *p, uint64_t *end)
{
	if (p->p_align < c->page || p->p_align > MAX_ALIGN || p->p_align & (p->p_align - 1))
		return bad(c, "segment %d is aligned to %#lx", i, p->p_align);
	if ((p->p_vaddr - p->p_offset) & (p->p_align - 1))
		return bad(c, "segment %d: address %#lx does not match its offset %#lx", i,
			   p->p_vaddr, p->p_offset);
	if (*end && page_down(c, p->p_vaddr) < *end)
		return bad(c, "segment %d at %#lx overlaps the one before it", i, p->p_vaddr);
	if (!*end) {
		c->facts->lo = page_down(c, p->p_vaddr);
		if (c->facts->lo > UINT64_MAX - 2 * MAX_SPAN)
			return bad(c, "segment %d begins at %#lx", i, p->p_vaddr);
	}
	if (p->p_memsz > MAX_SPAN || p->p_vaddr + p->p_memsz - c->facts->lo > MAX_SPAN)
		return bad(c, "segment %d ends %#lx bytes after %#lx: too large", i, p->p_memsz,
			   p->p_vaddr);
	*end = page_up(c, p->p_vaddr + p->p_memsz);
	c->facts->hi = *end;
	if (!(p->p_flags & PF_X))
		return 0;
	if (!c->facts->text_hi)
		c->facts->text_lo = p->p_vaddr;
	c->facts->text_hi = p->p_vaddr + p->p_memsz;
	return 0;
}

static int check_loads(struct check *c)
{
	uint64_t end = 0;
	int err;

	for (size_t i = 0; i < c->nsegments; i++) {
		const GElf_Phdr *p = &c->segments[i];

		if (p->p_offset > c->size || p->p_filesz > c->size - p->p_offset)
			return bad(c, "segment %zu (%s): %#lx bytes at %#lx lie outside the file of %zu bytes",
				   i, segment_name(p->p_type), p->p_filesz, p->p_offset, c->size);
		if (p->p_type != PT_LOAD)
			continue;
		if (p->p_filesz > p->p_memsz)
			return bad(c, "segment %zu: %#lx bytes in the file, %#lx in memory", i,
				   p->p_filesz, p->p_memsz);
		err = check_load(c, i, p, &end);
		if (err)
			return err;
	}
	if (!c->facts->text_hi)
		return bad(c, "no executable segment");
	return 0;
}

/* The LOAD segment that holds all of [addr, addr + size) in memory, or NULL. */
const GElf_Phdr *image_segment_at(struct check *c, uint64_t addr, uint64_t size)
{
	for (size_t i = 0; i < c->nsegments; i++) {
		const GElf_Phdr *p = &c->segments[i];

		if (p->p_type == PT_LOAD && addr >= p->p_vaddr && size <= p->p_memsz &&
		    addr - p->p_vaddr <= p->p_memsz - size)
			return p;
	}
	return NULL;
}

/*
 * Bytes from @addr to the end of what the file has of a segment that can be
 * read and, unless @writable, can not be written. 0: there is no such segment.
 */
static uint64_t file_bytes(struct check *c, uint64_t addr, bool writable, uint64_t *offset)
{
	const GElf_Phdr *p = image_segment_at(c, addr, 1);

	if (!p || addr - p->p_vaddr >= p->p_filesz || !(p->p_flags & PF_R))
		return 0;
	if (!writable && p->p_flags & PF_W)
		return 0;
	*offset = p->p_offset + (addr - p->p_vaddr);
	return p->p_filesz - (addr - p->p_vaddr);
}

/* The pages that are protected after relocation belong to one segment. */
static int check_relro(struct check *c, const GElf_Phdr *p)
{
	const GElf_Phdr *load = image_segment_at(c, p->p_vaddr, 1);

	if (!load || p->p_memsz > MAX_SPAN ||
	    p->p_vaddr + p->p_memsz > page_up(c, load->p_vaddr + load->p_memsz))
		return bad(c, "segment GNU_RELRO lies outside the LOAD segments");
	return 0;
}

static int check_tls(struct check *c, const GElf_Phdr *p)
{
	if (c->tls)
		return bad(c, "two segments TLS");
	if (p->p_filesz > p->p_memsz || p->p_memsz > MAX_TLS)
		return bad(c, "segment TLS: %#lx bytes in the file, %#lx in memory", p->p_filesz,
			   p->p_memsz);
	if (!p->p_align || p->p_align > MAX_ALIGN || p->p_align & (p->p_align - 1))
		return bad(c, "segment TLS is aligned to %#lx", p->p_align);
	if (p->p_memsz)		/* or else the linker takes it for none */
		c->tls = p;
	return 0;
}

static int check_notes(struct check *c, const GElf_Phdr *p)
{
	Elf_Data *data = elf_getdata_rawchunk(c->elf, p->p_offset, p->p_filesz,
					      p->p_align == 8 ? ELF_T_NHDR8 : ELF_T_NHDR);
	size_t pos = 0, name, desc;
	GElf_Nhdr note;

	if (!data)
		return bad(c, "segment %s: %s", segment_name(p->p_type), elf_errmsg(-1));
	while (pos < p->p_filesz) {
		pos = gelf_getnote(data, pos, &note, &name, &desc);
		if (!pos)
			return bad(c, "segment %s: a note lies outside it",
				   segment_name(p->p_type));
	}
	return 0;
}

/*
 * The linker goes on using the program headers where the first segment that
 * has them puts them, so no relocation may reach that one.
 */
static int check_phdrs(struct check *c, uint64_t phoff)
{
	uint64_t end = phoff + c->nsegments * sizeof(Elf64_Phdr);

	for (size_t i = 0; i < c->nsegments; i++) {
		const GElf_Phdr *p = &c->segments[i];

		if (p->p_type != PT_LOAD || page_down(c, p->p_offset) > phoff ||
		    page_up(c, p->p_offset + p->p_filesz) < end)
			continue;
		if (p->p_flags & PF_W)
			return bad(c, "its program headers lie in a writable segment");
		return 0;
	}
	return 0;
}

static int check_phdr_segment(struct check *c, const GElf_Phdr *p, uint64_t phoff)
{
	uint64_t offset;

	if (file_bytes(c, p->p_vaddr, false, &offset) < c->nsegments * sizeof(Elf64_Phdr) ||
	    offset != phoff)
		return bad(c, "segment PHDR does not hold the program headers");
	return 0;
}

static int check_segment(struct check *c, const GElf_Phdr *p, uint64_t phoff)
{
	uint64_t offset;

	if (p->p_type == PT_GNU_STACK)
		return p->p_flags & PF_X ? bad(c, "wants an executable stack") : 0;
	if (p->p_type == PT_GNU_RELRO)
		return check_relro(c, p);
	if (p->p_filesz && p->p_type != PT_LOAD && p->p_type != PT_NULL &&
	    (file_bytes(c, p->p_vaddr, true, &offset) < p->p_filesz || offset != p->p_offset))
		return bad(c, "segment %s (%u) at %#lx lies outside the LOAD segments",
			   segment_name(p->p_type), p->p_type, p->p_vaddr);
	switch (p->p_type) {
	case PT_DYNAMIC:
		if (c->dynamic_segment)
			return bad(c, "two dynamic sections");
		c->dynamic_segment = p;
		return 0;
	case PT_PHDR:
		return check_phdr_segment(c, p, phoff);
	case PT_TLS:
		return check_tls(c, p);
	case PT_NOTE:
	case PT_GNU_PROPERTY:
		return check_notes(c, p);
	}
	return 0;
}

static int check_segments(struct check *c)
{
	bool stack = false;
	GElf_Ehdr eh;
	int err;

	if (!gelf_getehdr(c->elf, &eh))
		return bad(c, "%s", elf_errmsg(-1));
	for (size_t i = 0; i < c->nsegments; i++) {
		if (!gelf_getphdr(c->elf, i, &c->segments[i]))
			return bad(c, "program header %zu: %s", i, elf_errmsg(-1));
		stack |= c->segments[i].p_type == PT_GNU_STACK;
	}
	/* Without the header the linker makes all stacks of the process executable. */
	if (!stack)
		return bad(c, "no GNU_STACK header: it would make the stack executable");
	err = check_loads(c);
	if (!err)
		err = check_phdrs(c, eh.e_phoff);
	for (size_t i = 0; i < c->nsegments && !err; i++)
		err = check_segment(c, &c->segments[i], eh.e_phoff);
	return err;
}

/* ---- dynamic section ------------------------------------------------------------ */

bool image_tag_get(struct check *c, int64_t tag, uint64_t *value)
{
	for (size_t i = 0; i < c->ndynamic; i++) {
		if (c->dynamic[i].d_tag == tag) {
			*value = c->dynamic[i].d_un.d_val;
			return true;
		}
	}
	*value = 0;
	return false;
}

int image_tag_want(struct check *c, int64_t tag, const char *name, uint64_t *value)
{
	return image_tag_get(c, tag, value) ? 0 : bad(c, "no %s in its dynamic section", name);
}

static int read_dynamic(struct check *c)
{
	const GElf_Phdr *p = c->dynamic_segment, *load;
	Elf_Data *data;
	uint64_t dup;

	if (!p)
		return bad(c, "no dynamic section");
	load = image_segment_at(c, p->p_vaddr, p->p_filesz);
	/* The linker writes to it when its own header says that it may. */
	if (p->p_vaddr % sizeof(uint64_t) || !load || (p->p_flags & ~load->p_flags & PF_W))
		return bad(c, "dynamic section at %#lx is misplaced", p->p_vaddr);
	data = elf_getdata_rawchunk(c->elf, p->p_offset, p->p_filesz, ELF_T_DYN);
	if (!data)
		return bad(c, "dynamic section: %s", elf_errmsg(-1));
	c->dynamic_addr = p->p_vaddr;
	c->dynamic_size = max(p->p_filesz, p->p_memsz);
	for (;;) {
		GElf_Dyn d;

		if (c->ndynamic == MAX_DYNAMIC || !gelf_getdyn(data, c->ndynamic, &d))
			return bad(c, "dynamic section without an end");
		if (d.d_tag == DT_NULL)
			return 0;
		if (d.d_tag != DT_NEEDED && image_tag_get(c, d.d_tag, &dup))
			return bad(c, "dynamic tag %#lx is there twice", d.d_tag);
		c->dynamic[c->ndynamic++] = d;
	}
}

/* What is left of the file's part of a read-only segment from a table's address on. */
int image_table_at(struct check *c, uint64_t addr, const char *name, Elf_Type type,
		   Elf_Data **data)
{
	uint64_t offset, size = file_bytes(c, addr, false, &offset);

	*data = size ? elf_getdata_rawchunk(c->elf, offset, size, type) : NULL;
	if (!*data)
		return bad(c, "%s at %#lx lies outside the read-only segments", name, addr);
	return 0;
}

/* A table whose size is known. */
int image_table_sized(struct check *c, uint64_t addr, uint64_t size, const char *name,
		      Elf_Type type, Elf_Data **data)
{
	uint64_t offset;

	*data = NULL;
	if (!size)
		return 0;
	if (file_bytes(c, addr, false, &offset) < size)
		return bad(c, "%s: %#lx bytes at %#lx lie outside the read-only segments", name,
			   size, addr);
	*data = elf_getdata_rawchunk(c->elf, offset, size, type);
	return *data ? 0 : bad(c, "%s: %s", name, elf_errmsg(-1));
}

static int check_strings(struct check *c)
{
	uint64_t addr, size;
	Elf_Data *data;
	int err;

	err = image_tag_want(c, DT_STRTAB, "DT_STRTAB", &addr);
	if (!err)
		err = image_tag_want(c, DT_STRSZ, "DT_STRSZ", &size);
	if (!err)
		err = image_table_sized(c, addr, size, "string table", ELF_T_BYTE, &data);
	if (err)
		return err;
	if (!data || ((const char *)data->d_buf)[size - 1])
		return bad(c, "its string table does not end with NUL");
	c->strings = data->d_buf;
	c->strings_size = size;
	return 0;
}

int image_check_string(struct check *c, uint64_t offset, const char *what)
{
	return offset < c->strings_size ? 0 :
		bad(c, "%s: name at %#lx, the string table has %#lx bytes", what, offset,
		    c->strings_size);
}

static bool lib_trusted(const char *name)
{
	for (int i = 0; i < ARRAY_SIZE(trusted_libs); i++) {
		if (!strcmp(name, trusted_libs[i]))
			return true;
	}
	return false;
}

static int check_needed(struct check *c, uint64_t name)
{
	int err = image_check_string(c, name, "DT_NEEDED");

	if (err)
		return err;
	if (!c->strings[name])
		return bad(c, "DT_NEEDED with an empty name");
	if (!lib_trusted(c->strings + name))
		image_doubt(c, "a library of its own to load");
	return 0;
}

static int check_code(struct check *c, uint64_t addr, const char *what)
{
	const GElf_Phdr *p = image_segment_at(c, addr, 1);

	image_doubt(c, "constructors or destructors");
	return p && p->p_flags & PF_X ? 0 : bad(c, "%s at %#lx is not code", what, addr);
}

static int check_array(struct check *c, int64_t size_tag, uint64_t addr, const char *what)
{
	uint64_t size;

	if (!image_tag_get(c, size_tag, &size))
		return bad(c, "%s without its size", what);
	if (!size)
		return 0;
	image_doubt(c, "constructors or destructors");
	if (addr % sizeof(uint64_t) || size % sizeof(uint64_t) || !image_segment_at(c, addr, size))
		return bad(c, "%s: %#lx bytes at %#lx lie outside the segments", what, size, addr);
	return 0;
}

static int check_value(struct check *c, uint64_t value, uint64_t want, const char *name)
{
	return value == want ? 0 : bad(c, "%s is %lu, want %lu", name, value, want);
}

static int check_tag(struct check *c, int64_t tag, uint64_t value)
{
	switch (tag) {
	case DT_NEEDED:
		return check_needed(c, value);
	case DT_SONAME:
		return image_check_string(c, value, "DT_SONAME");
	case DT_RPATH:
	case DT_RUNPATH:
		return image_check_string(c, value, "DT_RUNPATH");
	case DT_SYMENT:
		return check_value(c, value, sizeof(Elf64_Sym), "DT_SYMENT");
	case DT_RELAENT:
		return check_value(c, value, sizeof(Elf64_Rela), "DT_RELAENT");
	case DT_RELRENT:
		return check_value(c, value, sizeof(Elf64_Relr), "DT_RELRENT");
	case DT_PLTREL:
		return check_value(c, value, DT_RELA, "DT_PLTREL");
	case DT_INIT:
		return check_code(c, value, "DT_INIT");
	case DT_FINI:
		return check_code(c, value, "DT_FINI");
	case DT_INIT_ARRAY:
		return check_array(c, DT_INIT_ARRAYSZ, value, "DT_INIT_ARRAY");
	case DT_FINI_ARRAY:
		return check_array(c, DT_FINI_ARRAYSZ, value, "DT_FINI_ARRAY");
	case DT_REL:
		return bad(c, "relocations without addends (DT_REL)");
	case DT_TEXTREL:
		return bad(c, "relocations in its text: compile with -fPIC");
	case DT_FLAGS:
		if (value & DF_TEXTREL)
			return bad(c, "relocations in its text: compile with -fPIC");
		return 0;
	case DT_FLAGS_1:
		if (value & ~(DF_1_NOW | DF_1_NODELETE | DF_1_ORIGIN))
			image_doubt(c, "unusual flags");
		return 0;
	case DT_HASH: case DT_GNU_HASH: case DT_STRTAB: case DT_STRSZ: case DT_SYMTAB:
	case DT_RELA: case DT_RELASZ: case DT_RELACOUNT: case DT_JMPREL: case DT_PLTRELSZ:
	case DT_RELR: case DT_RELRSZ: case DT_INIT_ARRAYSZ: case DT_FINI_ARRAYSZ:
	case DT_VERSYM: case DT_VERNEED: case DT_VERNEEDNUM: case DT_VERDEF: case DT_VERDEFNUM:
	case DT_PLTGOT: case DT_SYMBOLIC: case DT_BIND_NOW: case DT_DEBUG:
		return 0;
	default:
		image_doubt(c, "unusual dynamic tags");
		return 0;
	}
}

static int check_dynamic(struct check *c)
{
	int err = read_dynamic(c);

	if (!err)
		err = check_strings(c);
	for (size_t i = 0; i < c->ndynamic && !err; i++)
		err = check_tag(c, c->dynamic[i].d_tag, c->dynamic[i].d_un.d_val);
	return err;
}

int image_check(const void *bytes, size_t size, const char *name, struct image_facts *facts)
{
	struct check *c = calloc(1, sizeof(*c));
	int err = -ENOMEM;

	if (!c)
		return fail(err, "%s: no memory to check it", name);
	*facts = (struct image_facts){ .leaf = true };
	c->name = name;
	c->size = size;
	c->page = sysconf(_SC_PAGESIZE);
	c->facts = facts;
	err = check_header(c, bytes);
	if (err)
		goto out;
	elf_version(EV_CURRENT);
	c->elf = elf_memory((char *)bytes, size);
	if (!c->elf || elf_kind(c->elf) != ELF_K_ELF) {
		err = bad(c, "%s", elf_errmsg(-1));
		goto out;
	}
	err = check_segments(c);
	if (!err)
		err = check_dynamic(c);
	if (!err)
		err = image_check_tables(c);
out:
	elf_end(c->elf);
	free(c);
	return err;
}
