#!/bin/sh
# SPDX-License-Identifier: MIT OR LGPL-2.1
# pto-cc: what it makes of sources, and what it says of bad ones.
# shellcheck source=selftests/tools/tap.sh
. "$(dirname "$0")/tap.sh"
cc=$BIN/pto-cc
cd "$work" || exit 1

cat >kernel.c <<'END'
#include <math.h>
#include <stdint.h>
void kernel_entry(int64_t *args) { *(float *)args[0] = sinf(FACTOR * args[1]); }
END
cat >orch.cpp <<'END'
#include <pto/orch.h>
extern "C" int build(pto_orch *o, uint64_t *, int) { return pto_orch_task_count(o); }
END
printf 'void kernel_entry(long *args) { missing(args); }\n' >undefined.c
printf 'volatile int x; __attribute__((constructor)) static void c(void) { x = 1; }\nvoid kernel_entry(long *a) { }\n' \
	>constructor.c
cat >unique.cpp <<'END'
template <typename T> struct table { static inline T data[4]; };
extern "C" void kernel_entry(long *a) { a[0] = table<long>::data[a[1] & 3]++; }
END
printf 'int main(\n' >syntax.c
printf 'void kernel_entry(long *args) { }\n' >mangled.cpp
cp kernel.c 'a space.c'
: >kernel.rs

exports()
{
	readelf -W --dyn-syms "$1"
}

check 'a kernel in C' 0 '' "$cc" -DFACTOR=2 kernel.c
check 'exports kernel_entry' 0 'FUNC +GLOBAL +DEFAULT +[0-9]+ kernel_entry' exports kernel.so
check 'an orchestration in C++ finds our headers' 0 '' "$cc" --orch -o o.so orch.cpp
check 'which has no undefined symbol of ours' 0 '^0$' sh -c 'test -f o.so &&
	readelf -W --dyn-syms o.so | grep -c "UND .*pto_"; :'
check 'binds its symbols at once' 0 'NOW' readelf -d kernel.so
check 'and runs no code when it is loaded' 0 '^0$' sh -c 'PTO_CFLAGS= "$0" -DFACTOR=2 kernel.c &&
	readelf -d kernel.so | grep -cE "INIT|FINI"; :' "$cc"
check 'a constructor in C is kept' 0 'INIT_ARRAY' sh -c '"$0" constructor.c &&
	readelf -d constructor.so' "$cc"
check 'static data of C++ templates is not shared between images' 0 '^0$' sh -c '"$0" unique.cpp &&
	readelf -W --dyn-syms unique.so | grep -c UNIQUE; :' "$cc"
check 'separate -D and -o, blanks in names' 0 '' "$cc" -D FACTOR=2 -o 'b space.so' 'a space.c'
check 'that image is there' 0 'kernel_entry' exports 'b space.so'
check 'flags after -- reach the compiler' 0 '.debug_info' \
	sh -c "'$cc' -DFACTOR=1 kernel.c -- -g3 && readelf -WS kernel.so"
check 'PTO_CFLAGS reaches the compiler' 1 'FACTOR' env PTO_CFLAGS=-DNONE "$cc" kernel.c
check 'PTO_CFLAGS may hold several flags' 0 '' env PTO_CFLAGS='-DNONE -DFACTOR=1' "$cc" kernel.c
check 'PTO_CXX names the compiler' 1 'no compiler: nosuch' env PTO_CXX=nosuch "$cc" orch.cpp
check 'verbose shows the command' 0 '-shared' "$cc" --verbose -DFACTOR=1 kernel.c

check 'a source is compiled into the cache' 0 '-shared' \
	"$cc" --verbose --cache c -DFACTOR=1 -o k.so kernel.c
check 'and not compiled again' 0 '^1$' \
	sh -c "'$cc' --verbose --cache c -DFACTOR=1 -o k2.so kernel.c 2>&1 | grep -c -v shared"
check 'but gives the same image' 0 '' cmp k.so k2.so
check 'other flags make another image' 0 '-shared' \
	"$cc" --verbose --cache c -DFACTOR=2 -o k.so kernel.c

