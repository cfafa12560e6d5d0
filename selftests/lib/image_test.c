// SPDX-License-Identifier: MIT OR LGPL-2.1
/*
 * Images: what loads, what is refused and with which words, what happens to
 * bytes that were tampered with, and the cache.
 */
#include <dirent.h>
#include <elf.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>

#include "base/util.h"
#include "device/image.h"
#include "pto/pto.h"

#include "kselftest_harness.h"

#define EXPECT_ERROR(expected, call, text) do { \
	EXPECT_EQ(expected, call); \
	EXPECT_NE(NULL, strstr(pto_last_error(), text)) \
		TH_LOG("no \"%s\" in: %s", text, pto_last_error()); \
} while (0)

/* Flags: with the compiler's start files an image has constructors, without none. */
#define BARE	"-nostartfiles"
#define FULL	""

#define MARK	0x1122334455667788ll

/* Its relocations are of all common types; args[0] becomes the mark. */
static const char kernel_source[] =
	"#include <math.h>\n#include <string.h>\n#include <stdint.h>\n"
	"int64_t mark = 0x1122334455667788; int64_t *mark_ptr = &mark;\n"
	"static int64_t other; int64_t *other_ptr[4] = { &other, &other, &other, &other };\n"
	"double (*fn)(double) = cos; int bss[1000];\n"
	"void helper(int64_t *a) { memset(a, 0, 8); a[0] = *mark_ptr + *other_ptr[a[0]]; }\n"
	"void kernel_entry(int64_t *a) { a[1] = (int64_t)sqrt(exp2((double)a[1])); helper(a); }\n";

struct file {
	size_t size;
	unsigned char *bytes;
};

typedef void (*kernel_fn)(int64_t *args);

static struct file file_read(const char *path)
{
	struct file f = { 0 };
	int fd = open(path, O_RDONLY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st))
		return f;
	f.bytes = malloc(st.st_size);
	f.size = read(fd, f.bytes, st.st_size);
	close(fd);
	return f;
}

/* Compile C (or, with -xc++ in @flags, C++) to a shared object. */
static struct file compile(const char *source, const char *flags)
{
	const char *cc = getenv("CC");
	char dir[] = "/tmp/pto-image-XXXXXX", src[64], out[64], cmd[512];
	struct file f = { 0 };
	FILE *file;

	if (!mkdtemp(dir))
		return f;
	snprintf(src, sizeof(src), "%s/image.c", dir);
	snprintf(out, sizeof(out), "%s/image.so", dir);
	snprintf(cmd, sizeof(cmd), "%s -shared -fPIC -O1 -w %s -o %s %s -lm",
		 cc && *cc ? cc : "gcc", flags, out, src);
	file = fopen(src, "w");
	if (file && fputs(source, file) >= 0 && !fclose(file) && !system(cmd))
		f = file_read(out);
	unlink(src);
	unlink(out);
	rmdir(dir);
	return f;
}

static int get(struct file f, struct image **image)
{
	*image = NULL;
	return image_get(f.bytes, f.size, "kernel func_id 7", image);
}

static int64_t run(struct image *image)
{
	kernel_fn entry = (kernel_fn)image_symbol(image, "kernel_entry");
	int64_t args[2] = { 0, 4 };

	if (!entry)
		return -1;
	entry(args);
	return args[0];
}

static struct file file_copy(struct file f)
{
	struct file copy = { f.size, malloc(f.size) };

	memcpy(copy.bytes, f.bytes, f.size);
	return copy;
}

/* A file of its own with another mark, and so other bytes. */
static struct file file_marked(struct file f, int64_t mark)
{
	struct file copy = file_copy(f);
	int64_t old = MARK;
	unsigned char *at = memmem(copy.bytes, copy.size, &old, sizeof(old));

	memcpy(at, &mark, sizeof(mark));
	return copy;
}