# damage NAME COMMAND - done to the one entry ./e of a cache, it costs no more than to compile
# again; the entry is whole then
damage()
{
	rm -rf d k.so
	"$cc" --cache d -DFACTOR=1 -o whole.so kernel.c
	(mv d/*.so e && sh -c "$2" && mv e "$(cat name)")
	check "$1: compiled again" 0 '-shared' "$cc" --verbose --cache d -DFACTOR=1 -o k.so kernel.c
	check "$1: the same image" 0 '' cmp whole.so k.so
	check "$1: kept again" 0 '^1 0$' sh -c '
		echo $(ls d | wc -l) $("$0" --verbose --cache d -DFACTOR=1 -o k.so kernel.c 2>&1 |
			grep -c -e -shared)' "$cc"
}
"$cc" --cache d -DFACTOR=1 -o k.so kernel.c
echo d/*.so >name
damage 'an empty entry' ': >e'
damage 'a truncated entry' 'truncate -s -1 e'
damage 'an entry with a wrong byte' 'printf x | dd of=e bs=1 seek=999 conv=notrunc status=none'
damage 'an entry that is a folder' 'rm e && mkdir -p e/f'
damage 'an entry that leads nowhere' 'rm e && ln -s nix e'
damage 'an entry that others can write to' 'chmod o+w e'

# refused NAME TEXT - the cache ./d is not used
refused()
{
	check "$1 is done without" 0 "$2" "$cc" --cache d -DFACTOR=2 -o k.so kernel.c
	check "and left as it is: $1" 0 '^1$' sh -c 'ls d | wc -l'
}
chmod o+w d
refused 'a cache that others can write to' 'no cache: others can write to d'
chmod o-w d
if [ "$(id -u)" = 0 ] && chown 65534 d 2>/dev/null; then
	refused "a cache of somebody else's" 'no cache: others can write to d'
else
	skip "a cache of somebody else's" 'this is not root'
fi
check 'a cache is made for the caller alone to write to' 0 '^755$' sh -c 'umask 0
	"$0" --cache new -DFACTOR=1 -o k.so kernel.c && stat -c %a new' "$cc"
check 'and used again' 0 '^0$' sh -c 'umask 0
	"$0" --verbose --cache new -DFACTOR=1 -o k.so kernel.c 2>&1 | grep -c -e -shared; :' "$cc"
check 'a cache that can not be made is done without' 0 'no cache' \
	"$cc" --cache /dev/null/c -DFACTOR=1 -o k.so kernel.c

for o in nix/k.so c kernel.c/k.so; do
	check "-o $o can not be" 3 "can not write to $o" "$cc" -DFACTOR=1 -o "$o" kernel.c
	check "-o $o can not be, with a cache" 3 "can not write to $o" \
		"$cc" --cache c -DFACTOR=1 -o "$o" kernel.c
done
check 'an image that can not be copied from the cache' 3 'can not write to /dev/full' \
	"$cc" --cache c -DFACTOR=1 -o /dev/full kernel.c
check 'undefined symbols are errors' 1 'missing' env PTO_CFLAGS= "$cc" -o u.so undefined.c
check 'syntax errors are errors' 1 'error' "$cc" -o s.so syntax.c
check 'also with a cache' 1 'error' "$cc" --cache c -o s.so syntax.c
check 'and leave no image' 1 's.so: No such file' cat s.so
check 'a kernel without kernel_entry is an error' 1 'mangled.cpp exports no kernel_entry; in C' \
	"$cc" --cache c -o m.so mangled.cpp
check 'and leaves no image' 1 'm.so: No such file' cat m.so
check 'an orchestration may have any function' 0 '' "$cc" --orch -o m.so mangled.cpp
check 'help' 0 '^Usage: pto-cc' "$cc" --help
check 'no source' 2 'no source' "$cc"
check 'two sources' 2 'more than one source' "$cc" kernel.c syntax.c
check 'no such source' 2 'no such file: nix.c' "$cc" nix.c
check 'another language' 2 'neither C .* nor C' "$cc" kernel.rs
check 'unknown option' 2 'unknown option --nix' "$cc" --nix kernel.c
check 'option without value' 2 '-o wants a value' "$cc" kernel.c -o
done_testing