static int open_files(void)
{
	DIR *dir = opendir("/proc/self/fd");
	int n = 0;

	while (readdir(dir))
		n++;
	closedir(dir);
	return n;
}

FIXTURE(image) {
	struct file kernel;
};

FIXTURE_SETUP(image)
{
	self->kernel = compile(kernel_source, BARE " -Wl,--hash-style=gnu");
	ASSERT_NE(0, self->kernel.size);
}

FIXTURE_TEARDOWN(image)
{
	free(self->kernel.bytes);
}

TEST_F(image, loads_and_runs)
{
	struct image *image, *again;

	ASSERT_EQ(0, get(self->kernel, &image))
		TH_LOG("%s", pto_last_error());
	EXPECT_EQ(MARK, run(image));
	EXPECT_TRUE(image->leaf);
	EXPECT_STREQ("kernel func_id 7", image->name);
	EXPECT_EQ(self->kernel.size, image->size);
	EXPECT_EQ(0, memcmp(image->bytes, self->kernel.bytes, image->size));
	EXPECT_LE(image->text_lo, (uintptr_t)image_symbol(image, "kernel_entry"));
	EXPECT_GT(image->text_hi, (uintptr_t)image_symbol(image, "kernel_entry"));
	EXPECT_EQ(NULL, image_symbol(image, "nothing"));
	/* It needs them, but does not define them. */
	EXPECT_EQ(NULL, image_symbol(image, "cos"));
	EXPECT_EQ(NULL, image_symbol(image, "memset"));

	ASSERT_EQ(0, get(self->kernel, &again));
	EXPECT_EQ(image, again);
	image_put(image);
	EXPECT_EQ(MARK, run(again));
	image_put(again);
	image_put(NULL);
}

TEST(kinds_that_load)
{
	static const struct {
		const char *what, *flags, *source;
		bool leaf;
	} kinds[] = {
		{ "start files", FULL, "void kernel_entry(long *a) {}", true },
		{ "old hash table", BARE " -Wl,--hash-style=sysv",
		  "void kernel_entry(long *a) {}", true },
		{ "both hash tables", BARE " -Wl,--hash-style=both",
		  "int x; void kernel_entry(long *a) {}", true },
		{ "packed relocations", BARE " -Wl,-z,pack-relative-relocs",
		  "static int x; int *p[200] = { [0 ... 150] = &x };\n"
		  "void kernel_entry(long *a) {}", true },
		{ "no text segment of its own", BARE " -Wl,-z,noseparate-code",
		  "int x; int *p = &x; void kernel_entry(long *a) {}", true },
		{ "lazy binding asked for", BARE " -Wl,-z,lazy",
		  "#include <math.h>\nvoid kernel_entry(double *a) { a[0] = cos(a[0]); }", true },
		{ "no symbol of its own", BARE,
		  "static __attribute__((used)) void f(void) {}", true },
		{ "malloc", BARE,
		  "#include <stdlib.h>\nvoid kernel_entry(long *a) { a[0] = (long)malloc(1); }", false },
		{ "variable of libc", BARE,
		  "#include <stdio.h>\nvoid kernel_entry(FILE **a) { *a = stdout; }", false },
		{ "thread-local memory", BARE,
		  "__thread int x[100]; void kernel_entry(long *a) { x[a[0]]++; }", false },
		{ "initial-exec", BARE " -ftls-model=initial-exec",
		  "__thread int x; void kernel_entry(long *a) { x++; }", true },
		{ "IFUNC", BARE,
		  "static void one(long *a) {} static void *pick(void) { return one; }\n"
		  "void f(long *a) __attribute__((ifunc(\"pick\")));\n"
		  "void kernel_entry(long *a) { f(a); }", true },
		{ "constructor", FULL,
		  "#include <stdio.h>\n__attribute__((constructor)) void c(void) { puts(\"\"); }\n"
		  "void kernel_entry(long *a) {}", false },
		{ "C++", "-xc++ -Wl,--no-as-needed -lstdc++",
		  "#include <vector>\nstatic std::vector<int> v(3);\n"
		  "extern \"C\" void kernel_entry(long *a) { v.push_back(a[0]); }", false },
#if defined(__SANITIZE_ADDRESS__)
		{ "instrumented", BARE " -fsanitize=address,undefined -fno-sanitize-recover=undefined",
		  "void kernel_entry(long *a) { a[0] += a[1]; }", true },
#elif defined(__SANITIZE_THREAD__)
		{ "instrumented", BARE " -fsanitize=thread",
		  "void kernel_entry(long *a) { a[0]++; }", true },
#endif
	};

	for (int i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct file f = compile(kinds[i].source, kinds[i].flags);
		struct image *image;

		ASSERT_NE(0, f.size)
			TH_LOG("%s", kinds[i].what);
		ASSERT_EQ(0, get(f, &image))
			TH_LOG("%s: %s", kinds[i].what, pto_last_error());
		EXPECT_EQ(kinds[i].leaf, image->leaf)
			TH_LOG("%s", kinds[i].what);
		image_put(image);
		free(f.bytes);
	}
}

TEST_F(image, refused_by_header)
{
	struct file f = self->kernel;
	Elf64_Ehdr *eh = (Elf64_Ehdr *)f.bytes, saved = *eh;
	struct image *image;

	EXPECT_ERROR(-EINVAL, image_get(NULL, 10, "x", &image), "no image");
	EXPECT_ERROR(-EINVAL, image_get(f.bytes, 0, "x", &image), "no image");
	EXPECT_ERROR(-ENOEXEC, image_get("garbage", 7, "kernel k", &image), "kernel k: not an ELF");
	EXPECT_ERROR(-ENOEXEC, image_get(f.bytes, 20, "x", &image), "cut off");
#define REFUSED(field, value, text) do { \
	eh->field = value; \
	EXPECT_ERROR(-ENOEXEC, get(f, &image), text); \
	*eh = saved; \
} while (0)
	REFUSED(e_ident[EI_CLASS], ELFCLASS32, "32-bit");
	REFUSED(e_ident[EI_DATA], ELFDATA2MSB, "big-endian");
	REFUSED(e_ident[EI_OSABI], ELFOSABI_FREEBSD, "OS ABI");
	REFUSED(e_machine, saved.e_machine == EM_AARCH64 ? EM_X86_64 : EM_AARCH64, "built for");
	REFUSED(e_type, ET_EXEC, "link it with -shared");
	REFUSED(e_type, ET_REL, "link it with -shared");
	REFUSED(e_phoff, f.size, "program headers");
	REFUSED(e_phnum, 0, "program headers");
	REFUSED(e_phnum, 65535, "program headers");
	REFUSED(e_phentsize, 32, "program headers");
	EXPECT_EQ(0, get(f, &image));
	image_put(image);
}

/* ---- single fields that the linker would trust ------------------------------------ */

static Elf64_Phdr *segment(struct file f, uint32_t type)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)f.bytes;
	Elf64_Phdr *ph = (Elf64_Phdr *)(f.bytes + eh->e_phoff);

	for (int i = 0; i < eh->e_phnum; i++) {
		if (ph[i].p_type == type)
			return &ph[i];
	}
	return NULL;
}

static Elf64_Dyn *tag(struct file f, int64_t want)
{
	Elf64_Dyn *d = (Elf64_Dyn *)(f.bytes + segment(f, PT_DYNAMIC)->p_offset);

	while (d->d_tag != DT_NULL && d->d_tag != want)
		d++;
	return d;
}

/* A table in the first segment, where addresses are offsets. */
static void *table(struct file f, int64_t want)
{
	return f.bytes + tag(f, want)->d_un.d_val;
}

static Elf64_Rela *reloc(struct file f, int64_t want, int i)
{
	return (Elf64_Rela *)table(f, want) + i;
}

static uint32_t *gnu_hash(struct file f)
{
	return table(f, DT_GNU_HASH);
}

static uint32_t *gnu_chain(struct file f)
{
	uint32_t *h = gnu_hash(f);

	return h + 4 + 2 * h[2] + h[0];
}

#define FAR	0x10000000

#define CORRUPTIONS(X) \
	X(segment(f, PT_LOAD)->p_filesz = f.size + 1, "outside the file") \
	X(segment(f, PT_LOAD)->p_offset = -1ull, "outside the file") \
	X(segment(f, PT_LOAD)->p_memsz = 1, "in memory") \
	X(segment(f, PT_LOAD)->p_memsz = 1ull << 40, "too large") \
	X(segment(f, PT_LOAD)->p_memsz = 0x100000, "overlaps") \
	X(segment(f, PT_LOAD)->p_align = 3, "aligned") \
	X(segment(f, PT_LOAD)->p_align = 1ull << 40, "aligned") \
	X(segment(f, PT_LOAD)->p_vaddr = 8, "does not match") \
	X(segment(f, PT_LOAD)->p_vaddr = -0x1000ull, "begins at") \
	X(segment(f, PT_LOAD)->p_flags |= PF_W, "writable segment") \
	X(segment(f, PT_DYNAMIC)->p_type = PT_NULL, "no dynamic section") \
	X(segment(f, PT_NOTE)->p_type = PT_DYNAMIC, "two dynamic sections") \
	X(segment(f, PT_DYNAMIC)->p_vaddr += FAR, "outside the LOAD") \
	X(segment(f, PT_DYNAMIC)->p_vaddr += 16, "outside the LOAD") \
	X(segment(f, PT_GNU_RELRO)->p_memsz = FAR, "GNU_RELRO") \
	X(segment(f, PT_GNU_STACK)->p_flags |= PF_X, "executable stack") \
	X(segment(f, PT_GNU_STACK)->p_type = PT_NULL, "GNU_STACK") \
	X(segment(f, PT_NOTE)->p_type = PT_TLS; segment(f, PT_TLS)->p_memsz = 1ull << 40, "TLS") \
	X(segment(f, PT_NOTE)->p_type = PT_TLS; segment(f, PT_TLS)->p_align = 0, "TLS is aligned") \
	X(segment(f, PT_NOTE)->p_filesz -= 3, "note") \
	X(tag(f, DT_STRTAB)->d_un.d_ptr = FAR, "string table") \
	X(tag(f, DT_STRSZ)->d_un.d_val -= 1, "end with NUL") \
	X(tag(f, DT_STRSZ)->d_un.d_val = -1, "string table") \
	X(tag(f, DT_STRTAB)->d_tag = 0x1234, "no DT_STRTAB") \
	X(tag(f, DT_SYMTAB)->d_un.d_ptr = FAR, "symbol table") \
	X(tag(f, DT_SYMTAB)->d_tag = 0x1234, "no DT_SYMTAB") \
	X(tag(f, DT_SYMENT)->d_un.d_val = 16, "DT_SYMENT is 16") \
	X(tag(f, DT_NEEDED)->d_un.d_val = FAR, "DT_NEEDED") \
	X(tag(f, DT_RELA)->d_un.d_ptr = FAR, "DT_RELA") \
	X(tag(f, DT_RELASZ)->d_un.d_val = FAR * 3, "DT_RELA") \
	X(tag(f, DT_RELASZ)->d_un.d_val = 25, "DT_RELA") \
	X(tag(f, DT_RELASZ)->d_tag = 0x1234, "without its size") \
	X(tag(f, DT_RELAENT)->d_un.d_val = 8, "DT_RELAENT") \
	X(tag(f, DT_RELAENT)->d_tag = 0x1234, "without its size") \
	X(tag(f, DT_RELACOUNT)->d_un.d_val = 100, "relative") \
	X(tag(f, DT_RELACOUNT)->d_un.d_val += 1, "not relative") \
	X(tag(f, DT_PLTREL)->d_un.d_val = DT_REL, "DT_PLTREL") \
	X(tag(f, DT_JMPREL)->d_tag = 0x1234, "no DT_JMPREL") \
	X(tag(f, DT_GNU_HASH)->d_tag = 0x1234, "no hash table") \
	X(tag(f, DT_GNU_HASH)->d_un.d_ptr = FAR, "DT_GNU_HASH") \
	X(tag(f, DT_RELACOUNT)->d_tag = DT_TEXTREL, "-fPIC") \
	X(tag(f, DT_RELACOUNT)->d_tag = DT_INIT, "is not code") \
	X(tag(f, DT_RELACOUNT)->d_tag = DT_INIT_ARRAY, "without its size") \
	X(tag(f, DT_VERSYM)->d_un.d_ptr = FAR, "DT_VERSYM") \
	X(tag(f, DT_VERSYM)->d_tag = 0x1234, "no DT_VERSYM") \
	X(tag(f, DT_VERNEED)->d_un.d_ptr = FAR, "DT_VERNEED") \
	X(((Elf64_Verneed *)table(f, DT_VERNEED))->vn_file = 0, "does not load") \
	X(((Elf64_Verneed *)table(f, DT_VERNEED))->vn_aux = FAR, "wanted version") \
	X(((Elf64_Verneed *)table(f, DT_VERNEED))->vn_next = FAR, "version table") \
	X(((uint16_t *)table(f, DT_VERSYM))[1] = 0x7abc, "means nothing") \
	X(((Elf64_Sym *)table(f, DT_SYMTAB))[1].st_name = FAR, "symbol: name") \
	X(gnu_hash(f)[0] = FAR, "larger than") \
	X(gnu_hash(f)[2] = 3, "filter") \
	X(gnu_hash(f)[2] = 0, "filter") \
	X(gnu_hash(f)[3] = 70, "filter") \
	X(gnu_hash(f)[4 + 2 * gnu_hash(f)[2]] = FAR, "does not end") \
	X(gnu_hash(f)[1] = 1000, "first is 1000") \
	X(memset(gnu_chain(f), 0, 4 * 5), "") \
	X(reloc(f, DT_RELA, 0)->r_offset = FAR, "outside the writable") \
	X(reloc(f, DT_RELA, 0)->r_offset = 0x40, "outside the writable") \
	X(reloc(f, DT_RELA, 0)->r_offset = -4ull, "outside the writable") \
	X(reloc(f, DT_JMPREL, 0)->r_offset = segment(f, PT_DYNAMIC)->p_vaddr, "dynamic section") \
	X(reloc(f, DT_JMPREL, 0)->r_info = ELF64_R_INFO(1, 99), "type 99") \
	X(reloc(f, DT_JMPREL, 0)->r_info = ELF64_R_INFO(1, R_X86_64_COPY), "type 5") \
	X(reloc(f, DT_JMPREL, 0)->r_info |= 0xffffffull << 32, "outside the image") \
	X(reloc(f, DT_JMPREL, 0)->r_info = ELF64_R_INFO(0, R_X86_64_DTPMOD64), "TLS") \
	X(reloc(f, DT_JMPREL, 0)->r_info = ELF64_R_INFO(0, R_X86_64_IRELATIVE), "is not code")

#ifdef __x86_64__
TEST_F(image, refused_by_field)
{
	struct image *image;
	struct file f;

#define REFUSED_FIELD(change, text) do { \
	f = file_copy(self->kernel); \
	change; \
	EXPECT_ERROR(-ENOEXEC, get(f, &image), text); \
	free(f.bytes); \
} while (0);
	CORRUPTIONS(REFUSED_FIELD)
	/* And none of it has done harm. */
	ASSERT_EQ(0, get(self->kernel, &image));
	EXPECT_EQ(MARK, run(image));
	image_put(image);
}
#endif

/* ---- tampered bytes: an error or an image, and this process lives -------------------- */

static int try(struct file f)
{
	struct image *image;
	int err = get(f, &image);

	if (!err)
		image_put(image);
	return err;
}

TEST_F(image, truncated)
{
	struct file f = self->kernel;
	size_t end = segment(f, PT_DYNAMIC)->p_offset;

	for (size_t size = 1; size < self->kernel.size; size += size < 2048 ? 1 : 61) {
		/* Its own buffer, so that a read beyond it is seen. */
		struct file cut = { size, malloc(size) };
		int err;

		memcpy(cut.bytes, f.bytes, size);
		err = try(cut);
		if (size < end)
			EXPECT_EQ(-ENOEXEC, err);
		free(cut.bytes);
	}
}

static void flip_range(struct file f, size_t from, size_t to, int counts[2])
{
	static const unsigned char flips[] = { 0x01, 0x10, 0x80, 0xff };

	for (size_t i = from; i < to; i++) {
		for (int k = 0; k < ARRAY_SIZE(flips); k++) {
			f.bytes[i] ^= flips[k];
			counts[!try(f)]++;
			f.bytes[i] ^= flips[k];
		}
	}
}

TEST_F_TIMEOUT(image, flipped_headers, 120)
{
	Elf64_Ehdr *eh = (Elf64_Ehdr *)self->kernel.bytes;
	int counts[2] = { 0 };

	flip_range(self->kernel, 0, eh->e_phoff + eh->e_phnum * sizeof(Elf64_Phdr), counts);
	EXPECT_LT(1000, counts[0]);
	EXPECT_LT(10, counts[1]);
}

TEST_F_TIMEOUT(image, flipped_tables, 120)
{
	struct file f = self->kernel;
	Elf64_Phdr *load = segment(f, PT_LOAD), *dynamic = segment(f, PT_DYNAMIC);
	Elf64_Ehdr *eh = (Elf64_Ehdr *)f.bytes;
	int counts[2] = { 0 };

	/* Behind the program headers: notes, hash table, symbols, strings, relocations. */
	flip_range(f, eh->e_phoff + eh->e_phnum * sizeof(Elf64_Phdr), load->p_filesz, counts);
	flip_range(f, dynamic->p_offset, dynamic->p_offset + dynamic->p_filesz, counts);
	EXPECT_LT(500, counts[0]);
	EXPECT_LT(10, counts[1]);
}

TEST(refused_by_symbol)
{
	static const struct {
		const char *source, *text;
	} refused[] = {
		{ "#include <stdlib.h>\nstatic void *pick(void) { abort(); }\n"
		  "void kernel_entry(long *a) __attribute__((ifunc(\"pick\")));",
		  "kernel_entry is chosen when it is looked up" },
		{ "#include <pthread.h>\nvoid kernel_entry(long *a) { pthread_exit(a); }",
		  "it uses pthread_exit(), but must return" },
	};
	int i;

	for (i = 0; i < ARRAY_SIZE(refused); i++) {
		struct file f = compile(refused[i].source, BARE);
		struct image *image;

		ASSERT_NE(0, f.size);
		EXPECT_ERROR(-ENOEXEC, get(f, &image), refused[i].text);
		free(f.bytes);
	}
}

/* ---- images that do harm when they are loaded ----------------------------------------- */

#define CONSTRUCTOR(body) "#include <stdlib.h>\n#include <unistd.h>\n" \
	"__attribute__((constructor)) void c(void) { " body " }\nvoid kernel_entry(long *a) {}\n"

TEST_F(image, harmful_constructors)
{
	static const struct { const char *source, *text; } harm[] = {
		{ CONSTRUCTOR("*(volatile int *)8 = 1;"), "signal 11" },
		{ CONSTRUCTOR("abort();"), "signal 6" },
		{ CONSTRUCTOR("exit(0);"), "ended it early (code 0)" },
		{ CONSTRUCTOR("_exit(3);"), "code 3" },
		{ "__attribute__((destructor)) void d(void) { __builtin_trap(); }", "signal 4" },
	};
	struct image *image;

	for (int i = 0; i < ARRAY_SIZE(harm); i++) {
		struct file f = compile(harm[i].source, FULL);

		EXPECT_ERROR(-ENOEXEC, get(f, &image), harm[i].text);
		EXPECT_NE(NULL, strstr(pto_last_error(), "constructors or destructors"));
		free(f.bytes);
	}
	ASSERT_EQ(0, get(self->kernel, &image));
	image_put(image);
}

TEST(endless_constructor)
{
	struct file f = compile(CONSTRUCTOR("for (;;) pause();"), FULL);
	struct image *image;

	EXPECT_ERROR(-ENOEXEC, get(f, &image), "took over 10 s");
	free(f.bytes);
}

static void reap_all(int sig)
{
	int saved_errno = errno;

	while (waitpid(-1, NULL, WNOHANG) > 0)
		;
	errno = saved_errno;
}

/* A program that reaps all children, or none: the verdict is the same. */
TEST(host_handles_sigchld)
{
	struct file good = compile(CONSTRUCTOR("setenv(\"X\", \"1\", 1);"), FULL);
	struct file crash = compile(CONSTRUCTOR("*(volatile int *)8 = 1;"), FULL);
	void (*const handlers[])(int) = { SIG_IGN, reap_all };
	struct image *image;

	for (int i = 0; i < ARRAY_SIZE(handlers); i++) {
		struct file f = file_copy(good);

		f.bytes[f.size - 1] ^= i + 1;	/* in the last section header: new bytes */
		signal(SIGCHLD, handlers[i]);
		EXPECT_EQ(0, get(f, &image))
			TH_LOG("%s", pto_last_error());
		image_put(image);
		EXPECT_EQ(-ENOEXEC, get(crash, &image));
		free(f.bytes);
	}
	signal(SIGCHLD, SIG_DFL);
	free(good.bytes);
	free(crash.bytes);
}

TEST(unresolved)
{
	static const char source[] = "void nobody(void); void kernel_entry(long *a) { nobody(); }";
	struct file bare = compile(source, BARE);
	struct file full = compile(source, FULL);
	struct image *image;

	EXPECT_ERROR(-ENOEXEC, get(bare, &image), "undefined symbol: nobody");
	EXPECT_ERROR(-ENOEXEC, get(full, &image), "undefined symbol: nobody");
	free(bare.bytes);
	free(full.bytes);
}

/* ---- the cache -------------------------------------------------------------------------- */

/* Image numbers and descriptors are reused: each image is still the right one. */
TEST_F(image, cache_is_bounded)
{
	int before = open_files();

	for (int round = 0; round < 2; round++) {
		for (int i = 0; i < 200; i++) {
			struct file f = file_marked(self->kernel, i);
			struct image *image;

			ASSERT_EQ(0, get(f, &image))
				TH_LOG("%s", pto_last_error());
			ASSERT_EQ(i, run(image));
			image_put(image);
			free(f.bytes);
		}
	}
	EXPECT_GE(before + 64, open_files());
	EXPECT_LT(before + 32, open_files());
}

TEST_F(image, cache_is_bounded_in_bytes)
{
	int before = open_files();

	for (int i = 0; i < 6; i++) {
		struct file f = { 20 << 20, calloc(1, 20 << 20) };
		struct image *image;

		memcpy(f.bytes, self->kernel.bytes, self->kernel.size);
		f.bytes[f.size - 1] = i;
		ASSERT_EQ(0, get(f, &image));
		image_put(image);
		free(f.bytes);
	}
	EXPECT_GE(before + 3, open_files());
}

/* The linker never unloads it: nothing else may get its descriptor. */
TEST_F(image, never_unloaded)
{
	struct file stuck = compile(kernel_source, BARE " -Wl,-z,nodelete");
	struct image *image;

	for (int round = 0; round < 2; round++) {
		ASSERT_EQ(0, get(stuck, &image));
		EXPECT_EQ(MARK, run(image));
		image_put(image);
		for (int i = 0; i < 80; i++) {
			struct file f = file_marked(self->kernel, i);

			ASSERT_EQ(0, get(f, &image));
			ASSERT_EQ(i, run(image));
			image_put(image);
			free(f.bytes);
		}
	}
	free(stuck.bytes);
}

static struct file thread_files[100];

static void *thread_main(void *arg)
{
	unsigned int seed = (uintptr_t)arg;
	intptr_t bad = 0;

	for (int i = 0; i < 300; i++) {
		int k = rand_r(&seed) % ARRAY_SIZE(thread_files);
		struct image *image;

		if (get(thread_files[k], &image)) {
			bad++;
			continue;
		}
		bad += run(image) != k;
		image_put(image);
	}
	return (void *)bad;
}

static void threads_start(struct file kernel, pthread_t *thread, int n)
{
	for (int k = 0; k < ARRAY_SIZE(thread_files); k++)
		thread_files[k] = file_marked(kernel, k);
	for (intptr_t i = 0; i < n; i++)
		pthread_create(&thread[i], NULL, thread_main, (void *)(i + 1));
}

static intptr_t threads_join(pthread_t *thread, int n)
{
	intptr_t bad = 0;

	for (int i = 0; i < n; i++) {
		void *ret;

		pthread_join(thread[i], &ret);
		bad += (intptr_t)ret;
	}
	return bad;
}

TEST_F(image, threads)
{
	pthread_t thread[4];

	threads_start(self->kernel, thread, ARRAY_SIZE(thread));
	EXPECT_EQ(0, threads_join(thread, ARRAY_SIZE(thread)));
}

/* A child of fork() can load images whatever other threads were doing. */
TEST_F(image, fork_while_loading)
{
	pthread_t thread[4];

#ifdef __SANITIZE_ADDRESS__
	SKIP(return, "the sanitizer's allocator does not survive such a fork");
#endif
	threads_start(self->kernel, thread, ARRAY_SIZE(thread));
	for (int i = 0; i < 20; i++) {
		pid_t pid = fork();
		int status;

		ASSERT_LE(0, pid);
		if (!pid)
			_exit(try(self->kernel) ? 1 : 0);
		ASSERT_EQ(pid, waitpid(pid, &status, 0));
		EXPECT_EQ(0, status);
	}
	EXPECT_EQ(0, threads_join(thread, ARRAY_SIZE(thread)));
}

TEST_F(image, kept_copies)
{
	char dir[] = "/tmp/pto-keep-XXXXXX", path[PATH_MAX];
	struct file copy = { 0 };
	struct dirent *d;
	DIR *list;

	ASSERT_NE(NULL, mkdtemp(dir));
	setenv("PTO_KEEP_IMAGES", dir, 1);
	EXPECT_EQ(0, try(self->kernel));
	unsetenv("PTO_KEEP_IMAGES");
	list = opendir(dir);
	while ((d = readdir(list))) {
		if (strncmp(d->d_name, "kernel_func_id_7-", 17))
			continue;
		snprintf(path, sizeof(path), "%s/%s", dir, d->d_name);
		copy = file_read(path);
		unlink(path);
	}
	closedir(list);
	rmdir(dir);
	ASSERT_EQ(self->kernel.size, copy.size);
	EXPECT_EQ(0, memcmp(copy.bytes, self->kernel.bytes, copy.size));
	free(copy.bytes);
}

TEST_HARNESS_MAIN
